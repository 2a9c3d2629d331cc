#include "fetch.h"

#include <sys/mman.h>
#include <sys/un.h>

#include "alloc.h"
#include "test.h"
#include "test_http.h"

static struct test_http server;
static const struct guard_policy allow_loopback = {.allow_loopback = true};

static struct fetch request(const char *method, struct buf *url, const char *path)
{
    *url = buf_make(4096);
    ASSERT(buf_printf(url, "%s%s", server.url, path) == OK);
    return (struct fetch){.method = str_from(method), .url = buf_str(url), .body_fd = -1};
}

static bool head_has(const char *text)
{
    return str_search(buf_str(&server.head), str_from(text), 0) < server.head.len;
}

static void test_get_returns_status_and_body(void)
{
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    struct fetch f = request("GET", &url, "/a/../b?x=%2F");
    CHECK_OK(fetch_run(&f, &r));
    CHECK_EQ(r.status, 200);
    CHECK_STR(buf_str(&r.body), "ok");
    CHECK(head_has("GET /a/../b?x=%2F HTTP/1.1\r\n"));
    CHECK_STR(test_http_field(&server, "user-agent"), "safelight");
    CHECK_EQ(test_http_field(&server, "authorization").len, 0);
    CHECK_EQ(test_http_field(&server, "expect").len, 0);
    CHECK_EQ(test_http_field(&server, "accept-encoding").len, 0);
    CHECK_EQ(test_http_field(&server, "content-type").len, 0);
    CHECK_EQ(r.why[0], 0);
}

static void test_post_sends_body_and_headers(void)
{
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    struct fetch_header headers[] = {{STR("Authorization"), STR("Bearer abc")},
                                     {STR("Content-Type"), STR("application/json")},
                                     {STR("X-Empty"), STR_EMPTY},
                                     {STR("User-Agent"), STR("other")}};
    struct fetch f = request("POST", &url, "/hook");
    f.headers = headers;
    f.header_count = ARRAY_LEN(headers);
    f.body = STR("{\"a\":1}");
    CHECK_OK(fetch_run(&f, &r));
    CHECK_STR(buf_str(&server.body), "{\"a\":1}");
    CHECK_STR(test_http_field(&server, "authorization"), "Bearer abc");
    CHECK_STR(test_http_field(&server, "content-type"), "application/json");
    CHECK_STR(test_http_field(&server, "content-length"), "7");
    CHECK_STR(test_http_field(&server, "user-agent"), "other");
    CHECK(head_has("X-Empty:"));
}

static void test_methods_and_their_bodies(void)
{
    static const struct {
        const char *method, *length;
    } rows[] = {{"POST", "0"}, {"PUT", "0"}, {"PATCH", "0"}, {"DELETE", ""}, {"GET", ""}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf) struct buf url;
        AUTO(fetch_result) struct fetch_result r = {0};
        struct fetch f = request(rows[i].method, &url, "/m");
        CHECK_OK(fetch_run(&f, &r));
        CHECK(str_starts(buf_str(&server.head), str_from(rows[i].method)));
        CHECK_STR(test_http_field(&server, "content-length"), rows[i].length);
        CHECK_EQ(test_http_field(&server, "transfer-encoding").len, 0);
    }
}

