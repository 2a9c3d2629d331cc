/* A small server for the tests of the HTTP layer, and a client that sends exactly what it is told.
 * Each http_*_test.c includes it. */
#ifndef API_HTTP_FIXTURE_H
#define API_HTTP_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "http.h"
#include "io.h"
#include "test.h"

static _Atomic int fixture_deleted, fixture_authorised, fixture_later;
static _Atomic int fixture_sink_ended, fixture_sink_complete;
static _Atomic uint64_t fixture_streamed;

static inline void handle_hello(struct http_request *r)
{
    http_reply(r, 200, "text/plain", STR("hello"));
}

static inline void handle_show(struct http_request *r)
{
    struct str q = STR_EMPTY;
    bool has = http_query(r, "q", &q);
    struct str id = http_param(r, "id"), path = http_path(r), base = http_base_url(r);
    struct str text =
        arena_printf(http_arena(r), "%.*s|%.*s|%d|%.*s|%.*s", (int)id.len, id.ptr, (int)path.len,
                     path.ptr, has, (int)q.len, q.ptr, (int)base.len, base.ptr);
    http_reply(r, 200, "text/plain", text);
}

static inline void handle_put(struct http_request *r)
{
    AUTO(buf) struct buf body = buf_make(100);
    ASSERT(buf_printf(&body, "{\"len\":%zu}", http_body(r).len) == OK);
    http_reply_json(r, 201, &body);
}

static inline void handle_delete(struct http_request *r)
{
    fixture_deleted++;
    http_reply_empty(r, 204);
}

static inline void *answer_slowly(void *ctx)
{
    usleep(20000);
    http_reply(ctx, 200, "text/plain", STR("later"));
    return NULL;
}

static inline void handle_later(struct http_request *r)
{
    pthread_t thread;
    fixture_later++;
    http_suspend(r);
    ASSERT(pthread_create(&thread, NULL, answer_slowly, r) == 0);
    pthread_detach(thread);
}

static inline void *answer_at_once(void *ctx)
{
    http_reply(ctx, 200, "text/plain", STR("early"));
    return NULL;
}

static inline void handle_early(struct http_request *r)
{
    pthread_t thread;
    http_suspend(r);
    ASSERT(pthread_create(&thread, NULL, answer_at_once, r) == 0);
    pthread_join(thread, NULL);
}

static inline void handle_race(struct http_request *r)
{
    pthread_t thread;
    http_suspend(r);
    ASSERT(pthread_create(&thread, NULL, answer_at_once, r) == 0);
    pthread_detach(thread);
}

static inline void handle_defer(struct http_request *r)
{
    http_defer(r, handle_put);
}

static inline void handle_forgets(struct http_request *r)
{
    (void)r;
}

static inline enum err sink_piece(void *ctx, struct str bytes)
{
    (void)ctx;
    fixture_streamed += bytes.len;
    return bytes.len && bytes.ptr[0] == '!' ? ERR_STORE_FULL : OK;
}

static inline void sink_end(struct http_request *r, void *ctx, bool complete)
{
    free(ctx);
    fixture_sink_ended++;
    fixture_sink_complete += complete;
    if (complete)
        http_reply_empty(r, 204);
}

static inline void handle_stream(struct http_request *r)
{
    if (http_header(r, "X-Refuse").len) {
        http_fail(r, ERR_GONE);
        return;
    }
    struct http_sink sink = {sink_piece, sink_end, xmalloc(16)};
    http_stream_body(r, &sink);
}

static inline void *feed_pipe(void *ctx)
{
    int fd = (int)(intptr_t)ctx;
    for (int i = 0; i < 5; i++) {
        usleep(10000);
        if (write(fd, "0123456789", 10) != 10)
            break; /* a HEAD takes nothing */
    }
    close(fd);
    return NULL;
}

static inline void *give_verdict(void *ctx)
{
    int *late = ctx;
    usleep(150000); /* the data has ended long before */
    if (late[1])
        ASSERT(write(late[0], "", 1) == 1);
    close(late[0]);
    free(late);
    return NULL;
}

