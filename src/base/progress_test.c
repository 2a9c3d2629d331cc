#include "progress.h"

#include "term.h"
#include "test.h"

static void test_lines_fit_and_tell_the_amount(void)
{
    static const struct {
        enum progress_unit unit;
        uint64_t whole, done;
        size_t width;
        const char *line;
    } cases[] = {
        {PROGRESS_BYTES, 4 << 20, 1 << 20, 40, "up [#####..............] 1.0 of 4.0 MiB"},
        {PROGRESS_BYTES, 0, 3 << 19, 40, "up 1.5 MiB"},
        {PROGRESS_ITEMS, 10, 10, 30, "up [###############] 10 of 10"},
        {PROGRESS_ITEMS, 0, 7, 30, "up 7"},
        {PROGRESS_PERCENT, 0, 50, 24, "up [#######.......] 50%"},
        {PROGRESS_ITEMS, 10, 99, 16, "up 10 of 10"},
        {PROGRESS_ITEMS, 10, 5, 6, "up 5 o"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char line[256];
        struct progress p = {.what = "up", .unit = cases[i].unit, .whole = cases[i].whole};
        progress_line(&p, cases[i].done, cases[i].width, line);
        CHECK(strlen(line) <= cases[i].width);
        CHECK_STR(str_from(line), cases[i].line);
    }
}

static void test_every_width_is_kept(void)
{
    for (size_t width = 1; width < 255; width++) {
        char line[256];
        struct progress p = {.what = "downloading", .unit = PROGRESS_BYTES, .whole = UINT64_MAX};
        progress_line(&p, UINT64_MAX / 3, width, line);
        CHECK(strlen(line) <= width);
    }
}

static void test_nothing_is_drawn_where_there_is_no_terminal(void)
{
    struct progress p = progress_make("up", PROGRESS_BYTES, 10);
    progress_at(&p, 5); /* stderr of a test is a file */
    CHECK(!p.shown && !p.drawn);
    progress_auto(&p);
}

int main(void)
{
    RUN(test_lines_fit_and_tell_the_amount);
    RUN(test_every_width_is_kept);
    RUN(test_nothing_is_drawn_where_there_is_no_terminal);
    return test_done();
}
