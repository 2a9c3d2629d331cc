#include "problems.h"

#include "test.h"

static void test_problems_copy_and_stop_at_the_limit(void)
{
    AUTO(arena) struct arena a = arena_make();
    static struct problems p;
    problems_init(&p, &a);
    char field[] = "/name";
    CHECK_ERR(problems_add(&p, str_from(field), "is missing"), ERR_INVALID);
    field[1] = 'X';
    CHECK_STR(p.list[0].field, "/name");
    CHECK_STR(p.list[0].message, "is missing");
    CHECK_ERR(problems_addf(&p, STR("/n"), "at most %d bytes", 128), ERR_INVALID);
    CHECK_STR(p.list[1].message, "at most 128 bytes");
    CHECK_ERR(problems_addf(&p, STR("/n"), "%1000d", 1), ERR_INVALID);
    CHECK_EQ(p.list[2].message.len, 255);
    for (size_t i = 0; i < 2 * PROBLEMS_MAX; i++)
        CHECK_ERR(problems_add(&p, STR("/n"), "m"), ERR_INVALID);
    CHECK_EQ(p.count, PROBLEMS_MAX);
}

int main(void)
{
    RUN(test_problems_copy_and_stop_at_the_limit);
    return test_done();
}
