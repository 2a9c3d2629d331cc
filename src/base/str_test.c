#include "alloc.h"
#include "test.h"

static void test_compare_and_affixes(void)
{
    static const struct {
        const char *a, *b;
        int order;
        bool starts, ends, nocase;
    } cases[] = {
        {"", "", 0, true, true, true},           {"a", "", 1, true, true, false},
        {"", "a", -1, false, false, false},      {"abc", "ab", 1, true, false, false},
        {"abc", "bc", -1, false, true, false},   {"abc", "ABC", 1, false, false, true},
        {"abc", "abc", 0, true, true, true},     {"\xff", "a", 1, false, false, false},
        {"A\xc3", "a\xe3", -1, false, false, 0}, {"[", "{", -1, false, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str a = str_from(cases[i].a), b = str_from(cases[i].b);
        int order = str_compare(a, b);
        CHECK_EQ((order > 0) - (order < 0), cases[i].order);
        CHECK_EQ(str_equal(a, b), cases[i].order == 0);
        CHECK_EQ(str_is(a, cases[i].b), cases[i].order == 0);
        CHECK_EQ(str_starts(a, b), cases[i].starts);
        CHECK_EQ(str_ends(a, b), cases[i].ends);
        CHECK_EQ(str_equal_nocase(a, b), cases[i].nocase);
    }
}

static void test_null_is_empty(void)
{
    struct str none = {NULL, 0};
    CHECK(str_equal(none, STR("")));
    CHECK(str_starts(none, STR("")));
    CHECK(str_ends(none, none));
    CHECK(!str_starts(none, STR("a")));
    CHECK_EQ(str_find(none, 'a'), 0);
    CHECK_EQ(str_search(none, STR("a"), 0), 0);
    CHECK_EQ(str_trim(none).len, 0);
    CHECK_EQ(str_from(NULL).len, 0);
    AUTO(mem) char *copy = str_dup(none);
    CHECK_EQ(copy[0], 0);
}

static void test_slice_is_clamped(void)
{
    struct str s = STR("hello");
    CHECK_STR(str_slice(s, 1, 3), "el");
    CHECK_STR(str_slice(s, 0, 99), "hello");
    CHECK_STR(str_slice(s, 4, 2), "");
    CHECK_STR(str_slice(s, 99, 100), "");
    CHECK_STR(str_slice(s, 5, 5), "");
}

static void test_control_characters(void)
{
    CHECK(!str_has_control(STR_EMPTY));
    CHECK(!str_has_control(STR(" ~\xc3\xa9")));
    CHECK(str_has_control(STR("a\x1f")));
    CHECK(str_has_control(STR("a\x7f"
                              "b")));
    CHECK(str_has_control(str_bytes("\0", 1)));
}

static void test_trim(void)
{
    CHECK_STR(str_trim(STR(" \t\r\n a b \n")), "a b");
    CHECK_STR(str_trim(STR(" \n ")), "");
    CHECK_STR(str_trim(STR("\v a")), "\v a"); /* a vertical tab is no blank */
}

static void test_find_and_search(void)
{
    struct str s = STR("abcabc");
    CHECK_EQ(str_find(s, 'c'), 2);
    CHECK_EQ(str_find(s, 'x'), 6);
    CHECK_EQ(str_search(s, STR("bc"), 0), 1);
    CHECK_EQ(str_search(s, STR("bc"), 2), 4);
    CHECK_EQ(str_search(s, STR("bc"), 5), 6);
    CHECK_EQ(str_search(s, STR("bc"), 7), 6);
    CHECK_EQ(str_search(s, STR("abcabca"), 0), 6);
    CHECK_EQ(str_search(str_bytes("a\0b", 3), str_bytes("\0b", 2), 0), 1);
}

static void test_split(void)
{
    struct str head, rest = str_split(STR("a=b=c"), '=', &head);
    CHECK_STR(head, "a");
    CHECK_STR(rest, "b=c");
    rest = str_split(STR("a="), '=', &head);
    CHECK_STR(rest, "");
    CHECK(rest.ptr != NULL);
    rest = str_split(STR("a"), '=', &head);
    CHECK_STR(head, "a");
    CHECK(rest.ptr == NULL);
}

static void test_number_is_strict(void)
{
    static const struct {
        const char *text;
        uint64_t max, want;
        enum err e;
    } cases[] = {
        {"0", 0, 0, OK},
        {"007", 7, 7, OK},
        {"100", 100, 100, OK},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX, OK},
        {"101", 100, 0, ERR_INVALID},
        {"5", 4, 0, ERR_INVALID},
        {"18446744073709551616", UINT64_MAX, 0, ERR_INVALID},
        {"99999999999999999999999", UINT64_MAX, 0, ERR_INVALID},
        {"", 9, 0, ERR_INVALID},
        {"-1", 9, 0, ERR_INVALID},
        {"+1", 9, 0, ERR_INVALID},
        {" 1", 9, 0, ERR_INVALID},
        {"1 ", 9, 0, ERR_INVALID},
        {"0x1", 9, 0, ERR_INVALID},
        {"1.0", 99, 0, ERR_INVALID},
        {"\xd9\xa1", 99, 0, ERR_INVALID}, /* an Arabic-Indic one */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t v = 77;
        CHECK_ERR(str_to_u64(str_from(cases[i].text), cases[i].max, &v), cases[i].e);
        CHECK(v == (cases[i].e == OK ? cases[i].want : 77));
    }
}

static void test_to_text(void)
{
    char text[4];
    CHECK_OK(str_to_text(STR("abc"), text, sizeof text));
    CHECK_STR(str_from(text), "abc");
    CHECK_OK(str_to_text(STR(""), text, sizeof text));
    CHECK_STR(str_from(text), "");
    CHECK_ERR(str_to_text(STR("abcd"), text, sizeof text), ERR_TOO_LARGE);
    CHECK_ERR(str_to_text(str_bytes("a\0b", 3), text, sizeof text), ERR_INVALID);
}

int main(void)
{
    RUN(test_compare_and_affixes);
    RUN(test_null_is_empty);
    RUN(test_slice_is_clamped);
    RUN(test_control_characters);
    RUN(test_trim);
    RUN(test_find_and_search);
    RUN(test_split);
    RUN(test_number_is_strict);
    RUN(test_to_text);
    return test_done();
}
