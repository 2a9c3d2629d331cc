#include "term.h"

#include "test.h"

static void test_widths(void)
{
    static const struct {
        const char *text;
        size_t cells;
    } cases[] = {
        {"", 0},
        {"plain", 5},
        {"caf\xc3\xa9", 4},
        {"e\xcc\x81", 1},                /* combining acute */
        {"\xe6\x97\xa5\xe6\x9c\xac", 4}, /* two wide ones */
        {"\xf0\x9f\x98\x80", 2},         /* an emoji */
        {"\x1b[31m", 5},                 /* escape as '?' */
        {"a\xc2\x9b"
         "b",
         3}, /* C1 CSI */
        {"\xe2\x80\xae"
         "abc",
         4},                     /* right-to-left override */
        {"\xff\xfe", 2},         /* no UTF-8 */
        {"\xc3", 1},             /* cut off */
        {"\xed\xa0\x80", 3},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4}, /* past the end of Unicode */
        {"\xc0\x80", 2},         /* overlong */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_EQ(term_cells(str_from(cases[i].text)), cases[i].cells);
}

static void test_unsafe_characters_are_known(void)
{
    static const char *const unsafe[] = {"\x07",         "\x1b",         "\x7f",
                                         "\xc2\x85",     "\xe2\x80\xa8", "\xe2\x80\xae",
                                         "\xe2\x81\xa6", "\xef\xbb\xbf", "\xf3\xa0\x81\x81"};
    static const char *const safe[] = {"a", "\xc3\xa9", "\xe2\x80\xa6", "\xd7\x90"};
    struct term_char c;
    for (size_t i = 0; i < ARRAY_LEN(unsafe); i++) {
        struct str rest = str_from(unsafe[i]);
        CHECK(term_next(&rest, &c) && !c.safe && c.cells == 1 && rest.len == 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(safe); i++) {
        struct str rest = str_from(safe[i]);
        CHECK(term_next(&rest, &c) && c.safe && rest.len == 0);
    }
}

static void test_fit_never_cuts_a_character(void)
{
    struct str s = STR("a\xe6\x97\xa5"
                       "e\xcc\x81z");
    static const size_t bytes[] = {0, 1, 1, 4, 7, 8, 8};
    for (size_t cells = 0; cells < ARRAY_LEN(bytes); cells++)
        CHECK_EQ(term_fit(s, cells), bytes[cells]);
}

static void test_width_is_taken_from_columns_within_bounds(void)
{
    static const struct {
        const char *columns;
        size_t width;
    } cases[] = {{"100", 100},
                 {"19", TERM_WIDTH_LEAST},
                 {"20", 20},
                 {"1000", 1000},
                 {"1001", TERM_WIDTH_MOST},
                 {"", TERM_WIDTH_DEFAULT},
                 {"0", TERM_WIDTH_DEFAULT},
                 {"-5", TERM_WIDTH_DEFAULT},
                 {"x", TERM_WIDTH_DEFAULT}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        setenv("COLUMNS", cases[i].columns, 1);
        CHECK_EQ(term_width(-1), cases[i].width);
    }
    CHECK(!term_rich(-1) && !term_colour(-1));
}

int main(void)
{
    RUN(test_widths);
    RUN(test_unsafe_characters_are_known);
    RUN(test_fit_never_cuts_a_character);
    RUN(test_width_is_taken_from_columns_within_bounds);
    return test_done();
}