/* Three pieces of ten bytes; then the end, or an error instead of it. */
struct ten_bytes {
    int left;
    bool breaks;
};
static int ten_bytes_open;
static inline enum err ten_bytes_next(void *ctx, struct buf *piece)
{
    struct ten_bytes *t = ctx;
    if (t->left == 0)
        return t->breaks ? ERR_IO : OK;
    t->left--;
    return buf_put(piece, STR("0123456789"));
}

static inline void ten_bytes_end(void *ctx)
{
    ten_bytes_open--;
    free(ctx);
}

static inline void handle_source(struct http_request *r)
{
    struct ten_bytes *t = xcalloc(1, sizeof *t);
    *t = (struct ten_bytes){3, http_header(r, "X-Broken").len > 0};
    ten_bytes_open++;
    http_reply_source(
        r, 200, "text/plain",
        &(struct http_source){
            .next = ten_bytes_next, .end = ten_bytes_end, .ctx = t, .piece_max_bytes = 10});
}

static inline void handle_pipe(struct http_request *r)
{
    int fds[2];
    pthread_t thread;
    ASSERT(pipe(fds) == 0);
    ASSERT(pthread_create(&thread, NULL, feed_pipe, (void *)(intptr_t)fds[1]) == 0);
    pthread_detach(thread);
    bool broken = http_header(r, "X-Broken").len > 0, known = http_header(r, "X-Known").len > 0;
    struct str said = http_header(r, "X-Verdict"); /* given late */
    int verdict[2] = {-1, -1};
    if (said.len) {
        ASSERT(pipe(verdict) == 0);
        int *late = xmalloc(2 * sizeof *late);
        late[0] = verdict[1];
        late[1] = str_is(said, "whole");
        ASSERT(pthread_create(&thread, NULL, give_verdict, late) == 0);
        pthread_detach(thread);
    }
    http_reply_pipe(r, 200, "video/mp4", fds[0], broken ? 70 : known ? 50 : -1, verdict[0]);
}

static inline void handle_file(struct http_request *r)
{
    FILE *f = tmpfile();
    ASSERT(f && fwrite("--0123456789--", 1, 14, f) == 14 && fflush(f) == 0);
    int fd = dup(fileno(f));
    fclose(f);
    http_reply_file(r, 200, "video/mp4", fd, 2, 10);
}

static inline void handle_problems(struct http_request *r)
{
    struct problems problems;
    problems_init(&problems, http_arena(r));
    http_answer_header(r, "X-Note", "one\r\nX-Two: two");
    http_fail_with(r, problems_add(&problems, STR("/name"), "is \"missing\""), &problems);
}

enum { OPEN, BEARER };

static const struct http_route FIXTURE_ROUTES[] = {
    {"GET", "!/healthz", HTTP_BODY_NONE, 0, OPEN, handle_hello, 0},
    {"GET", "/show/{id}", HTTP_BODY_NONE, 0, OPEN, handle_show, 0},
    {"GET", "/secrets", HTTP_BODY_NONE, 0, BEARER, handle_hello, 0},
    {"PUT", "/secrets", HTTP_BODY_BUFFER, JSON_BODY_MAX_BYTES, BEARER, handle_put, 0},
    {"DELETE", "/secrets/{id}", HTTP_BODY_NONE, 0, BEARER, handle_delete, 0},
    {"PUT", "/defer", HTTP_BODY_BUFFER, 1000, OPEN, handle_defer, 0},
    {"PUT", "/small", HTTP_BODY_BUFFER, 10, OPEN, handle_put, 0},
    {"PUT", "/stream", HTTP_BODY_STREAM, 1 << 20, OPEN, handle_stream, 0},
    {"GET", "/later", HTTP_BODY_NONE, 0, OPEN, handle_later, 0},
    {"GET", "/early", HTTP_BODY_NONE, 0, OPEN, handle_early, 0},
    {"GET", "/race", HTTP_BODY_NONE, 0, OPEN, handle_race, 0},
    {"GET", "/forgets", HTTP_BODY_NONE, 0, OPEN, handle_forgets, 0},
    {"GET", "/pipe", HTTP_BODY_NONE, 0, OPEN, handle_pipe, 0},
    {"GET", "/file", HTTP_BODY_NONE, 0, OPEN, handle_file, 0},
    {"GET", "/problems", HTTP_BODY_NONE, 0, OPEN, handle_problems, 0},
    {"GET", "/source", HTTP_BODY_NONE, 0, OPEN, handle_source, 0},
};

