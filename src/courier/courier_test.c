/* The courier as it runs: a process of its own between a real vault process and its client. */
#include "courier.h"

#include <signal.h>

#include "aead.h"
#include "alloc.h"
#include "clock.h"
#include "courier_fixture.h"
#include "courier_serve.h"
#include "order_wire.h"

static struct test_http server;
static struct courier *courier;
static pid_t courier_pid;
static int courier_side;

/* Answers of one order, waited for by the test. */
struct wait {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int heads, dones;
    struct answer done;
    char message[ANSWER_MESSAGE_MAX_BYTES + 1], type[64];
    int64_t head_status;
};

static void take_answer(const struct answer *a, void *ctx)
{
    struct wait *w = ctx;
    pthread_mutex_lock(&w->lock);
    check_clean(a->message);
    if (a->kind == ANSWER_HEAD) {
        w->heads++;
        w->head_status = a->status;
        CHECK_OK(str_to_text(a->content_type, w->type, sizeof w->type));
    } else {
        w->dones++;
        w->done = *a;
        CHECK_OK(str_to_text(a->message, w->message, sizeof w->message));
    }
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static struct wait wait_make(void)
{
    return (struct wait){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
}

static void wait_done(struct wait *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->dones == 0)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static void send_order(struct order *o, const char *format, int data_fd, struct wait *w)
{
    AUTO(arena) struct arena a = arena_make();
    struct str text = arena_printf(&a, "%s", format);
    size_t mark = str_search(text, STR("@@"), 0);
    struct str full = mark == text.len ? text
                                       : arena_printf(&a, "%.*s%s%s", (int)mark, text.ptr,
                                                      server.url, text.ptr + mark + 2);
    o->job_id = JOB;
    o->bundle = bundle_of(full.ptr, &a);
    CHECK_OK(courier_send(courier, o, data_fd, take_answer, w));
}

static const char UPLOAD[] =
    "{\"params\":{\"endpoint\":\"@@\",\"region\":\"us-east-1\",\"bucket\":\"b\",\"accessKeyId\":"
    "\"${secret.KEY_ID}\",\"accessKeySecret\":\"${secret.KEY}\"}}";

static void test_upload(void)
{
    AUTO(fd) int fd = memfd_with(STR("hello world"));
    struct wait w = wait_make();
    struct order o = {.kind = ORDER_UPLOAD, .object_name = STR("J.mp4"), .size_bytes = 11};
    send_order(&o, UPLOAD, fd, &w);
    wait_done(&w);
    CHECK_EQ(w.done.outcome, OUTCOME_DONE);
    CHECK_EQ(w.done.status, 200);
    CHECK_EQ(w.done.id, o.id);
    CHECK_STR(buf_str(&server.body), "hello world");
    CHECK(str_starts(test_http_field(&server, "authorization"),
                     STR("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11); /* read in place: a retry finds it as it was */
}

static void test_webhook(void)
{
    struct wait w = wait_make();
    struct order o = {.kind = ORDER_WEBHOOK, .body = STR("{\"id\":\"J\"}")};
    send_order(&o, "{\"url\":\"@@/h\",\"headers\":{\"Authorization\":\"Bearer ${secret.TOKEN}\"}}",
               -1, &w);
    wait_done(&w);
    CHECK_EQ(w.done.outcome, OUTCOME_DONE);
    CHECK_STR(test_http_field(&server, "authorization"), "Bearer tok3f9c5e77d2aa41");
    CHECK_STR(buf_str(&server.body), "{\"id\":\"J\"}");
}

static void answer_large(struct test_http *s, int fd)
{
    (void)s;
    (void)!io_write_all(fd, STR("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"
                                "Content-Length: 3000000\r\n\r\n"));
    for (int i = 0; i < 100000; i++)
        if (io_write_all(fd, STR("tok3f9c5e77d2aa41 0123456789\n\n")) != OK)
            return;
}

static void test_download_through_a_pipe(void)
{
    int ends[2];
    char piece[4096];
    struct wait w = wait_make();
    AUTO(buf) struct buf got = buf_make(4000000);
    struct order o = {.kind = ORDER_DOWNLOAD};
    CHECK_EQ(pipe(ends), 0);
    server.answer = answer_large;
    send_order(&o, "{\"src\":\"@@/a\",\"params\":{\"headers\":{\"K\":\"${secret.TOKEN}\"}}}",
               ends[1], &w);
    io_close(&ends[1]);
    for (ssize_t n; (n = read(ends[0], piece, sizeof piece)) > 0;)
        CHECK_OK(buf_put(&got, str_bytes(piece, (size_t)n)));
    wait_done(&w);
    io_close(&ends[0]);
    CHECK_EQ(w.heads, 1);
    CHECK_EQ(w.head_status, 200);
    CHECK_STR(str_from(w.type), "image/png");
    CHECK_EQ(w.done.outcome, OUTCOME_DONE);
    CHECK_EQ(got.len, 100000 * 16);
    CHECK(str_starts(buf_str(&got), STR("*** 0123456789\n\n*** 0123456789\n\n")));
    check_clean(buf_str(&got));
    server.answer = test_http_ok;
}

static void test_mask(void)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf out = buf_make(1000);
    struct ref_bundle all = bundle_of("[\"${secret.TOKEN}\"]", &a);
    size_t consumed = 0;
    CHECK_OK(courier_mask(courier, &all, JOB, STR("x tok3f9c5e77d2aa41 y tok3"), false, &out,
                          &consumed));
    CHECK_STR(buf_str(&out), "x *** y ");
    CHECK_EQ(consumed, 22);
    CHECK_OK(courier_mask(courier, &all, JOB, STR("tok3"), true, &out, &consumed));
    CHECK_STR(buf_str(&out), "x *** y tok3");
    CHECK_EQ(consumed, 4);
    all.records[0].context.version = 2;
    all.uses[0].literal = false;
    CHECK_ERR(courier_mask(courier, &all, JOB, STR("x"), true, &out, &consumed), ERR_TAMPERED);
    CHECK_STR(buf_str(&out), "x *** y tok3");
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static size_t search_memory(int mem, size_t begin, size_t end)
{
    size_t hits = 0;
    AUTO(mem) char *bytes = xmalloc(end - begin);
    ssize_t n = pread(mem, bytes, end - begin, (off_t)begin);
    struct str all = str_bytes(bytes, n > 0 ? (size_t)n : 0);
    for (size_t i = 0; i < KNOWN; i++)
        hits += str_search(all, str_from(known[i].value), 0) < all.len;
    wipe(bytes, end - begin);
    return hits;
}

/* Whatever the process may write to; the program's own constants hold the values as well. */
static void test_no_value_stays_in_the_process(void)
{
    char path[64], line[512];
    size_t regions = 0, hits = 0;
    if (SANITIZED) /* freed memory is kept as it was, on purpose */
        return;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)courier_pid);
    AUTO(fd) int mem = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/maps", (int)courier_pid);
    FILE *maps = fopen(path, "re");
    CHECK(mem >= 0 && maps);
    while (mem >= 0 && maps && fgets(line, sizeof line, maps)) {
        size_t begin, end;
        if (sscanf(line, "%zx-%zx rw", &begin, &end) != 2 || !strstr(line, " rw"))
            continue;
        regions++;
        size_t here = search_memory(mem, begin, end);
        if (here)
            printf("# in %s", line);
        hits += here;
    }
    if (maps)
        fclose(maps);
    CHECK(regions > 3);
    CHECK_EQ(hits, 0);
}

static void silent(struct test_http *s, int fd)
{
    (void)s;
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    poll(&p, 1, 20000);
}

/* The server takes one connection at a time; the others wait in its backlog, with their threads. */
static void test_more_than_the_limit_are_put_off_and_masks_go_on(void)
{
    static struct wait waits[COURIER_THREADS_MAX + 4];
    size_t busy = 0;
    server.answer = silent;
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        waits[i] = wait_make();
        struct order o = {.kind = ORDER_WEBHOOK, .body = STR("{}")};
        send_order(&o, "{\"url\":\"@@/h\"}", -1, &waits[i]);
    }
    test_mask();
    server.answer = test_http_ok;
    int64_t begun = clock_monotonic_ms();
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        wait_done(&waits[i]);
        busy += waits[i].done.err == ERR_BUSY && waits[i].done.outcome == OUTCOME_RETRY;
    }
    CHECK_EQ(busy, 4);
    CHECK(clock_monotonic_ms() - begun < 15000);
}

static void test_what_is_no_order_is_answered(void)
{
    int pair[2];
    AUTO(buf) struct buf message = buf_make(IPC_MESSAGE_MAX_BYTES);
    AUTO(fd) int unsealed = memfd_with(STR("SLO1 and more"));
    struct answer a = {0};
    CHECK_OK(ipc_pair(pair));
    pid_t pid = fork();
    if (pid == 0) {
        io_close(&pair[0]);
        const struct courier_serve options = {.api = pair[1], .vault = dup(pair[1])};
        _exit(courier_serve(&options) == OK ? 0 : 1);
    }
    io_close(&pair[1]);
    uint64_t id = 42;
    CHECK_OK(ipc_send(pair[0], STR("no id"), &unsealed, 1));
    CHECK_OK(ipc_send(pair[0], str_bytes(&id, sizeof id), NULL, 0));
    CHECK_OK(ipc_receive(pair[0], &message, NULL, 0));
    CHECK_OK(answer_decode(buf_str(&message), &a));
    CHECK(a.id == 42 && a.outcome == OUTCOME_FAILED && a.err == ERR_INVALID);
    CHECK_OK(ipc_send(pair[0], str_bytes(&id, sizeof id), &unsealed, 1));
    CHECK_OK(ipc_receive(pair[0], &message, NULL, 0));
    CHECK_OK(answer_decode(buf_str(&message), &a));
    CHECK(a.id == 42 && a.outcome == OUTCOME_FAILED && a.err == ERR_INVALID);
    io_close(&pair[0]);
    int status = -1;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_orders_end_when_the_courier_dies(void)
{
    struct wait w = wait_make(), late = wait_make();
    struct order o = {.kind = ORDER_WEBHOOK, .body = STR("{}")};
    server.answer = silent;
    send_order(&o, "{\"url\":\"@@/h\"}", -1, &w);
    CHECK_EQ(kill(courier_pid, SIGKILL), 0);
    wait_done(&w);
    CHECK_EQ(w.done.outcome, OUTCOME_RETRY);
    CHECK_ERR(w.done.err, ERR_UNAVAILABLE);
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf out = buf_make(100);
    size_t consumed;
    o.bundle = bundle_of("{\"url\":\"http://h\"}", &a);
    CHECK_ERR(courier_send(courier, &o, -1, take_answer, &late), ERR_UNAVAILABLE);
    CHECK_ERR(courier_mask(courier, &o.bundle, JOB, STR("x"), true, &out, &consumed),
              ERR_UNAVAILABLE);
    CHECK_EQ(late.dones, 0);
    CHECK(!courier_answers(courier, 1000));
    CHECK_EQ(waitpid(courier_pid, NULL, 0), courier_pid);
    courier_free(&courier);
    CHECK(!courier);
}

/* A stopped courier is there and says nothing; what it says later is for nobody. */
static void test_a_courier_that_is_stuck_does_not_answer(void)
{
    CHECK(courier_answers(courier, 5000));
    CHECK_EQ(kill(courier_pid, SIGSTOP), 0);
    CHECK(!courier_answers(courier, 50));
    CHECK_EQ(kill(courier_pid, SIGCONT), 0);
    CHECK(courier_answers(courier, 5000));
}

/* Before any secret is made here: the arena does not survive a fork. */
static void start_courier(void)
{
    int pair[2];
    CHECK_OK(ipc_pair(pair));
    courier_pid = fork();
    if (courier_pid == 0) {
        io_close(&pair[0]);
        const struct courier_serve options = {
            .api = pair[1],
            .vault = place.vault.raw,
            .guard = {.allow_loopback = true, .allow_http = true}};
        _exit(courier_serve(&options) == OK ? 0 : 1);
    }
    io_close(&pair[1]);
    courier_side = pair[0];
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    alloc_wipe_freed_memory();
    place.vault = fixture_start(ROOT_A, NO_ROOT);
    start_courier();
    place_seal_all();
    if (crypto_open() != OK)
        return EXIT_FAILURE;
    RUN(test_what_is_no_order_is_answered);
    courier = courier_connect(courier_side);
    test_http_start(&server, NULL);
    RUN(test_upload);
    RUN(test_webhook);
    RUN(test_download_through_a_pipe);
    RUN(test_mask);
    RUN(test_no_value_stays_in_the_process);
    RUN(test_a_courier_that_is_stuck_does_not_answer);
    RUN(test_more_than_the_limit_are_put_off_and_masks_go_on);
    RUN(test_orders_end_when_the_courier_dies);
    test_http_stop(&server);
    place_done();
    return test_done();
}