static void big_length(struct test_http *s, int fd)
{
    (void)s;
    (void)!io_write_all(fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"));
}

static void test_head_has_no_body(void)
{
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    server.answer = big_length;
    struct fetch f = request("HEAD", &url, "/m");
    CHECK_OK(fetch_run(&f, &r));
    CHECK_EQ(r.status, 200);
    CHECK_EQ(r.body.len, 0);
    server.answer = test_http_ok;
}

static void test_file_is_streamed_from_its_offset(void)
{
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    AUTO(fd) int fd = memfd_create("upload", MFD_CLOEXEC);
    AUTO(buf) struct buf data = buf_make(1 << 24);
    for (uint32_t i = 0; i < 300000; i++)
        CHECK_OK(buf_put_u32(&data, i * 2654435761u));
    CHECK_OK(io_write_all(fd, buf_str(&data)));
    struct fetch f = request("PUT", &url, "/file");
    f.body_fd = fd;
    f.body_offset = 5;
    f.body_len = 1000001;
    CHECK_OK(fetch_run(&f, &r));
    CHECK_STR(test_http_field(&server, "content-length"), "1000001");
    CHECK_EQ(test_http_field(&server, "expect").len, 0);
    CHECK(str_equal(buf_str(&server.body), str_slice(buf_str(&data), 5, 1000006)));
}

static void test_file_shorter_than_announced_stops(void)
{
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    AUTO(fd) int fd = memfd_create("upload", MFD_CLOEXEC);
    CHECK_OK(io_write_all(fd, STR("12345")));
    struct fetch f = request("PUT", &url, "/file");
    f.body_fd = fd;
    f.body_len = 6;
    CHECK_ERR(fetch_run(&f, &r), ERR_IO);
}

static void test_redirect_is_not_followed(void)
{
    static const struct {
        const char *text;
        int status;
    } codes[] = {{"301", 301}, {"302", 302}, {"303", 303}, {"307", 307}, {"308", 308}};
    AUTO(buf) struct buf first;
    AUTO(fetch_result) struct fetch_result flushed = {0};
    struct fetch flush = request("GET", &first, "/");
    CHECK_OK(fetch_run(&flush, &flushed)); /* a request an earlier test broke off is counted now */
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        AUTO(buf) struct buf url;
        AUTO(fetch_result) struct fetch_result r = {0};
        static char text[256]; /* the server may still look at it when we have the answer */
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s Go\r\nLocation: %s/other\r\nContent-Length: 0\r\n\r\n", codes[i].text,
                 server.url);
        server.text = text;
        server.answer = test_http_text;
        int before = server.requests;
        struct fetch f = request("GET", &url, "/");
        CHECK_OK(fetch_run(&f, &r));
        CHECK_EQ(r.status, codes[i].status);
        CHECK_EQ(server.requests, before + 1);
        server.answer = test_http_ok;
    }
}

static void test_loopback_is_refused_without_allowance(void)
{
    static const char *const hosts[] = {"127.0.0.1",          "localhost", "2130706433", "0x7f.1",
                                        "[::ffff:127.0.0.1]", "0.0.0.0",   "[::1]",      "[::]"};
    struct guard_policy strict = {.allow_private = true, .allow_http = true};
    int before = server.requests;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        AUTO(buf) struct buf url = buf_make(256);
        AUTO(fetch_result) struct fetch_result r = {0};
        CHECK_OK(buf_printf(&url, "http://%s:%u/", hosts[i], (unsigned)server.port));
        struct fetch f = {
            .method = STR("GET"), .url = buf_str(&url), .body_fd = -1, .guard = &strict};
        CHECK_ERR(fetch_run(&f, &r), ERR_ADDRESS_REFUSED);
        CHECK_EQ(r.status, 0);
        CHECK_STR(str_from(r.why), "the destination address is not allowed (settings allow-private "
                                   "and allow-loopback)");
    }
    CHECK_EQ(server.requests, before);
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    struct fetch f = request("GET", &url, "/");
    f.guard = &allow_loopback;
    CHECK_OK(fetch_run(&f, &r));
}

