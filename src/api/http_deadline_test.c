#include "http_fixture.h"

enum { DEADLINE_MS = 300, IDLE_MS = 600, PATIENT_MS = 3000, CROWD = 300 };

static struct http_server *server, *patient; /* the second has PATIENT_MS for a body */

/* Sends `first`, then `drip` every 20 ms, until the server closes. Returns after how many ms, or
 * -1 when it did not within `most_ms`. */
static int64_t ms_until_closed(const char *first, const char *drip, int64_t most_ms)
{
    int64_t start = clock_monotonic_ms();
    AUTO(fd) int fd = dial(server);
    say(fd, str_from(first));
    while (clock_monotonic_ms() - start < most_ms) {
        char text[2048];
        bool closed;
        hear_first(fd, 20, 20, text, sizeof text, &closed);
        if (closed)
            return clock_monotonic_ms() - start;
        say(fd, str_from(drip));
    }
    return -1;
}

static void test_late_connections_are_dropped(void)
{
    static const struct {
        const char *name, *first, *drip;
        int64_t least_ms;
    } CASES[] = {
        {"nothing", "", "", DEADLINE_MS},
        {"a byte now and then", "G", "E", DEADLINE_MS},
        {"half a head", "GET /healthz HTTP/1.1\r\nHost: x\r\n", "", DEADLINE_MS},
        {"endless fields", "GET /healthz HTTP/1.1\r\n", "X: y\r\n", DEADLINE_MS},
        {"body that stands still",
         "PUT /secrets HTTP/1.1\r\n" HOST AUTH "Content-Length: 100\r\n\r\n", "", DEADLINE_MS},
        {"body that drips", "PUT /secrets HTTP/1.1\r\n" HOST AUTH "Content-Length: 10000\r\n\r\n",
         "a", DEADLINE_MS},
        {"stream that drips", "PUT /stream HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n", "a",
         DEADLINE_MS},
        {"chunks that drip",
         "PUT /secrets HTTP/1.1\r\n" HOST AUTH "Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n",
         DEADLINE_MS},
        {"nothing after an answer", "GET /healthz HTTP/1.1\r\n" HOST "\r\n", "", IDLE_MS},
        {"next request drips", "GET /healthz HTTP/1.1\r\n" HOST "\r\n", "G", IDLE_MS},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        int64_t ms = ms_until_closed(CASES[i].first, CASES[i].drip, 20000);
        if (ms < CASES[i].least_ms)
            printf("# %s: %" PRId64 " ms\n", CASES[i].name, ms);
        CHECK(ms >= CASES[i].least_ms); /* -1: it was not closed */
    }
    CHECK(fixture_sink_ended == 1 && fixture_sink_complete == 0);
}

static void test_body_that_moves_is_kept(void)
{
    AUTO(fd) int fd = dial(patient);
    say(fd, STR("PUT /stream HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n"));
    static char piece[20000];
    memset(piece, 'a', sizeof piece);
    for (int i = 0; i < 10; i++) {
        usleep(PATIENT_MS * 1000 / 8);
        say(fd, str_bytes(piece, sizeof piece));
    }
    char text[2048];
    bool closed;
    hear(fd, 200, text, sizeof text, &closed);
    CHECK(strstr(text, "HTTP/1.1 204 "));
}

/* Long before the deadline, also when the end came with the last bytes. */
static void test_body_that_breaks_off_is_dropped(void)
{
    static char piece[30000];
    memset(piece, 'a', sizeof piece);
    for (int i = 0; i < 20; i++) {
        int before = fixture_sink_ended, fd = dial(patient);
        int64_t start = clock_monotonic_ms();
        say(fd, STR("PUT /stream HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n"));
        say(fd, str_bytes(piece, sizeof piece));
        io_close(&fd);
        CHECK(comes_true(fixture_sink_ended > before));
        CHECK(clock_monotonic_ms() - start < PATIENT_MS - 20);
    }
}

static void test_suspended_request_has_no_deadline(void)
{
    AUTO(fd) int fd = dial(server);
    for (int i = 0; i < 20; i++) {
        char text[2048];
        bool closed;
        say(fd, STR("GET /later HTTP/1.1\r\n" HOST "\r\n"));
        hear_first(fd, 20000, 25, text, sizeof text, &closed);
        CHECK(strstr(text, "later"));
    }
}

static void test_crowd_of_idlers_costs_others_nothing(void)
{
    static int fds[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = dial(server);
        say(fds[i], STR("GET /heal"));
    }
    int64_t start = clock_monotonic_ms();
    for (int i = 0; i < 20; i++)
        CHECK_EQ(ask(server, STR("GET /healthz HTTP/1.0\r\n\r\n"), 1000)->status, 200);
    CHECK(clock_monotonic_ms() - start < 10000);
    for (size_t i = 0; i < CROWD; i++) {
        char text[100];
        bool closed;
        CHECK(hear(fds[i], 1000, text, sizeof text, &closed) == 0 && closed);
        io_close(&fds[i]);
    }
}

int main(void)
{
    struct http_options o = fixture_options();
    signal(SIGPIPE, SIG_IGN);
    o.head_deadline_ms = o.body_progress_ms = DEADLINE_MS;
    o.idle_ms = IDLE_MS;
    ASSERT(http_start(&o, &server) == OK);
    o.body_progress_ms = PATIENT_MS;
    ASSERT(http_start(&o, &patient) == OK);
    RUN(test_late_connections_are_dropped);
    RUN(test_body_that_moves_is_kept);
    RUN(test_body_that_breaks_off_is_dropped);
    RUN(test_suspended_request_has_no_deadline);
    RUN(test_crowd_of_idlers_costs_others_nothing);
    http_stop(&patient);
    http_stop(&server);
    return test_done();
}
