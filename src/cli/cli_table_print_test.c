#include "cli_table_print.h"

#include "test.h"

static size_t sum(const size_t *widths, size_t count)
{
    size_t all = 2 * (count - 1);
    for (size_t i = 0; i < count; i++)
        all += widths[i];
    return all;
}

static void test_what_fits_is_left_alone(void)
{
    size_t widths[] = {10, 5, 20};
    CHECK_EQ(cli_table_fit(widths, 3, 39), 3);
    CHECK_EQ(widths[0], 10);
    CHECK_EQ(widths[1], 5);
    CHECK_EQ(widths[2], 20);
}

static void test_the_widest_give_first_and_the_first_last(void)
{
    size_t widths[] = {26, 10, 40, 12};
    CHECK_EQ(cli_table_fit(widths, 4, 80), 4);
    CHECK_EQ(widths[0], 26);
    CHECK_EQ(widths[1], 10);
    CHECK_EQ(widths[2], 26);
    CHECK_EQ(widths[3], 12);
    size_t narrow[] = {26, 10, 40, 12};
    CHECK_EQ(cli_table_fit(narrow, 4, 50), 4);
    CHECK_EQ(narrow[0], 26);
    CHECK_EQ(sum(narrow, 4), 50);
}

static void test_every_width_is_kept(void)
{
    for (size_t width = 1; width < 200; width++) {
        size_t widths[] = {26, 7, 500, 24, 3, 64000};
        size_t shown = cli_table_fit(widths, 6, width);
        CHECK(shown >= 1 && shown <= 6);
        CHECK(sum(widths, shown) <= width);
    }
}

int main(void)
{
    RUN(test_what_fits_is_left_alone);
    RUN(test_the_widest_give_first_and_the_first_last);
    RUN(test_every_width_is_kept);
    return test_done();
}
