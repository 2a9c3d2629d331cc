#include "auth_cache.h"

#include "test.h"

static struct auth_entry entry_of(const struct auth_cache *c, unsigned n)
{
    struct auth_entry e = {.role = ROLE_EDITOR, .expires_at_ms = n, .used_at_ms = 1000};
    char token[32];
    snprintf(token, sizeof token, "token %u", n);
    auth_cache_key(c, str_from(token), e.key);
    return e;
}

static void test_found_only_under_its_own_key(void)
{
    struct auth_cache *c = auth_cache_new();
    struct auth_entry one = entry_of(c, 1), two = entry_of(c, 2), got;
    auth_cache_put(c, 5, &one);
    CHECK(auth_cache_get(c, 5, one.key, &got));
    CHECK_EQ(got.expires_at_ms, 1);
    CHECK(!auth_cache_get(c, 5, two.key, &got));
    auth_cache_free(&c);
}

static void test_keys_are_of_this_cache_alone(void)
{
    struct auth_cache *a = auth_cache_new(), *b = auth_cache_new();
    struct auth_entry x = entry_of(a, 1), y = entry_of(b, 1);
    CHECK(memcmp(x.key, y.key, sizeof x.key) != 0);
    auth_cache_free(&a);
    auth_cache_free(&b);
}

static void test_a_newer_generation_drops_all(void)
{
    struct auth_cache *c = auth_cache_new();
    struct auth_entry one = entry_of(c, 1), two = entry_of(c, 2), got;
    auth_cache_put(c, 5, &one);
    auth_cache_put(c, 5, &two);
    CHECK(!auth_cache_get(c, 6, one.key, &got));
    CHECK(!auth_cache_get(c, 6, two.key, &got));
    /* Read before the change, kept after it: it may be a revoked one. */
    auth_cache_put(c, 5, &one);
    CHECK(!auth_cache_get(c, 6, one.key, &got));
    auth_cache_put(c, 6, &one);
    CHECK(auth_cache_get(c, 6, one.key, &got));
    auth_cache_free(&c);
}

static void test_last_use_is_touched_once_a_minute(void)
{
    struct auth_cache *c = auth_cache_new();
    struct auth_entry one = entry_of(c, 1), got;
    auth_cache_put(c, 1, &one);
    CHECK(!auth_cache_touch(c, one.key, 1000 + AUTH_USED_EVERY_MS, AUTH_USED_EVERY_MS));
    CHECK(auth_cache_touch(c, one.key, 1001 + AUTH_USED_EVERY_MS, AUTH_USED_EVERY_MS));
    CHECK(!auth_cache_touch(c, one.key, 1002 + AUTH_USED_EVERY_MS, AUTH_USED_EVERY_MS));
    CHECK(auth_cache_get(c, 1, one.key, &got));
    CHECK_EQ(got.used_at_ms, 1001 + AUTH_USED_EVERY_MS);
    CHECK(!auth_cache_get(c, 2, one.key, &got));
    CHECK(auth_cache_touch(c, one.key, 1003, AUTH_USED_EVERY_MS)); /* nothing is known of it */
    auth_cache_free(&c);
}

/* A row read before a use and kept after it would make the session look unused. */
static void test_an_older_row_does_not_take_back_a_use(void)
{
    struct auth_cache *c = auth_cache_new();
    struct auth_entry old = entry_of(c, 1), got;
    auth_cache_put(c, 1, &old);
    CHECK(auth_cache_touch(c, old.key, 500000, AUTH_USED_EVERY_MS));
    auth_cache_put(c, 1, &old);
    CHECK(auth_cache_get(c, 1, old.key, &got));
    CHECK_EQ(got.used_at_ms, 500000);
    old.used_at_ms = 600000;
    auth_cache_put(c, 1, &old);
    CHECK(auth_cache_get(c, 1, old.key, &got));
    CHECK_EQ(got.used_at_ms, 600000);
    old.used_at_ms = 1000;
    auth_cache_put(c, 2, &old); /* what was known is dropped */
    CHECK(auth_cache_get(c, 2, old.key, &got));
    CHECK_EQ(got.used_at_ms, 1000);
    auth_cache_free(&c);
}

static void test_full_means_empty_again(void)
{
    struct auth_cache *c = auth_cache_new();
    struct auth_entry got;
    for (unsigned i = 0; i < AUTH_CACHE_MAX; i++) {
        struct auth_entry e = entry_of(c, i);
        auth_cache_put(c, 1, &e);
        auth_cache_put(c, 1, &e); /* again: takes no more room */
    }
    unsigned held = 0;
    for (unsigned i = 0; i < AUTH_CACHE_MAX; i++) {
        struct auth_entry e = entry_of(c, i);
        held += auth_cache_get(c, 1, e.key, &got);
    }
    CHECK_EQ(held, AUTH_CACHE_MAX);
    struct auth_entry more = entry_of(c, AUTH_CACHE_MAX), first = entry_of(c, 0);
    auth_cache_put(c, 1, &more);
    CHECK(auth_cache_get(c, 1, more.key, &got));
    CHECK(!auth_cache_get(c, 1, first.key, &got));
    auth_cache_free(&c);
    auth_cache_free(&c);
}

int main(void)
{
    RUN(test_found_only_under_its_own_key);
    RUN(test_keys_are_of_this_cache_alone);
    RUN(test_a_newer_generation_drops_all);
    RUN(test_last_use_is_touched_once_a_minute);
    RUN(test_an_older_row_does_not_take_back_a_use);
    RUN(test_full_means_empty_again);
    return test_done();
}
