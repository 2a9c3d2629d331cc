#include "http_fixture.h"

#include <sys/un.h>

#define GET(path) "GET " path " HTTP/1.1\r\n" HOST

static struct http_server *server;

static void test_answers_come_from_any_thread(void)
{
    static const struct {
        struct str request;
        const char *holds;
    } CASES[] = {
        {STR(GET("/later") "\r\n"), "later"},
        {STR(GET("/early") "\r\n"), "early"},
        {STR("PUT /defer HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"), "{\"len\":3}"},
        {STR("PUT /defer HTTP/1.1\r\n" HOST "\r\n"), "{\"len\":0}"},
        {STR(GET("/later") "\r\n" GET("/early") "\r\n" GET("/healthz") "\r\n"), "hello"},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const struct heard *h = ask(server, CASES[i].request, 1000);
        CHECK(strstr(h->text, CASES[i].holds));
        CHECK(!h->closed);
    }
}

static void test_suspending_and_answering_race_safely(void)
{
    AUTO(fd) int fd = dial(server);
    for (int i = 0; i < 500; i++) {
        char text[2048];
        bool closed;
        say(fd, STR(GET("/race") "\r\n"));
        size_t len = 0;
        text[0] = '\0';
        while (!strstr(text, "early") && len < sizeof text - 1) {
            ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
            if (n <= 0)
                break;
            len += (size_t)n;
            text[len] = '\0';
        }
        (void)closed;
        CHECK(strstr(text, "early"));
    }
}

static void test_handler_that_forgets_gives_500(void)
{
    CHECK_EQ(ask(server, STR(GET("/forgets") "\r\n"), 50)->status, 500);
}

static void test_suspended_request_outlives_its_peer(void)
{
    for (int i = 0; i < 20; i++) {
        AUTO(fd) int fd = dial(server);
        say(fd, STR(GET("/later") "\r\n"));
        usleep(1000);
    }
    usleep(50000);
    CHECK_EQ(ask(server, STR(GET("/healthz") "\r\n"), 50)->status, 200);
}

static void test_pipelined_requests_are_answered_in_order(void)
{
    const struct heard *h =
        ask(server, STR(GET("/show/1") "\r\n" GET("/later") "\r\n" GET("/show/2") "\r\n"), 1000);
    const char *one = strstr(h->text, "1|/show/1"), *two = strstr(h->text, "later"),
               *three = strstr(h->text, "2|/show/2");
    CHECK(one && two && three && one < two && two < three);
}

static void test_handler_sees_the_decoded_request(void)
{
    const struct heard *h = ask(server,
                                STR("GET /api/v2/show/a%20%2541?p=1&q=x%2By+z&q=2 HTTP/1.1\r\n"
                                    "Host: farm:4300\r\n\r\n"),
                                50);
    CHECK(strstr(h->text, "a %41|/api/v2/show/a %41|1|x+y z|http://farm:4300"));
    h = ask(server, STR("GET /show/b HTTP/1.0\r\n\r\n"), 50);
    CHECK(strstr(h->text, "b|/show/b|0||http://127.0.0.1:"));
}

static void test_head_has_the_fields_and_no_body(void)
{
    const struct heard *h = ask(server, STR("HEAD /healthz HTTP/1.1\r\n" HOST "\r\n"), 50);
    CHECK_EQ(h->status, 200);
    CHECK(strstr(h->text, "Content-Length: 5\r\n"));
    CHECK(!strstr(h->text, "hello"));
    h = ask(server, STR("HEAD /pipe HTTP/1.1\r\n" HOST "\r\n" GET("/healthz") "\r\n"), 1000);
    CHECK(strstr(h->text, "hello"));
}

static void test_half_closed_peer_gets_its_answer(void)
{
    static const char *const REQUESTS[] = {GET("/healthz") "\r\n", GET("/later") "\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
        AUTO(fd) int fd = dial(server);
        say(fd, str_from(REQUESTS[i]));
        shutdown(fd, SHUT_WR);
        char text[2048];
        bool closed;
        hear(fd, 20000, text, sizeof text, &closed);
        CHECK(strstr(text, "HTTP/1.1 200 "));
        CHECK(closed);
    }
}

