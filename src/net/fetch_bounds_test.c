/* What a server may send at most, in bytes and in time. */
#include "fetch.h"

#include "alloc.h"
#include "clock.h"
#include "limit.h"
#include "test.h"
#include "test_http.h"

static struct test_http server;

static struct fetch request(const char *method, struct buf *url, const char *path)
{
    *url = buf_make(4096);
    ASSERT(buf_printf(url, "%s%s", server.url, path) == OK);
    return (struct fetch){.method = str_from(method), .url = buf_str(url), .body_fd = -1};
}

static void big_length(struct test_http *s, int fd)
{
    (void)s;
    (void)!io_write_all(fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"));
}

static void many_headers(struct test_http *s, int fd)
{
    (void)s;
    (void)!io_write_all(fd, STR("HTTP/1.1 200 OK\r\n"));
    for (int i = 0; i < 100000; i++)
        if (io_write_all(fd, STR("X-Filler: 0123456789\r\n")) != OK)
            return;
}

static void many_interim(struct test_http *s, int fd)
{
    (void)s;
    for (int i = 0; i < 100000; i++)
        if (io_write_all(fd, STR("HTTP/1.1 100 Continue\r\n\r\n")) != OK)
            return;
}

static void long_line(struct test_http *s, int fd)
{
    (void)s;
    (void)!io_write_all(fd, STR("HTTP/1.1 200 OK\r\nX: "));
    for (int i = 0; i < 100000; i++)
        if (io_write_all(fd, STR("0123456789012345678901234567890123456789")) != OK)
            return;
}

static void endless_body(struct test_http *s, int fd)
{
    (void)s;
    (void)!io_write_all(fd, STR("HTTP/1.1 200 OK\r\n\r\n"));
    for (int i = 0; i < 1000000; i++)
        if (io_write_all(fd, STR("0123456789012345678901234567890123456789")) != OK)
            return;
}

static void test_endless_answers_are_cut(void)
{
    static void (*const answers[])(struct test_http *, int) = {many_headers, many_interim,
                                                               endless_body, big_length, long_line};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        AUTO(buf) struct buf url;
        AUTO(fetch_result) struct fetch_result r = {0};
        server.answer = answers[i];
        struct fetch f = request("GET", &url, "/");
        enum err e = fetch_run(&f, &r);
        if (answers[i] == long_line) /* libcurl's own cap on one line */
            CHECK(e == ERR_LIMIT || e == ERR_TOO_LARGE || e == ERR_UNREACHABLE);
        else
            CHECK_ERR(e, ERR_TOO_LARGE);
        CHECK(r.body.len <= UPSTREAM_BODY_MAX_BYTES);
        server.answer = test_http_ok;
    }
}

static void test_body_at_its_cap_and_one_past(void)
{
    AUTO(buf) struct buf url;
    for (size_t cap = 1; cap <= 2; cap++) {
        AUTO(fetch_result) struct fetch_result r = {0};
        struct fetch f = request("GET", &url, "/");
        f.body_max_bytes = cap;
        CHECK_ERR(fetch_run(&f, &r), cap == 2 ? OK : ERR_TOO_LARGE);
        buf_auto(&url);
    }
}

static void silent(struct test_http *s, int fd)
{
    (void)s;
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    poll(&p, 1, 40000);
}

static void drip(struct test_http *s, int fd)
{
    (void)s;
    (void)!io_write_all(fd, STR("HTTP/1.1 200 OK\r\n\r\n"));
    for (int i = 0; i < 400; i++) {
        if (io_write_all(fd, STR("x")) != OK)
            return;
        usleep(100000);
    }
}

static void test_slow_servers_time_out(void)
{
    static void (*const answers[])(struct test_http *, int) = {silent, drip};
    for (size_t i = 0; i < 2 * ARRAY_LEN(answers); i++) {
        AUTO(buf) struct buf url;
        AUTO(fetch_result) struct fetch_result r = {0};
        server.answer = answers[i % 2];
        struct fetch f = request("GET", &url, "/");
        if (i < 2)
            f.idle_ms = 1000;
        else
            f.total_ms = 300;
        int64_t begun = clock_monotonic_ms();
        CHECK_ERR(fetch_run(&f, &r), ERR_TIMEOUT);
        CHECK(clock_monotonic_ms() - begun < 20000);
        CHECK_STR(str_from(r.why), "the server did not answer in time");
        server.answer = test_http_ok;
    }
}

int main(void)
{
    alloc_wipe_freed_memory();
    if (fetch_open() != OK)
        return EXIT_FAILURE;
    test_http_start(&server, NULL);
    RUN(test_endless_answers_are_cut);
    RUN(test_body_at_its_cap_and_one_past);
    RUN(test_slow_servers_time_out);
    test_http_stop(&server);
    return test_done();
}