static void test_bad_requests_are_refused_unsent(void)
{
    static const struct {
        const char *method, *url;
        struct fetch_header header;
    } rows[] = {
        {"GET", "file:///etc/passwd", {STR("A"), STR("b")}},
        {"GET", "gopher://127.0.0.1/", {STR("A"), STR("b")}},
        {"GET", "http://u@127.0.0.1/", {STR("A"), STR("b")}},
        {"GET /x", NULL, {STR("A"), STR("b")}},
        {"G\r\nX: y", NULL, {STR("A"), STR("b")}},
        {"", NULL, {STR("A"), STR("b")}},
        {"ABCDEFGHIJKLMNOPQ", NULL, {STR("A"), STR("b")}},
        {"GET", NULL, {STR("A"), STR("b\r\nEvil: 1")}},
        {"GET", NULL, {STR("A"), STR("b\n")}},
        {"GET", NULL, {STR("A"), STR("b\rc")}},
        {"GET", NULL, {STR("A"), STR("b\0c")}},
        {"GET", NULL, {STR(""), STR("b")}},
        {"GET", NULL, {STR("A b"), STR("b")}},
        {"GET", NULL, {STR("A:"), STR("b")}},
        {"GET", NULL, {STR("A\r\nB"), STR("b")}},
        {"GET", NULL, {STR("Host"), STR("evil")}},
        {"GET", NULL, {STR("hOsT"), STR("evil")}},
        {"POST", NULL, {STR("Content-Length"), STR("3")}},
        {"POST", NULL, {STR("Transfer-Encoding"), STR("chunked")}},
        {"GET", NULL, {STR("Connection"), STR("upgrade")}},
        {"GET", NULL, {STR("Proxy-Authorization"), STR("x")}},
    };
    int before = server.requests;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(fetch_result) struct fetch_result r = {0};
        struct fetch f = {.method = str_from(rows[i].method),
                          .url = str_from(rows[i].url ? rows[i].url : server.url),
                          .headers = &rows[i].header,
                          .header_count = 1,
                          .body_fd = -1};
        CHECK_ERR(fetch_run(&f, &r), ERR_INVALID);
        CHECK(r.why[0] != 0);
    }
    CHECK_EQ(server.requests, before);
}