static void test_split_request_is_read(void)
{
    static const char REQUEST[] = GET("/show/split") "X: y\r\n\r\n";
    AUTO(fd) int fd = dial(server);
    for (size_t i = 0; i < sizeof REQUEST - 1; i++) {
        say(fd, str_bytes(REQUEST + i, 1));
        usleep(200);
    }
    char text[2048];
    bool closed;
    hear(fd, 100, text, sizeof text, &closed);
    CHECK(strstr(text, "split|"));
}

static void test_continue_comes_only_when_the_body_is_wanted(void)
{
    const struct heard *h = ask(server,
                                STR("PUT /secrets HTTP/1.1\r\n" HOST AUTH
                                    "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
                                50);
    CHECK(strncmp(h->text, "HTTP/1.1 100 ", 13) == 0);
    CHECK(!h->closed);
    h = ask(
        server,
        STR("PUT /secrets HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
        1000);
    CHECK_EQ(h->status, 401);
    CHECK(h->closed);
    h = ask(
        server,
        STR("PUT /small HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n"),
        1000);
    CHECK_EQ(h->status, 413);
    CHECK(h->closed);
}

static void test_streamed_body_reaches_its_sink(void)
{
    int ended = fixture_sink_ended, complete = fixture_sink_complete;
    fixture_streamed = 0;
    AUTO(buf) struct buf b = buf_make(1 << 20);
    ASSERT(buf_printf(&b, "PUT /stream HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n") == OK);
    for (int i = 0; i < 300000; i++)
        ASSERT(buf_put_byte(&b, 'd') == OK);
    CHECK_EQ(ask(server, buf_str(&b), 300)->status, 204);
    CHECK_EQ(fixture_streamed, 300000);
    CHECK_EQ(ask(server, STR("PUT /stream HTTP/1.1\r\n" HOST "\r\n"), 50)->status, 204);
    CHECK_EQ(fixture_sink_ended - ended, 2);
    CHECK_EQ(fixture_sink_complete - complete, 2);
    /* refused by the handler, by the sink, by the peer's going, by the limit */
    const struct heard *h =
        ask(server, STR("PUT /stream HTTP/1.1\r\n" HOST "X-Refuse: 1\r\nContent-Length: 9\r\n\r\n"),
            1000);
    CHECK_EQ(h->status, 410);
    CHECK_EQ(fixture_sink_ended - ended, 2);
    h = ask(server, STR("PUT /stream HTTP/1.1\r\n" HOST "Content-Length: 9000\r\n\r\n!"), 1000);
    CHECK_EQ(h->status, 503);
    CHECK(strstr(h->text, "STORE_FULL") && h->closed);
    int fd = dial(server);
    uint64_t streamed = fixture_streamed;
    say(fd, STR("PUT /stream HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc"));
    CHECK(comes_true(fixture_streamed == streamed + 3));
    io_close(&fd);
    CHECK(comes_true(fixture_sink_ended - ended == 4));
    CHECK_EQ(fixture_sink_complete - complete, 2);
    h = ask(server, STR("PUT /stream HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n"), 1000);
    CHECK_EQ(h->status, 413);
}

static void test_chunked_body_is_counted(void)
{
    const struct heard *h =
        ask(server,
            STR("PUT /small HTTP/1.1\r\n" HOST
                "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"),
            50);
    CHECK_EQ(h->status, 201);
    h = ask(server,
            STR("PUT /small HTTP/1.1\r\n" HOST
                "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n1\r\na\r\n"),
            1000);
    CHECK_EQ(h->status, 413);
    CHECK(h->closed && strstr(h->text, "TOO_LARGE"));
}

static void test_refusal_arrives_while_the_peer_still_sends(void)
{
    static char big[1 << 20];
    memset(big, 'a', sizeof big);
    for (int i = 0; i < 5; i++) {
        AUTO(fd) int fd = dial(server);
        say(fd, STR("PUT /secrets HTTP/1.1\r\n" HOST AUTH "Content-Length: 10485760\r\n\r\n"));
        for (int n = 0; n < 4; n++)
            say(fd, str_bytes(big, sizeof big));
        char text[2048];
        bool closed;
        hear(fd, 20000, text, sizeof text, &closed);
        CHECK(strstr(text, "HTTP/1.1 413 "));
        CHECK(closed);
    }
}

static void test_pipe_is_streamed(void)
{
    const struct heard *h = ask(server, STR(GET("/pipe") "\r\n"), 1000);
    CHECK(strstr(h->text, "Transfer-Encoding: chunked\r\n"));
    CHECK(strstr(h->text, "\r\n0\r\n\r\n") && !h->closed);
    h = ask(server, STR(GET("/pipe") "X-Known: 1\r\n\r\n"), 1000);
    CHECK(strstr(h->text, "Content-Length: 50\r\n") && !h->closed);
    CHECK(h->len > 50 && strcmp(h->text + h->len - 20, "01234567890123456789") == 0);
    h = ask(server, STR(GET("/pipe") "X-Broken: 1\r\n\r\n"), 1000);
    CHECK(strstr(h->text, "Content-Length: 70\r\n") && h->closed);
}

/* All the data is there either way: only the verdict tells whether it was all there should be. */
static void test_pipe_that_broke_off_is_not_whole(void)
{
    const struct heard *h = ask(server, STR(GET("/pipe") "X-Verdict: whole\r\n\r\n"), 1000);
    CHECK(strstr(h->text, "0123456789") && strstr(h->text, "\r\n0\r\n\r\n") && !h->closed);
    h = ask(server, STR(GET("/pipe") "X-Verdict: broken\r\n\r\n"), 1000);
    CHECK(strstr(h->text, "0123456789") && !strstr(h->text, "\r\n0\r\n\r\n") && h->closed);
}

static void test_what_is_made_as_it_is_taken(void)
{
    const struct heard *h = ask(server, STR(GET("/source") "\r\n"), 1000);
    CHECK(strstr(h->text, "Transfer-Encoding: chunked\r\n"));
    CHECK(strstr(h->text, "\r\n0\r\n\r\n") && !h->closed);
    CHECK_EQ(ten_bytes_open, 0);
    h = ask(server, STR(GET("/source") "X-Broken: 1\r\n\r\n"), 1000);
    CHECK(strstr(h->text, "0123456789") && !strstr(h->text, "\r\n0\r\n\r\n") && h->closed);
    CHECK_EQ(ten_bytes_open, 0);
    h = ask(server, STR("HEAD /source HTTP/1.1\r\n" HOST "\r\n"), 100);
    CHECK(strstr(h->text, "200 OK") && !strstr(h->text, "0123456789"));
    CHECK_EQ(ten_bytes_open, 0);
}

static void test_file_is_served_in_ranges(void)
{
    static const struct {
        const char *range;
        int status;
        const char *body, *content_range;
    } CASES[] = {
        {"", 200, "0123456789", NULL},
        {"Range: bytes=0-0\r\n", 206, "0", "bytes 0-0/10"},
        {"Range: bytes=2-4\r\n", 206, "234", "bytes 2-4/10"},
        {"Range: bytes=7-\r\n", 206, "789", "bytes 7-9/10"},
        {"Range: bytes=7-99\r\n", 206, "789", "bytes 7-9/10"},
        {"Range: bytes=-3\r\n", 206, "789", "bytes 7-9/10"},
        {"Range: bytes=-99\r\n", 206, "0123456789", "bytes 0-9/10"},
        {"Range: bytes=10-\r\n", 416, NULL, "bytes */10"},
        {"Range: bytes=-0\r\n", 416, NULL, "bytes */10"},
        {"Range: bytes=4-2\r\n", 200, "0123456789", NULL},
        {"Range: bytes=0-1,3-4\r\n", 200, "0123456789", NULL},
        {"Range: bytes=a-b\r\n", 200, "0123456789", NULL},
        {"Range: bytes=-\r\n", 200, "0123456789", NULL},
        {"Range: bytes=5\r\n", 200, "0123456789", NULL},
        {"Range: lines=1-2\r\n", 200, "0123456789", NULL},
        {"Range: bytes=99999999999999999999-\r\n", 200, "0123456789", NULL},
        {"Range: bytes=2-4\r\nIf-Range: x\r\n", 200, "0123456789", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char request[256];
        snprintf(request, sizeof request, GET("/file") "%s\r\n", CASES[i].range);
        const struct heard *h = ask(server, str_from(request), 50);
        CHECK_EQ(h->status, CASES[i].status);
        const char *body = strstr(h->text, "\r\n\r\n");
        if (CASES[i].body)
            CHECK_STR(str_from(body ? body + 4 : ""), CASES[i].body);
        const char *range = strstr(h->text, "Content-Range: ");
        CHECK_EQ(range != NULL, CASES[i].content_range != NULL);
        if (range && CASES[i].content_range)
            CHECK(strncmp(range + 15, CASES[i].content_range, strlen(CASES[i].content_range)) == 0);
    }
}

static void test_problems_become_details(void)
{
    const struct heard *h = ask(server, STR(GET("/problems") "\r\n"), 50);
    CHECK_EQ(h->status, 400);
    CHECK(
        strstr(h->text, "\"details\":[{\"field\":\"/name\",\"message\":\"is \\\"missing\\\"\"}]"));
    CHECK(strstr(h->text, "X-Note: one  X-Two: two\r\n"));
}

static void test_used_port_is_reported(void)
{
    struct http_options o = fixture_options();
    struct http_server *second = NULL;
    o.port = http_port(server);
    CHECK_ERR(http_start(&o, &second), ERR_IN_USE);
    o.port = 0;
    o.address = "nowhere";
    CHECK_ERR(http_start(&o, &second), ERR_INVALID);
    CHECK(second == NULL);
}

static void test_operator_socket_serves_its_owner(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "/tmp/http_answer_test.%d", (int)getpid());
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(bind(listener, (const struct sockaddr *)&addr, sizeof addr) == 0);
    struct http_options o = fixture_options();
    o.listen_fd = listener;
    o.operator_socket = true;
    struct http_server *s = NULL;
    CHECK_OK(http_start(&o, &s));
    AUTO(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0);
    say(fd, STR(GET("/healthz") "\r\n"));
    char text[2048];
    bool closed;
    hear(fd, 100, text, sizeof text, &closed);
    CHECK(strstr(text, "hello"));
    unlink(addr.sun_path);
    http_stop(&s);
}

static void test_stop_waits_for_open_requests(void)
{
    struct http_server *s = fixture_start();
    AUTO(fd) int fd = dial(s);
    int before = fixture_later;
    say(fd, STR(GET("/later") "\r\n"));
    CHECK(comes_true(fixture_later > before));
    http_stop(&s);
    char text[2048];
    bool closed;
    hear(fd, 100, text, sizeof text, &closed);
    CHECK(strstr(text, "later"));
}

/* Run by hand: `http_answer_test serve PORT` is a peer for tests/api/test_raw_socket.py. */
static int serve(const char *port, const char *deadline_ms)
{
    struct http_options o = fixture_options();
    struct http_server *s = NULL;
    o.port = (uint16_t)atoi(port);
    o.head_deadline_ms = o.body_progress_ms = deadline_ms ? atoi(deadline_ms) : 0;
    if (http_start(&o, &s) != OK)
        return 1;
    printf("%u\n", http_port(s));
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    http_stop(&s);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2], argc > 3 ? argv[3] : NULL);
    server = fixture_start();
    RUN(test_answers_come_from_any_thread);
    RUN(test_suspending_and_answering_race_safely);
    RUN(test_handler_that_forgets_gives_500);
    RUN(test_suspended_request_outlives_its_peer);
    RUN(test_pipelined_requests_are_answered_in_order);
    RUN(test_handler_sees_the_decoded_request);
    RUN(test_head_has_the_fields_and_no_body);
    RUN(test_half_closed_peer_gets_its_answer);
    RUN(test_split_request_is_read);
    RUN(test_continue_comes_only_when_the_body_is_wanted);
    RUN(test_streamed_body_reaches_its_sink);
    RUN(test_chunked_body_is_counted);
    RUN(test_refusal_arrives_while_the_peer_still_sends);
    RUN(test_pipe_is_streamed);
    RUN(test_pipe_that_broke_off_is_not_whole);
    RUN(test_what_is_made_as_it_is_taken);
    RUN(test_file_is_served_in_ranges);
    RUN(test_problems_become_details);
    RUN(test_used_port_is_reported);
    RUN(test_operator_socket_serves_its_owner);
    http_stop(&server);
    RUN(test_stop_waits_for_open_requests);
    return test_done();
}
