#include "secret.h"

#include "limit.h"
#include "test.h"

enum { ARENA_BYTES = 64 * 1024 };

static void test_arena_reports_what_it_got(void)
{
    struct secret_arena_report r = secret_arena_open(ARENA_BYTES);
    CHECK_EQ(r.size_bytes, ARENA_BYTES);
    CHECK(r.undumpable);
    CHECK(r.wiped_on_fork);
    CHECK_EQ(secret_arena_open(2 * ARENA_BYTES).size_bytes, ARENA_BYTES); /* only reports */
}

static void test_copy_is_exact(void)
{
    char source[] = {'a', 0, '\n', (char)0xff};
    AUTOP(secret) struct secret *s = NULL;
    CHECK_OK(secret_new(str_bytes(source, sizeof source), &s));
    source[0] = 'x';
    CHECK_EQ(secret_len(s), 4);
    CHECK(str_equal(secret_reveal(s), str_bytes("a\0\n\xff", 4)));
}

static void test_append_up_to_capacity(void)
{
    AUTOP(secret) struct secret *s = NULL;
    CHECK_OK(secret_new_empty(5, &s));
    CHECK_EQ(secret_len(s), 0);
    CHECK_OK(secret_append(s, STR("abc")));
    CHECK_ERR(secret_append(s, STR("def")), ERR_TOO_LARGE);
    CHECK_OK(secret_append(s, STR("de")));
    CHECK_OK(secret_append(s, STR("")));
    CHECK_ERR(secret_append(s, STR("f")), ERR_TOO_LARGE);
    CHECK(str_is(secret_reveal(s), "abcde"));
}

static void test_equal(void)
{
    static const struct {
        const char *a, *b;
    } cases[] = {{"", ""}, {"a", "a"}, {"a", "b"}, {"a", ""}, {"abc", "abd"}, {"abc", "ab"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTOP(secret) struct secret *a = NULL, *b = NULL;
        CHECK_OK(secret_new(str_from(cases[i].a), &a));
        CHECK_OK(secret_new(str_from(cases[i].b), &b));
        CHECK_EQ(secret_equal(a, b), str_equal(str_from(cases[i].a), str_from(cases[i].b)));
    }
}

static void test_free_wipes(void)
{
    struct secret *s = NULL;
    CHECK_OK(secret_new(STR("planted-canary"), &s));
    struct str bytes = secret_reveal(s);
    secret_free(&s);
    CHECK(s == NULL);
    /* The arena stays mapped, so looking is allowed. */
    for (size_t i = 0; i < bytes.len; i++)
        CHECK_EQ(bytes.ptr[i], 0);
    secret_free(&s);
}

static void test_full_arena_is_a_limit_and_comes_back(void)
{
    struct secret *all[200] = {NULL}, *extra = NULL;
    size_t before = secret_arena_used(), count = 0;
    static const char value[1000];
    enum err e = OK;
    while (count < 200 && (e = secret_new(str_bytes(value, sizeof value), &all[count])) == OK)
        count++;
    CHECK_ERR(e, ERR_LIMIT);
    CHECK(count > 55 && count < 66);
    CHECK_ERR(secret_new_empty(ARENA_BYTES, &extra), ERR_LIMIT);
    CHECK_ERR(secret_new_empty(SIZE_MAX, &extra), ERR_LIMIT);
    CHECK(extra == NULL);
    /* Every other one goes: there is room for as many, not for one of double size. */
    for (size_t i = 0; i < count; i += 2)
        secret_free(&all[i]);
    CHECK_ERR(secret_new_empty(4000, &extra), ERR_LIMIT);
    for (size_t i = 0; i < count; i += 2)
        CHECK_OK(secret_new(str_bytes(value, sizeof value), &all[i]));
    for (size_t i = 0; i < count; i++)
        secret_free(&all[i]);
    CHECK_EQ(secret_arena_used(), before);
    /* The neighbours are one block again. */
    CHECK_OK(secret_new_empty(ARENA_BYTES - 256, &extra));
    secret_free(&extra);
}

static void test_secrets_do_not_touch(void)
{
    struct secret *s[64] = {NULL};
    for (int round = 0; round < 200; round++) {
        size_t at = (size_t)(round * 37) % 64, len = (size_t)(round * 61) % 700;
        secret_free(&s[at]);
        char bytes[700];
        memset(bytes, (int)at + 1, len);
        CHECK_OK(secret_new(str_bytes(bytes, len), &s[at]));
        for (size_t i = 0; i < 64; i++) {
            struct str all = s[i] ? secret_reveal(s[i]) : STR_EMPTY;
            for (size_t k = 0; k < all.len; k++)
                CHECK(all.ptr[k] == (char)(i + 1));
        }
    }
    for (size_t i = 0; i < 64; i++)
        secret_free(&s[i]);
}

int main(void)
{
    RUN(test_arena_reports_what_it_got);
    RUN(test_copy_is_exact);
    RUN(test_append_up_to_capacity);
    RUN(test_equal);
    RUN(test_free_wipes);
    RUN(test_full_arena_is_a_limit_and_comes_back);
    RUN(test_secrets_do_not_touch);
    return test_done();
}
