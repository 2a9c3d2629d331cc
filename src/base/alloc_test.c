#include "alloc.h"

#include <malloc.h>

#include "test.h"

static void test_compare_constant_time(void)
{
    CHECK(equal_constant_time("abc", "abc", 3));
    CHECK(!equal_constant_time("abc", "abd", 3));
    CHECK(!equal_constant_time("abc", "bbc", 3));
    CHECK(equal_constant_time("", "", 0));
}

static void test_checked_arithmetic(void)
{
    size_t r;
    CHECK(CHECKED_ADD((size_t)1, (size_t)2, &r) && r == 3);
    CHECK(!CHECKED_ADD(SIZE_MAX, (size_t)1, &r));
    CHECK(CHECKED_MUL((size_t)3, (size_t)4, &r) && r == 12);
    CHECK(!CHECKED_MUL(SIZE_MAX / 2, (size_t)3, &r));
}

#if !defined(__SANITIZE_ADDRESS__)
/* What the blocks are filled with: not the byte that glibc itself was told to leave behind. */
static char fill(void)
{
    const char *perturb = getenv("MALLOC_PERTURB_");
    return perturb && strcmp(perturb, "118") == 0 ? 'w' : 'v';
}

/* UNSAFE: looks at freed memory, which is the point; volatile keeps the compiler from knowing. The
 * allocator keeps pointers and a random key of its own there, so one byte proves nothing: four
 * equal ones in a row do. */
static bool is_wiped(const volatile char *freed, size_t size)
{
    unsigned run = 0;
    for (size_t i = 0; i < size && run < 4; i++)
        run = freed[i] == fill() ? run + 1 : 0;
    return run < 4;
}

static void test_freed_blocks_of_every_size_are_overwritten(void)
{
    for (size_t size = 4; size <= 70000; size += size < 2000 ? 7 : 1999) {
        volatile uintptr_t address; /* hides from the compiler that this is what was freed */
        char *block = malloc(size);
        memset(block, fill(), size);
        address = (uintptr_t)block;
        free(block);
        CHECK(is_wiped((const volatile char *)address, size));
    }
}

static void test_realloc_moves_and_wipes(void)
{
    volatile uintptr_t old;
    char *block = malloc(100);
    memset(block, fill(), 100);
    old = (uintptr_t)block;
    char *grown = realloc(block, 60000);
    CHECK(grown[0] == fill() && grown[99] == fill());
    CHECK((uintptr_t)grown == old || is_wiped((const volatile char *)old, 100));
    char *smaller = realloc(grown, 10);
    CHECK(smaller[9] == fill());
    free(smaller);
    CHECK((block = realloc(NULL, 8)) != NULL);
    free(block);
}
#endif

int main(void)
{
    alloc_wipe_freed_memory();
    RUN(test_compare_constant_time);
    RUN(test_checked_arithmetic);
#if !defined(__SANITIZE_ADDRESS__)
    RUN(test_freed_blocks_of_every_size_are_overwritten);
    RUN(test_realloc_moves_and_wipes);
#endif
    return test_done();
}
