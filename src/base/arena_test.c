#include "arena.h"
#include "test.h"

static void test_blocks_are_zeroed_aligned_and_apart(void)
{
    AUTO(arena) struct arena a = arena_make();
    char *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * 53 % 9000;
        blocks[i] = arena_alloc(&a, size);
        CHECK_EQ((uintptr_t)blocks[i] % 16, 0);
        for (size_t k = 0; k < size; k++)
            CHECK(blocks[i][k] == 0);
        memset(blocks[i], (int)i + 1, size);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t k = 0; k < i * 53 % 9000; k++)
            CHECK(blocks[i][k] == (char)(i + 1));
    }
    arena_auto(&a);
    CHECK_EQ(a.used_bytes, 0);
    arena_auto(&a);
}

static void test_copies_are_terminated(void)
{
    AUTO(arena) struct arena a = arena_make();
    struct str s = arena_str(&a, STR("abc"));
    CHECK_STR(s, "abc");
    CHECK_EQ(s.ptr[3], 0);
    CHECK_EQ(arena_str(&a, (struct str){NULL, 0}).ptr[0], 0);
    CHECK_STR(str_from(arena_text(&a, STR("xyz"))), "xyz");
    CHECK_STR(arena_printf(&a, "%d/%s", 7, "x"), "7/x");
    CHECK_EQ(arena_printf(&a, "%9000d", 1).len, 9000);
    uint64_t *numbers = arena_array(&a, 100, sizeof *numbers);
    CHECK_EQ(numbers[99], 0);
}

int main(void)
{
    RUN(test_blocks_are_zeroed_aligned_and_apart);
    RUN(test_copies_are_terminated);
    return test_done();
}
