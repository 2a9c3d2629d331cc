#include "log.h"

#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "test.h"

static int saved_stderr = -1, capture[2];

static void begin(enum log_format format)
{
    clock_set_for_tests(1795482123456);
    log_open("test", LOG_INFO, format);
    if (pipe2(capture, O_CLOEXEC | O_NONBLOCK) != 0 || (saved_stderr = dup(2)) < 0 ||
        dup2(capture[1], 2) != 2)
        abort();
}

/* What was logged since begin(); valid until the next call. */
static struct str end(void)
{
    static char text[65536];
    if (dup2(saved_stderr, 2) != 2)
        abort();
    close(saved_stderr);
    close(capture[1]);
    ssize_t n = read(capture[0], text, sizeof text);
    close(capture[0]);
    clock_set_for_tests(0);
    return str_bytes(text, n > 0 ? (size_t)n : 0);
}

static void test_logfmt(void)
{
    bool ok = false; /* the macro false itself is an int */
    begin(LOG_LOGFMT);
    log_warn("upload_failed", kv("job", "a b"), kv("status", 403), kv("ok", ok),
             kv("size", (uint64_t)UINT64_MAX), kv("low", INT64_MIN), kv("name", STR("x\"y\\")));
    CHECK_STR(end(), "time=2026-11-24T01:02:03.456Z level=warn process=test event=upload_failed "
                     "job=\"a b\" status=403 ok=false size=18446744073709551615 "
                     "low=-9223372036854775808 name=\"x\\\"y\\\\\"\n");
}

static void test_json(void)
{
    bool yes = true;
    begin(LOG_JSON);
    log_error("broken", kv("at", 7u), kv("yes", yes), kv("why", (const char *)NULL));
    CHECK_STR(end(), "{\"time\":\"2026-11-24T01:02:03.456Z\",\"level\":\"error\",\"process\":"
                     "\"test\",\"event\":\"broken\",\"at\":7,\"yes\":true,\"why\":\"\"}\n");
}

static void test_least_level(void)
{
    begin(LOG_LOGFMT);
    log_debug("quiet");
    CHECK_STR(end(), "");
    begin(LOG_LOGFMT);
    log_open("test", LOG_ERROR, LOG_LOGFMT);
    log_warn("quiet", kv("n", 1));
    log_error("loud");
    CHECK_STR(end(), "time=2026-11-24T01:02:03.456Z level=error process=test event=loud\n");
}

/* A line stays a line and a terminal sees no control character, no bidi mark, no broken UTF-8. */
static void test_text_from_outside_is_escaped(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"a\nlevel=error", "\"a\\u000alevel=error\""}, {"\x1b[31m\r", "\"\\u001b[31m\\u000d\""},
        {"\xe2\x80\xae", "\"\\u00e2\\u0080\\u00ae\""}, {"\xff\x7f", "\"\\u00ff\\u007f\""},
        {"\",\"x\":\"", "\"\\\",\\\"x\\\":\\\"\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin(i % 2 ? LOG_JSON : LOG_LOGFMT);
        log_info("e", kv("t", str_from(cases[i].text)));
        struct str line = end();
        CHECK(str_search(line, str_from(cases[i].want), 0) < line.len);
        CHECK_EQ(str_find(line, '\n'), line.len - 1);
    }
    begin(LOG_LOGFMT);
    log_info("e", kv("t", str_bytes("a\0b", 3)));
    struct str line = end();
    CHECK(str_ends(line, STR("t=\"a\\u0000b\"\n")));
}

static void test_long_text_is_cut(void)
{
    char text[LOG_TEXT_MAX_BYTES + 1];
    memset(text, 'x', sizeof text);
    for (size_t len = sizeof text - 1; len <= sizeof text; len++) {
        begin(LOG_LOGFMT);
        log_info("e", kv("t", str_bytes(text, len)));
        CHECK_EQ(str_ends(end(), STR("x...\"\n")), len == sizeof text);
    }
}

/* Every byte written six-fold: not all pairs fit, but the line is whole, and says that it is not
 * all. */
static void test_line_that_is_too_long_stays_well_formed(void)
{
    char text[LOG_TEXT_MAX_BYTES + 10];
    memset(text, '\n', sizeof text);
    struct str t = str_bytes(text, sizeof text);
    for (int json = 0; json < 2; json++) {
        begin(json ? LOG_JSON : LOG_LOGFMT);
        log_info("e", kv("a", t), kv("b", t), kv("c", t), kv("d", 1), kv("e", t), kv("f", t));
        struct str line = end();
        CHECK(line.len <= 4096);
        CHECK(str_ends(line, json ? STR(",\"cut\":true}\n") : STR(" cut=true\n")));
        CHECK_EQ(str_find(line, '\n'), line.len - 1);
        size_t quotes = 0;
        for (size_t i = 0; i < line.len; i++)
            quotes += line.ptr[i] == '"';
        CHECK_EQ(quotes % 2, 0);
    }
}

static void test_lines_carry_the_request_until_it_ends(void)
{
    char id[] = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    begin(LOG_LOGFMT);
    log_request(str_from(id));
    memset(id, 'x', sizeof id - 1); /* it was copied */
    log_info("e", kv("a", 1));
    CHECK(str_ends(end(), STR("event=e request=\"01ARZ3NDEKTSV4RRFFQ69G5FAV\" a=1\n")));
    log_request(STR_EMPTY);
    begin(LOG_JSON);
    log_info("e", kv("a", 1));
    CHECK(str_ends(end(), STR("\"event\":\"e\",\"a\":1}\n")));
}

static void test_the_word_that_is_followed_counts(void)
{
    static atomic_uint word = LOG_WORD(LOG_WARN, LOG_JSON);
    begin(LOG_LOGFMT);
    log_follow(&word);
    log_info("e");
    CHECK_EQ(end().len, 0);
    begin(LOG_LOGFMT); /* has no effect while another word is followed */
    log_warn("e");
    CHECK(str_ends(end(), STR("\"event\":\"e\"}\n")));
    begin(LOG_LOGFMT);
    atomic_store(&word, LOG_WORD(LOG_DEBUG, LOG_LOGFMT));
    log_debug("e");
    CHECK(str_ends(end(), STR("level=debug process=test event=e\n")));
}

int main(void)
{
    RUN(test_logfmt);
    RUN(test_json);
    RUN(test_least_level);
    RUN(test_text_from_outside_is_escaped);
    RUN(test_long_text_is_cut);
    RUN(test_line_that_is_too_long_stays_well_formed);
    RUN(test_lines_carry_the_request_until_it_ends);
    RUN(test_the_word_that_is_followed_counts);
    return test_done();
}