#define FIXTURE_TOKEN "slt_w_fixture_token_0123456789abcdef"

static inline bool fixture_authorise(struct http_request *r, const struct http_route *route)
{
    if (route->scope == OPEN || str_is(http_authorization(r), "Bearer " FIXTURE_TOKEN)) {
        fixture_authorised++;
        return true;
    }
    http_fail(r, ERR_UNAUTHORIZED);
    return false;
}

static inline struct http_options fixture_options(void)
{
    return (struct http_options){
        .routes = FIXTURE_ROUTES,
        .route_count = ARRAY_LEN(FIXTURE_ROUTES),
        .authorise = fixture_authorise,
        .address = "127.0.0.1",
        .listen_fd = -1,
        .threads = 2,
        .connections_max = 2000,
    };
}

static inline struct http_server *fixture_start(void)
{
    struct http_options o = fixture_options();
    struct http_server *s = NULL;
    signal(SIGPIPE, SIG_IGN);
    ASSERT(http_start(&o, &s) == OK);
    return s;
}

/* --- the client --- */

/* Waits for a condition: as long as a busy machine may take. */
#define comes_true(condition)                                                                      \
    ({                                                                                             \
        int64_t until_ = clock_monotonic_ms() + 20000;                                             \
        while (!(condition) && clock_monotonic_ms() < until_)                                      \
            usleep(2000);                                                                          \
        (condition);                                                                               \
    })

static inline int dial(const struct http_server *s)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(http_port(s))};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0);
    return fd;
}

static inline void say(int fd, struct str bytes)
{
    (void)!send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
}

/* What arrives until the peer closes, or nothing comes for `first_ms`, and once something has come
 * for `quiet_ms`. *ret_closed tells which. */
static inline size_t hear_first(int fd, int first_ms, int quiet_ms, char *ret, size_t size,
                                bool *ret_closed)
{
    size_t len = 0;
    *ret_closed = false;
    while (len < size - 1) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, len ? quiet_ms : first_ms) <= 0)
            break;
        ssize_t n = recv(fd, ret + len, size - 1 - len, 0);
        if (n <= 0) {
            *ret_closed = true;
            break;
        }
        len += (size_t)n;
    }
    ret[len] = '\0';
    return len;
}

/* The same for an answer that comes: it may take as long as on a busy machine. */
static inline size_t hear(int fd, int quiet_ms, char *ret, size_t size, bool *ret_closed)
{
    enum { PATIENCE_MS = 20000, LEAST_MS = 200 };
    return hear_first(fd, PATIENCE_MS, quiet_ms < LEAST_MS ? LEAST_MS : quiet_ms, ret, size,
                      ret_closed);
}

struct heard {
    char text[128 * 1024];
    size_t len;
    int status; /* of the first answer; 0: none */
    bool closed;
};

static inline const struct heard *ask(const struct http_server *s, struct str request, int quiet_ms)
{
    static struct heard h;
    AUTO(fd) int fd = dial(s);
    say(fd, request);
    h.len = hear(fd, quiet_ms, h.text, sizeof h.text, &h.closed);
    h.status = strncmp(h.text, "HTTP/1.1 ", 9) == 0 ? atoi(h.text + 9) : 0;
    return &h;
}

#define HOST "Host: x\r\n"
#define AUTH "Authorization: Bearer " FIXTURE_TOKEN "\r\n"

#endif
