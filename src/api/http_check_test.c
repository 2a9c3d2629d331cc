#include "http_fixture.h"

/* Each case: the bytes, the status of the answer, whether the connection must end, and a text that
 * the answer must hold. */
static const struct {
    const char *name;
    struct str bytes;
    int status;
    bool closes;
    const char *holds;
} CASES[] = {
#define GOOD "GET /healthz HTTP/1.1\r\n" HOST
#define BODY "PUT /secrets HTTP/1.1\r\n" HOST AUTH
    {"plain", STR(GOOD "\r\n"), 200, false, "hello"},
    {"blank line first", STR("\r\n" GOOD "\r\n"), 200, false, "hello"},
    {"blanks round a value", STR("GET /healthz HTTP/1.1\r\nHost: \t x \t\r\n\r\n"), 200, false, ""},
    {"no blank", STR("GET /healthz HTTP/1.1\r\nHost:x\r\n\r\n"), 200, false, "hello"},
    {"empty value", STR(GOOD "X-A:\r\nX-B: \r\n\r\n"), 200, false, "hello"},
    {"cookie", STR(GOOD "Cookie: a=b; c=\"d\"\r\nX-B: 1\r\n\r\n"), 200, false, "hello"},
    {"query", STR("GET /healthz?a=b&c=%20&&d HTTP/1.1\r\n" HOST "\r\n"), 200, false, "hello"},
    {"1.0", STR("GET /healthz HTTP/1.0\r\n\r\n"), 200, true, "hello"},
    {"body", STR(BODY "Content-Length: 2\r\n\r\n{}"), 201, false, "{\"len\":2}"},
    {"chunked", STR(BODY "Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n1;x=y\r\n \r\n0\r\n\r\n"),
     201, false, "{\"len\":3}"},
    {"body thrown away", STR("GET /healthz HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"), 200,
     false, "hello"},
    {"body too large to throw away",
     STR("GET /healthz HTTP/1.1\r\n" HOST "Content-Length: 4097\r\n\r\nabc"), 413, true, ""},
    {"length and chunked",
     STR(BODY "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, true,
     "BAD_FRAMING"},
    {"two lengths", STR(BODY "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 400, true, ""},
    {"same length twice", STR(BODY "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400, true,
     ""},
    {"length list", STR(BODY "Content-Length: 2, 2\r\n\r\n{}"), 400, true, ""},
    {"length +2", STR(BODY "Content-Length: +2\r\n\r\n{}"), 400, true, ""},
    {"length -2", STR(BODY "Content-Length: -2\r\n\r\n{}"), 400, true, ""},
    {"length 2abc", STR(BODY "Content-Length: 2abc\r\n\r\n{}"), 400, true, ""},
    {"length 0x2", STR(BODY "Content-Length: 0x2\r\n\r\n{}"), 400, true, ""},
    {"length empty", STR(BODY "Content-Length: \r\n\r\n{}"), 400, true, ""},
    {"length huge", STR(BODY "Content-Length: 99999999999999999999999\r\n\r\n{}"), 413, true, ""},
    {"length 2^63", STR(BODY "Content-Length: 9223372036854775808\r\n\r\n{}"), 400, true, ""},
    {"length over the limit", STR(BODY "Content-Length: 10485760\r\n\r\n{"), 413, true,
     "TOO_LARGE"},
    {"coding xchunked", STR(BODY "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 400, true, ""},
    {"coding list", STR(BODY "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 400, true, ""},
    {"coding twice",
     STR(BODY "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
     true, ""},
    {"coding in 1.0",
     STR("PUT /secrets HTTP/1.0\r\n" AUTH "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, true,
     ""},
    {"chunk size overflow", STR(BODY "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n"),
     413, true, ""},
    {"chunk size negative", STR(BODY "Transfer-Encoding: chunked\r\n\r\n-1\r\n"), 400, true, ""},
    {"chunk size not hex", STR(BODY "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400, true, ""},
    {"two hosts", STR(GOOD HOST "\r\n"), 400, true, ""},
    {"no host", STR("GET /healthz HTTP/1.1\r\n\r\n"), 400, true, "BAD_FRAMING"},
    {"empty host", STR("GET /healthz HTTP/1.1\r\nHost: \r\n\r\n"), 400, true, ""},
    {"host with a path", STR("GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, true, ""},
    {"two authorizations", STR("GET /secrets HTTP/1.1\r\n" HOST AUTH AUTH "\r\n"), 400, true, ""},
    {"two tokens in one",
     STR("GET /secrets HTTP/1.1\r\n" HOST "Authorization: Bearer a, Bearer b"
         "\r\n\r\n"),
     401, false, "WWW-Authenticate: Bearer"},
    {"blank before colon", STR(GOOD "X-A : b\r\n\r\n"), 400, true, ""},
    {"tab before colon", STR(GOOD "X-A\t: b\r\n\r\n"), 400, true, ""},
    {"no colon", STR(GOOD "X-A\r\n\r\n"), 400, true, ""},
    {"empty name", STR(GOOD ": b\r\n\r\n"), 400, true, ""},
    {"folded", STR(GOOD "X-A: b\r\n c\r\n\r\n"), 400, true, "BAD_FRAMING"},
    {"folded last", STR("GET /healthz HTTP/1.1\r\nHost: x\r\n\ty\r\n\r\n"), 400, true, ""},
    {"bare LF everywhere", STR("GET /healthz HTTP/1.1\nHost: x\n\n"), 400, true, "BAD_FRAMING"},
    {"bare LF after the request", STR("GET /healthz HTTP/1.1\nHost: x\r\n\r\n"), 400, true, ""},
    {"bare LF after a field", STR("GET /healthz HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n"), 400, true,
     ""},
    {"bare LF at the end", STR(GOOD "\n"), 400, true, ""},
    {"bare CR in a value", STR(GOOD "X-A: b\rc\r\n\r\n"), 400, true, ""},
    {"CR at the end of a value", STR(GOOD "X-A: b\r\r\n\r\n"), 400, true, ""},
    {"NUL in a value", STR(GOOD "X-A: b\0c\r\n\r\n"), 400, true, "BAD_FRAMING"},
    {"NUL in the last value", STR("GET /healthz HTTP/1.1\r\nHost: x\0\r\n\r\n"), 400, true, ""},
    {"NUL in a name", STR(GOOD "X\0A: b\r\n\r\n"), 400, true, ""},
    {"NUL in the target", STR("GET /healthz\0x HTTP/1.1\r\n" HOST "\r\n"), 400, true, ""},
    {"NUL in the method", STR("GET\0 /healthz HTTP/1.1\r\n" HOST "\r\n"), 400, true, ""},
    {"control byte in a value", STR(GOOD "X-A: \x01\r\n\r\n"), 400, true, ""},
    {"two blanks", STR("GET  /healthz HTTP/1.1\r\n" HOST "\r\n"), 400, true, ""},
    {"blank behind the version", STR("GET /healthz HTTP/1.1 \r\n" HOST "\r\n"), 400, true, ""},
    {"blank in the target", STR("GET /heal thz HTTP/1.1\r\n" HOST "\r\n"), 400, true, ""},
    {"raw byte in the target", STR("GET /show/\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400, true, ""},
    {"fragment", STR("GET /healthz#a HTTP/1.1\r\n" HOST "\r\n"), 400, true, ""},
    {"absolute form", STR("GET http://x/healthz HTTP/1.1\r\n" HOST "\r\n"), 400, true, ""},
    {"no slash", STR("GET healthz HTTP/1.1\r\n" HOST "\r\n"), 400, true, ""},
    {"version 1.2", STR("GET /healthz HTTP/1.2\r\n" HOST "\r\n"), 400, true, ""},
    {"version 2.0", STR("GET /healthz HTTP/2.0\r\n" HOST "\r\n"), 505, true, ""},
    {"version 0.9", STR("GET /healthz\r\n\r\n"), 400, true, ""},
    {"lower-case version", STR("GET /healthz http/1.1\r\n" HOST "\r\n"), 400, true, ""},
    {"HTTP/2 preface", STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, true, ""},
    {"pseudo field", STR("GET /healthz HTTP/1.1\r\n" HOST ":path: /x\r\n\r\n"), 400, true, ""},
    {"expectation", STR(BODY "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n"), 417, true, ""},
    {"content coding", STR(BODY "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"), 415, true,
     ""},
    {"unknown method", STR("FOO /healthz HTTP/1.1\r\n" HOST "\r\n"), 501, true, ""},
    {"lower-case method", STR("get /healthz HTTP/1.1\r\n" HOST "\r\n"), 501, true, ""},
    {"TRACE", STR("TRACE /secrets HTTP/1.1\r\n" HOST AUTH "\r\n"), 405, false, "Allow: GET, HEAD"},
    {"OPTIONS", STR("OPTIONS /secrets HTTP/1.1\r\n" HOST "\r\n"), 405, false, "Allow: "},
    {"OPTIONS *", STR("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 405, true, "Allow: "},
    {"CONNECT", STR("CONNECT x:443 HTTP/1.1\r\n" HOST "\r\n"), 405, true, "Allow: "},
    {"override",
     STR("GET /secrets/a HTTP/1.1\r\n" HOST AUTH "X-HTTP-Method-Override: DELETE\r\n\r\n"), 405,
     false, "Allow: DELETE"},
    {"unknown path", STR("GET /nothing HTTP/1.1\r\n" HOST "\r\n"), 404, false, "NOT_FOUND"},
    {"empty id", STR("DELETE /secrets/ HTTP/1.1\r\n" HOST AUTH "\r\n"), 404, false, ""},
    {"dots", STR("DELETE /secrets/%2e%2e HTTP/1.1\r\n" HOST AUTH "\r\n"), 404, false, ""},
    {"unauthorised with a body", STR("PUT /secrets HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n"),
     401, true, "WWW-Authenticate: Bearer"},
};

static void test_each_case_has_its_outcome(void)
{
    struct http_server *s = fixture_start();
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        int failed = test_failures_here_;
        const struct heard *h = ask(s, CASES[i].bytes, CASES[i].closes ? 2000 : 50);
        CHECK_EQ(h->status, CASES[i].status);
        CHECK_EQ(h->closed, CASES[i].closes);
        CHECK(strstr(h->text, CASES[i].holds));
        CHECK(!strstr(h->text, FIXTURE_TOKEN));
        if (test_failures_here_ != failed)
            printf("# case \"%s\": %.60s\n", CASES[i].name, h->text);
    }
    CHECK_EQ(fixture_deleted, 0);
    http_stop(&s);
}

static void test_every_answer_has_the_fixed_fields(void)
{
    struct http_server *s = fixture_start();
    static const char *const REQUESTS[] = {
        GOOD "\r\n",
        "GET /nothing HTTP/1.1\r\n" HOST "\r\n",
        "GET /healthz HTTP/1.1\r\n\r\n",
        "PUT /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
        const struct heard *h = ask(s, str_from(REQUESTS[i]), 50);
        CHECK(strstr(h->text, "\r\nX-Request-Id: 0"));
        CHECK(strstr(h->text, "\r\nCache-Control: no-store\r\n"));
        CHECK(strstr(h->text, "\r\nX-Content-Type-Options: nosniff\r\n"));
        CHECK(!strstr(h->text, "\r\nServer:"));
        CHECK(h->status == 200 || strstr(h->text, "{\"error\":\""));
    }
    http_stop(&s);
}

/* Heads around the limits; none may be read as something else. */
static void test_large_heads_are_refused(void)
{
    static const struct {
        size_t target, field, fields;
        int status;
    } SIZES[] = {
        {8 * 1024, 1, 1, 404},   {8 * 1024 + 1, 1, 1, 414}, {40 * 1024, 1, 1, 414},
        {20, 15 * 1024, 1, 404}, {20, 17 * 1024, 1, 431},   {20, 64 * 1024, 1, 431},
        {20, 1, 90, 404},        {20, 1, 101, 431},         {20, 1, 500, 431},
    };
    struct http_server *s = fixture_start();
    for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
        AUTO(buf) struct buf b = buf_make(1 << 20);
        ASSERT(buf_put(&b, STR("GET /")) == OK);
        for (size_t n = 1; n < SIZES[i].target; n++)
            ASSERT(buf_put_byte(&b, 'a') == OK);
        ASSERT(buf_put(&b, STR(" HTTP/1.1\r\n" HOST)) == OK);
        for (size_t f = 0; f < SIZES[i].fields; f++) {
            ASSERT(buf_printf(&b, "X-%zu: ", f) == OK);
            for (size_t n = 0; n < SIZES[i].field; n++)
                ASSERT(buf_put_byte(&b, 'v') == OK);
            ASSERT(buf_put(&b, STR("\r\n")) == OK);
        }
        ASSERT(buf_put(&b, STR("\r\n")) == OK);
        CHECK_EQ(ask(s, buf_str(&b), 200)->status, SIZES[i].status);
    }
    http_stop(&s);
}

/* A sample that mixes everything, cut at each place and with each byte changed: the server answers
 * or waits or closes, and still serves the next. */
static void test_cut_and_changed_requests_do_no_harm(void)
{
    static const char SAMPLE[] = "DELETE /secrets/a%20b?x=1 HTTP/1.1\r\n" HOST
                                 "Transfer-Encoding: chunked\r\nX: y\r\n\r\n1\r\na\r\n0\r\n\r\n";
    struct http_server *s = fixture_start();
    size_t len = sizeof SAMPLE - 1;
    for (size_t i = 0; i < len; i++) {
        char copy[sizeof SAMPLE];
        memcpy(copy, SAMPLE, sizeof SAMPLE);
        AUTO(fd) int cut = dial(s);
        say(cut, str_bytes(copy, i));
        static const char CHANGES[] = {'\0', '\n', '\r', ' ', ':', '\x80', '%', '/'};
        copy[i] = CHANGES[i % sizeof CHANGES];
        AUTO(fd) int changed = dial(s);
        say(changed, str_bytes(copy, len));
        shutdown(changed, SHUT_WR);
        char text[4096];
        bool closed;
        hear(changed, 20000, text, sizeof text, &closed);
        CHECK(closed);
    }
    CHECK_EQ(fixture_deleted, 0);
    CHECK_EQ(ask(s, STR(GOOD "\r\n"), 50)->status, 200);
    http_stop(&s);
}

int main(void)
{
    RUN(test_each_case_has_its_outcome);
    RUN(test_every_answer_has_the_fixed_fields);
    RUN(test_large_heads_are_refused);
    RUN(test_cut_and_changed_requests_do_no_harm);
    return test_done();
}
