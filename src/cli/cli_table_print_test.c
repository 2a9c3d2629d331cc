#include "cli_table_print.h"

#include "test.h"

static size_t sum(const struct cli_fit *c, size_t count)
{
    size_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += c[i].gone ? 0 : c[i].width + (all ? 2 : 0);
    return all;
}

/* ID, STATE, NAME, CREATED, an empty one, and one that may go first. */
static const struct cli_fit sample[] = {
    {.natural = 26, .whole = true},
    {.natural = 8, .whole = true, .rank = 1},
    {.natural = 30, .rank = 1},
    {.natural = 16, .brief = 10, .rank = 2},
    {.natural = 9, .empty = true, .rank = 1},
    {.natural = 20, .rank = 3},
};
enum { COUNT = sizeof sample / sizeof sample[0], WHOLE = 26 + 8 + 30 + 16 + 9 + 20 + 5 * 2 };

static const struct cli_fit *fitted(size_t width)
{
    static struct cli_fit c[COUNT];
    memcpy(c, sample, sizeof c);
    cli_table_fit(c, COUNT, width);
    return c;
}

static void test_what_fits_is_left_alone(void)
{
    const struct cli_fit *c = fitted(WHOLE);
    for (size_t i = 0; i < COUNT; i++)
        CHECK(!c[i].gone && c[i].width == sample[i].natural);
}

static void test_empty_columns_go_first_and_nothing_is_said_of_them(void)
{
    const struct cli_fit *c = fitted(WHOLE - 1);
    CHECK(c[4].gone && !c[4].left_out);
    CHECK_EQ(sum(c, COUNT), WHOLE - 11);
}

static void test_then_times_become_dates_and_texts_give_but_ids_and_states_do_not(void)
{
    const struct cli_fit *c = fitted(WHOLE - 11 - 1);
    CHECK_EQ(c[3].width, 10);
    CHECK_EQ(c[2].width, 30);
    c = fitted(WHOLE - 11 - 6 - 4);
    CHECK_EQ(c[2].width, 26);
    CHECK_EQ(c[5].width, 20);
    c = fitted(WHOLE - 11 - 6 - 26); /* what texts can give */
    CHECK_EQ(c[0].width, 26);
    CHECK_EQ(c[1].width, 8);
    CHECK_EQ(c[2].width, 12);
    CHECK_EQ(c[5].width, 12);
}

static void test_then_columns_are_left_out_by_rank_and_the_others_get_their_room(void)
{
    const struct cli_fit *c = fitted(WHOLE - 11 - 6 - 26 - 1);
    CHECK(c[5].left_out && !c[3].gone && !c[2].gone);
    CHECK_EQ(c[2].width, 25);
    c = fitted(26 + 8 + 12 + 4);
    CHECK(c[5].left_out && c[3].left_out && !c[2].gone);
    c = fitted(26 + 8 + 2);
    CHECK(c[2].left_out && !c[1].gone);
    c = fitted(26);
    CHECK(c[1].left_out && !c[0].gone && c[0].width == 26);
    CHECK_EQ(fitted(20)[0].width, 20);
}

static void test_the_first_text_keeps_more_than_the_others(void)
{
    struct cli_fit c[] = {{.natural = 40}, {.natural = 40, .rank = 1}};
    cli_table_fit(c, 2, 54);
    CHECK_EQ(c[0].width, 40);
    CHECK_EQ(c[1].width, 12);
    struct cli_fit narrow[] = {{.natural = 40}, {.natural = 40, .rank = 1}};
    cli_table_fit(narrow, 2, 38);
    CHECK_EQ(narrow[0].width, 24);
    CHECK_EQ(narrow[1].width, 12);
}

static void test_every_width_is_kept(void)
{
    for (size_t width = 1; width < 200; width++) {
        struct cli_fit c[] = {{.natural = 26},
                              {.natural = 7, .whole = true},
                              {.natural = 500, .rank = 1},
                              {.natural = 16, .brief = 10, .rank = 2},
                              {.natural = 64000, .whole = true, .rank = 1}};
        cli_table_fit(c, 5, width);
        CHECK(!c[0].gone || !c[1].gone);
        CHECK(sum(c, 5) <= width);
    }
}

int main(void)
{
    RUN(test_what_fits_is_left_alone);
    RUN(test_empty_columns_go_first_and_nothing_is_said_of_them);
    RUN(test_then_times_become_dates_and_texts_give_but_ids_and_states_do_not);
    RUN(test_then_columns_are_left_out_by_rank_and_the_others_get_their_room);
    RUN(test_the_first_text_keeps_more_than_the_others);
    RUN(test_every_width_is_kept);
    return test_done();
}