static void reset(struct test_http *s, int fd)
{
    (void)s;
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void test_broken_and_foreign_answers(void)
{
    static const char *const texts[] = {
        "", "HELLO\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "\x16\x03\x01\x02"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(buf) struct buf url;
        AUTO(fetch_result) struct fetch_result r = {0};
        server.text = texts[i];
        server.answer = test_http_text;
        struct fetch f = request("GET", &url, "/");
        CHECK_ERR(fetch_run(&f, &r), ERR_UNREACHABLE);
        CHECK(r.why[0] != 0);
    }
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    server.answer = reset;
    struct fetch f = request("GET", &url, "/");
    CHECK_ERR(fetch_run(&f, &r), ERR_UNREACHABLE);
    server.answer = test_http_ok;
}

static void test_nobody_listening_and_no_such_host(void)
{
    static const char *const urls[] = {"http://127.0.0.1:1/", "http://no-such-host.invalid/"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        AUTO(fetch_result) struct fetch_result r = {0};
        struct fetch f = {.method = STR("GET"), .url = str_from(urls[i]), .body_fd = -1};
        CHECK_ERR(fetch_run(&f, &r), ERR_UNREACHABLE);
        CHECK(r.why[0] != 0);
        CHECK_EQ(r.status, 0);
    }
    /* A plain server where TLS was asked for. */
    AUTO(buf) struct buf url = buf_make(256);
    AUTO(fetch_result) struct fetch_result r = {0};
    CHECK_OK(buf_printf(&url, "https://127.0.0.1:%u/", (unsigned)server.port));
    struct fetch f = {.method = STR("GET"), .url = buf_str(&url), .body_fd = -1, .total_ms = 3000};
    enum err e = fetch_run(&f, &r);
    CHECK(e == ERR_UNREACHABLE || e == ERR_TIMEOUT);
}

static void test_proxy_environment_is_ignored(void)
{
    static const char *const names[] = {"http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    struct fetch f = request("GET", &url, "/");
    CHECK_OK(fetch_run(&f, &r));
    CHECK_EQ(r.status, 200);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
}

static void test_cookies_are_not_kept(void)
{
    server.text = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
    server.answer = test_http_text;
    for (int i = 0; i < 2; i++) {
        AUTO(buf) struct buf url;
        AUTO(fetch_result) struct fetch_result r = {0};
        struct fetch f = request("GET", &url, "/");
        CHECK_OK(fetch_run(&f, &r));
        CHECK_EQ(test_http_field(&server, "cookie").len, 0);
    }
    server.answer = test_http_ok;
}

struct seen {
    int heads, status;
    int64_t length;
    char type[64];
    struct buf body;
    uint64_t sent, received;
    enum err say;
};

static enum err seen_head(void *ctx, int status, struct str type, int64_t length)
{
    struct seen *s = ctx;
    s->heads++;
    s->status = status;
    s->length = length;
    CHECK_OK(str_to_text(type, s->type, sizeof s->type));
    return s->say;
}

static enum err seen_body(void *ctx, struct str piece)
{
    struct seen *s = ctx;
    return buf_put(&s->body, piece);
}

static enum err seen_progress(void *ctx, uint64_t sent, uint64_t received)
{
    struct seen *s = ctx;
    s->sent = sent;
    s->received = received;
    return OK;
}

static void test_only_the_final_head_is_told(void)
{
    struct seen seen = {.body = buf_make(100)};
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    server.text = "HTTP/1.1 103 Early\r\nContent-Type: a/b\r\nX-Request-Id: early\r\n\r\n"
                  "HTTP/1.1 404 No\r\nContent-Type: video/mp4\r\nContent-Length: 3\r\n"
                  "X-Request-Id: 01ABC\r\n\r\nabc";
    server.answer = test_http_text;
    struct fetch f = request("GET", &url, "/");
    f.on_head = seen_head;
    f.on_body = seen_body;
    f.on_progress = seen_progress;
    f.ctx = &seen;
    CHECK_OK(fetch_run(&f, &r));
    CHECK_EQ(seen.heads, 1);
    CHECK_EQ(seen.status, 404);
    CHECK_EQ(seen.length, 3);
    CHECK_EQ(seen.received, 3);
    CHECK_STR(str_from(seen.type), "video/mp4");
    CHECK_STR(str_from(r.request_id), "01ABC");
    CHECK_STR(buf_str(&seen.body), "abc");
    CHECK_EQ(r.body.len, 0);
    buf_auto(&seen.body);
    server.answer = test_http_ok;
}

static void test_callbacks_can_stop_the_request(void)
{
    struct seen seen = {.body = buf_make(1), .say = ERR_CONFLICT};
    AUTO(buf) struct buf url;
    AUTO(fetch_result) struct fetch_result r = {0};
    struct fetch f = request("GET", &url, "/");
    f.on_head = seen_head;
    f.on_body = seen_body;
    f.ctx = &seen;
    CHECK_ERR(fetch_run(&f, &r), ERR_CONFLICT);
    CHECK_EQ(r.status, 200);
    seen.say = OK;
    AUTO(fetch_result) struct fetch_result again = {0};
    CHECK_ERR(fetch_run(&f, &again), ERR_TOO_LARGE);
    buf_auto(&seen.body);
}

static void test_unix_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/fetch_test.%d", (int)getpid());
    struct test_http local = {.answer = test_http_ok,
                              .head = buf_make(65536),
                              .body = buf_make(65536),
                              .all = buf_make(65536)};
    local.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(local.listener, (struct sockaddr *)(void *)&address, sizeof address) == 0);
    CHECK(listen(local.listener, 4) == 0);
    CHECK(pthread_create(&local.thread, NULL, test_http_loop, &local) == 0);
    AUTO(fetch_result) struct fetch_result r = {0};
    struct fetch f = {.method = STR("GET"),
                      .url = STR("http://localhost/v1"),
                      .body_fd = -1,
                      .unix_socket = address.sun_path};
    CHECK_OK(fetch_run(&f, &r));
    CHECK_EQ(r.status, 200);
    CHECK_STR(test_http_field(&local, "host"), "localhost");
    test_http_stop(&local);
    unlink(address.sun_path);
}

int main(void)
{
    alloc_wipe_freed_memory();
    if (fetch_open() != OK)
        return EXIT_FAILURE;
    test_http_start(&server, NULL);
    RUN(test_get_returns_status_and_body);
    RUN(test_post_sends_body_and_headers);
    RUN(test_methods_and_their_bodies);
    RUN(test_head_has_no_body);
    RUN(test_file_is_streamed_from_its_offset);
    RUN(test_file_shorter_than_announced_stops);
    RUN(test_redirect_is_not_followed);
    RUN(test_loopback_is_refused_without_allowance);
    RUN(test_bad_requests_are_refused_unsent);
    RUN(test_broken_and_foreign_answers);
    RUN(test_nobody_listening_and_no_such_host);
    RUN(test_proxy_environment_is_ignored);
    RUN(test_cookies_are_not_kept);
    RUN(test_only_the_final_head_is_told);
    RUN(test_callbacks_can_stop_the_request);
    RUN(test_unix_socket);
    test_http_stop(&server);
    return test_done();
}
