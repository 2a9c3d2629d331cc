/* An HTTP server for unit tests: one thread, one connection at a time, on 127.0.0.1. It keeps what
 * it was sent and answers with what the test says, byte for byte. Fit for nothing else. */
#ifndef NET_TEST_HTTP_H
#define NET_TEST_HTTP_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io.h"

struct test_http {
    /* Sends the answer; the connection is closed after it. Default: 200 with "ok". */
    void (*answer)(struct test_http *s, int fd);
    const char *text; /* for test_http_text: the answer as it stands */
    uint16_t port;
    char url[64]; /* "http://127.0.0.1:PORT" */
    int requests;
    struct buf head, body; /* of the last request */
    struct buf all;        /* of all requests, head and body */
    int listener;
    pthread_t thread;
};

static inline void test_http_text(struct test_http *s, int fd)
{
    (void)!io_write_all(fd, str_from(s->text));
}

static inline void test_http_ok(struct test_http *s, int fd)
{
    (void)s;
    (void)!io_write_all(fd, STR("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                "Content-Length: 2\r\n\r\nok"));
}

static inline bool test_http_more(int fd, struct buf *into)
{
    char piece[16384];
    ssize_t n = read(fd, piece, sizeof piece);
    return n > 0 && buf_put(into, str_bytes(piece, (size_t)n)) == OK;
}

/* The value of a field of the last request, or empty. */
static inline struct str test_http_field(const struct test_http *s, const char *name)
{
    struct str rest = buf_str(&s->head), line, field;
    while (rest.len) {
        rest = str_split(rest, '\n', &line);
        struct str value = str_split(line, ':', &field);
        if (str_equal_nocase(field, str_from(name)))
            return str_trim(value);
    }
    return STR_EMPTY;
}

static inline void test_http_read(struct test_http *s, int fd)
{
    AUTO(buf) struct buf in = buf_make(64 * 1024 * 1024);
    size_t end;
    while ((end = str_search(buf_str(&in), STR("\r\n\r\n"), 0)) == in.len)
        if (!test_http_more(fd, &in))
            return;
    buf_reset(&s->head);
    buf_reset(&s->body);
    ASSERT(buf_put(&s->head, str_slice(buf_str(&in), 0, end + 2)) == OK);
    uint64_t length = 0;
    if (str_to_u64(test_http_field(s, "content-length"), 1 << 26, &length) != OK)
        length = 0;
    while (in.len - (end + 4) < length)
        if (!test_http_more(fd, &in))
            break;
    ASSERT(buf_put(&s->body, str_slice(buf_str(&in), end + 4, in.len)) == OK);
    ASSERT(buf_put(&s->all, buf_str(&in)) == OK);
}

static inline void *test_http_loop(void *ctx)
{
    struct test_http *s = ctx;
    for (;;) {
        AUTO(fd) int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        s->requests++;
        test_http_read(s, fd);
        s->answer(s, fd);
        shutdown(fd, SHUT_WR);
        /* Wait for the client to close: an early close with unread bytes would reset the answer. */
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char rest[4096];
        while (poll(&p, 1, 500) == 1 && read(fd, rest, sizeof rest) > 0)
            continue;
    }
}

static inline void test_http_start(struct test_http *s, void (*answer)(struct test_http *s, int fd))
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    *s = (struct test_http){.answer = answer ? answer : test_http_ok,
                            .head = buf_make(1 << 20),
                            .body = buf_make(1 << 26),
                            .all = buf_make(1 << 27)};
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(s->listener >= 0);
    ASSERT(bind(s->listener, (struct sockaddr *)(void *)&address, sizeof address) == 0);
    ASSERT(listen(s->listener, 16) == 0);
    ASSERT(getsockname(s->listener, (struct sockaddr *)(void *)&address, &len) == 0);
    s->port = ntohs(address.sin_port);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", (unsigned)s->port);
    ASSERT(pthread_create(&s->thread, NULL, test_http_loop, s) == 0);
}

static inline void test_http_stop(struct test_http *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    io_close(&s->listener);
    buf_auto(&s->head);
    buf_auto(&s->body);
    buf_auto(&s->all);
}

#endif
