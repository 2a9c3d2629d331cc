#include "api_secret_lists.h"

#include <string.h>

#include "test.h"

#define TEAM_A STR("01ARZ3NDEKTSV4RRFFQ69G5FAV")
#define TEAM_B STR("01BRZ3NDEKTSV4RRFFQ69G5FAV")

static void take(void *ctx, struct str list)
{
    struct buf *out = ctx;
    buf_reset(out);
    CHECK_OK(buf_put(out, list));
}

static struct secret_lists_now now(uint64_t generation)
{
    return (struct secret_lists_now){.generation = generation};
}

static bool holds_at(struct secret_lists *l, struct secret_lists_now at, struct str team,
                     const char *pattern, const char *want)
{
    AUTO(buf) struct buf got = buf_make(1024);
    return secret_lists_use(l, at, team, str_from(pattern), take, &got) &&
           str_is(buf_str(&got), want);
}

static bool holds(struct secret_lists *l, uint64_t generation, struct str team, const char *pattern,
                  const char *want)
{
    return holds_at(l, now(generation), team, pattern, want);
}

static void test_each_team_and_pattern_has_its_own(void)
{
    struct secret_lists *l = secret_lists_new();
    secret_lists_put(l, now(1), TEAM_A, STR("*"), STR("[1]"));
    secret_lists_put(l, now(1), TEAM_A, STR("a*"), STR("[2]"));
    secret_lists_put(l, now(1), TEAM_B, STR("*"), STR("[3]"));
    CHECK(holds(l, 1, TEAM_A, "*", "[1]"));
    CHECK(holds(l, 1, TEAM_A, "a*", "[2]"));
    CHECK(holds(l, 1, TEAM_B, "*", "[3]"));
    CHECK(!holds(l, 1, TEAM_B, "a*", "[2]"));
    CHECK(!holds(l, 1, TEAM_A, "", "[1]"));
    secret_lists_free(&l);
}

static void test_a_change_drops_all(void)
{
    struct secret_lists *l = secret_lists_new();
    secret_lists_put(l, now(1), TEAM_A, STR("*"), STR("[1]"));
    CHECK(!holds(l, 2, TEAM_A, "*", "[1]"));
    secret_lists_put(l, now(2), TEAM_B, STR("*"), STR("[2]"));
    CHECK(!holds(l, 2, TEAM_A, "*", "[1]"));
    /* Made from what stood before the change. */
    secret_lists_put(l, now(1), TEAM_A, STR("*"), STR("[1]"));
    CHECK(!holds(l, 2, TEAM_A, "*", "[1]"));
    CHECK(holds(l, 2, TEAM_B, "*", "[2]"));
    secret_lists_free(&l);
}

static void test_a_use_is_told_a_little_late(void)
{
    struct secret_lists *l = secret_lists_new();
    struct secret_lists_now made = {1, 5, 1000};
    struct secret_lists_now soon = {1, 6, 1000 + SECRET_LISTS_STALE_MS - 1};
    struct secret_lists_now late = {1, 6, 1000 + SECRET_LISTS_STALE_MS};
    struct secret_lists_now idle = {1, 5, 1000000};
    secret_lists_put(l, made, TEAM_A, STR("*"), STR("[1]"));
    CHECK(holds_at(l, soon, TEAM_A, "*", "[1]"));
    CHECK(holds_at(l, idle, TEAM_A, "*", "[1]"));
    CHECK(!holds_at(l, late, TEAM_A, "*", "[1]"));
    secret_lists_put(l, late, TEAM_A, STR("*"), STR("[22]"));
    CHECK(holds_at(l, late, TEAM_A, "*", "[22]"));
    secret_lists_free(&l);
}

static void test_it_is_bounded(void)
{
    static char big[SECRET_LISTS_MAX_BYTES / 4 + 1];
    struct secret_lists *l = secret_lists_new();
    memset(big, 'x', sizeof big);
    secret_lists_put(l, now(1), TEAM_A, STR("*"), str_bytes(big, sizeof big));
    CHECK(!holds(l, 1, TEAM_A, "*", ""));
    for (unsigned i = 0; i < 10 * SECRET_LISTS_MAX; i++) {
        char pattern[32];
        snprintf(pattern, sizeof pattern, "p%u*", i);
        secret_lists_put(l, now(1), TEAM_A, str_from(pattern), STR("[]"));
        CHECK(holds(l, 1, TEAM_A, pattern, "[]"));
    }
    for (unsigned i = 0; i < 6; i++) {
        char pattern[32];
        snprintf(pattern, sizeof pattern, "big%u*", i);
        secret_lists_put(l, now(1), TEAM_A, str_from(pattern), str_bytes(big, sizeof big - 1));
    }
    secret_lists_free(&l);
    secret_lists_free(&l);
}

int main(void)
{
    RUN(test_each_team_and_pattern_has_its_own);
    RUN(test_a_change_drops_all);
    RUN(test_a_use_is_told_a_little_late);
    RUN(test_it_is_bounded);
    return test_done();
}
