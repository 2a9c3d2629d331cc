#include "clock.h"
#include "test.h"

static void test_parse(void)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-24T01:02:03.456Z", 1795482123456},
        {"2026-11-24t01:02:03.456z", 1795482123456},
        {"2026-11-24 01:02:03Z", 1795482123000},
        {"2026-11-24T02:02:03+01:00", 1795482123000},
        {"2026-11-23T19:32:03-05:30", 1795482123000},
        {"2026-11-24T01:02:03.4569999999Z", 1795482123456},
        {"2026-11-24T01:02:03.4Z", 1795482123400},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = 77;
        CHECK_OK(clock_parse(str_from(cases[i].text), &ms));
        CHECK_EQ(ms, cases[i].want);
    }
}

static void test_parse_refuses(void)
{
    static const char *const cases[] = {
        "",
        "2026",
        "2026-11-24",
        "2026-11-24T01:02:03",
        "2026-11-24T01:02Z",
        "2026-1-24T01:02:03Z",
        "2026-00-24T01:02:03Z",
        "2026-13-24T01:02:03Z",
        "2026-11-00T01:02:03Z",
        "2026-11-31T01:02:03Z",
        "2026-02-29T01:02:03Z",
        "2026-11-24T24:02:03Z",
        "2026-11-24T01:60:03Z",
        "2026-11-24T01:02:61Z",
        "2026-11-24T01:02:03.Z",
        "2026-11-24T01:02:03,4Z",
        "2026-11-24T01:02:03ZZ",
        "2026-11-24T01:02:03 Z",
        "2026-11-24T01:02:03+0100",
        "2026-11-24T01:02:03+01",
        "2026-11-24T01:02:03+24:00",
        "2026-11-24T01:02:03+01:60",
        "2026-11-24T01:02:03+01:00x",
        "+2026-11-24T01:02:03Z",
        "-026-11-24T01:02:03Z",
        "20261-11-24T01:02:03Z",
        " 2026-11-24T01:02:03Z",
        "2026-11-24_01:02:03Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = 77;
        if (clock_parse(str_from(cases[i]), &ms) == OK)
            printf("# accepted: %s\n", cases[i]);
        CHECK_ERR(clock_parse(str_from(cases[i]), &ms), ERR_INVALID);
        CHECK_EQ(ms, 77);
    }
    /* A NUL is no separator. */
    int64_t ms;
    CHECK_ERR(clock_parse(str_bytes("2026-11-24\0"
                                    "01:02:03Z",
                                    20),
                          &ms),
              ERR_INVALID);
    for (size_t len = 0; len < 24; len++)
        CHECK_ERR(clock_parse(str_slice(STR("2026-11-24T01:02:03.456Z"), 0, len), &ms),
                  ERR_INVALID);
}

static void test_format_is_what_parse_reads(void)
{
    static const int64_t cases[] = {
        0, 1, 999, 1795482123456, -1, -1000, -62167219200000, 253402300799999};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[CLOCK_TEXT_BYTES];
        int64_t ms = 77;
        clock_format(cases[i], text);
        CHECK_EQ(strlen(text), 24);
        CHECK_OK(clock_parse(str_from(text), &ms));
        CHECK_EQ(ms, cases[i]);
    }
    char text[CLOCK_TEXT_BYTES];
    clock_format(1795482123456, text);
    CHECK_STR(str_from(text), "2026-11-24T01:02:03.456Z");
}

static void test_clock_can_be_set(void)
{
    clock_set_for_tests(5000);
    CHECK_EQ(clock_unix_ms(), 5000);
    clock_set_for_tests(0);
    CHECK(clock_unix_ms() > 1600000000000);
    int64_t before = clock_monotonic_ms();
    CHECK(clock_monotonic_ms() >= before);
}

int main(void)
{
    RUN(test_parse);
    RUN(test_parse_refuses);
    RUN(test_format_is_what_parse_reads);
    RUN(test_clock_can_be_set);
    return test_done();
}
