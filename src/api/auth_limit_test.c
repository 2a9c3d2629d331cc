#include "auth_limit.h"

#include "limit.h"
#include "test.h"

static unsigned take_until_refused(struct auth_limit *l, const char *peer, int64_t at_ms)
{
    unsigned count = 0;
    while (count < 100000 && auth_limit_take(l, str_from(peer), at_ms))
        count++;
    return count;
}

static void test_abuse_029_failures_of_one_prefix_are_limited(void)
{
    struct auth_limit *l = auth_limit_new(&auth_limit_tokens);
    CHECK_EQ(take_until_refused(l, "192.0.2.1", 1000), AUTH_LIMIT_BURST);
    CHECK(!auth_limit_take(l, STR("192.0.2.77"), 1000)); /* the same /24 */
    CHECK(!auth_limit_take(l, STR("192.0.2.1"), 1000 + 1000 / AUTH_LIMIT_PER_SECOND - 1));
    CHECK(auth_limit_take(l, STR("192.0.2.1"), 1000 + 1000 / AUTH_LIMIT_PER_SECOND));
    CHECK(!auth_limit_take(l, STR("192.0.2.1"), 1000 + 1000 / AUTH_LIMIT_PER_SECOND));
    CHECK_EQ(take_until_refused(l, "192.0.2.1", 1000000), AUTH_LIMIT_BURST);
    auth_limit_free(&l);
}

static void test_prefixes_do_not_share(void)
{
    static const char *const peers[] = {"198.51.100.1", "192.0.3.1", "2001:db8::1",
                                        "2001:db8:0:100::1", "not an address"};
    struct auth_limit *l = auth_limit_new(&auth_limit_tokens);
    unsigned full = 0;
    CHECK_EQ(take_until_refused(l, "192.0.2.1", 0), AUTH_LIMIT_BURST);
    for (size_t i = 0; i < ARRAY_LEN(peers); i++)
        full += take_until_refused(l, peers[i], 0) == AUTH_LIMIT_BURST;
    /* The key is random: two of six may meet in one of 4096 buckets, but not more. */
    CHECK(full >= ARRAY_LEN(peers) - 1);
    CHECK(!auth_limit_take(l, STR("2001:db8::ff:ffff:ffff:ffff"), 0)); /* the same /56 */
    auth_limit_free(&l);
}

static void test_all_together_are_limited_too(void)
{
    struct auth_limit *l = auth_limit_new(&auth_limit_tokens);
    unsigned allowed = 0;
    for (unsigned i = 0; i < 20000; i++) {
        char peer[32];
        snprintf(peer, sizeof peer, "10.%u.%u.1", i / 256, i % 256);
        allowed += auth_limit_take(l, str_from(peer), 0);
    }
    CHECK_EQ(allowed, AUTH_LIMIT_ALL_BURST);
    auth_limit_free(&l);
    auth_limit_free(&l);
}

static void test_abuse_029_an_address_is_locked_at_sign_in(void)
{
    struct auth_limit *l = auth_limit_new(&auth_limit_sign_ins);
    struct str peer = STR("192.0.2.1");
    CHECK_EQ(auth_limit_wait_ms(l, peer, 1000), 0);
    for (unsigned i = 0; i < CONSOLE_FAILURES_MAX; i++) {
        CHECK_EQ(auth_limit_wait_ms(l, peer, 1000), 0);
        CHECK(auth_limit_take(l, peer, 1000));
    }
    CHECK_EQ(auth_limit_wait_ms(l, peer, 1000), CONSOLE_LOCK_MS);
    CHECK(!auth_limit_take(l, peer, 1000));
    CHECK_EQ(auth_limit_wait_ms(l, STR("192.0.2.2"), 1000), 0); /* its neighbour is free */
    CHECK_EQ(auth_limit_wait_ms(l, peer, 1000 + CONSOLE_LOCK_MS - 1) > 0, 1);
    CHECK_EQ(auth_limit_wait_ms(l, peer, 1000 + CONSOLE_LOCK_MS), 0);
    CHECK(auth_limit_take(l, peer, 1000 + CONSOLE_LOCK_MS)); /* one more, then locked again */
    CHECK(auth_limit_wait_ms(l, peer, 1000 + CONSOLE_LOCK_MS) > 0);
    CHECK_EQ(auth_limit_wait_ms(l, peer, (CONSOLE_FAILURES_MAX + 2) * (int64_t)CONSOLE_LOCK_MS), 0);
    auth_limit_free(&l);
}

/* Asking often, in steps shorter than what gives back a failure, does not lose the time. */
static void test_a_lock_that_is_asked_about_often_still_ends(void)
{
    struct auth_limit *l = auth_limit_new(&auth_limit_sign_ins);
    struct str peer = STR("2001:db8::1");
    CHECK_EQ(take_until_refused(l, "2001:db8::1", 0), CONSOLE_FAILURES_MAX);
    CHECK(auth_limit_wait_ms(l, STR("2001:db8::2"), 0) > 0); /* the same /64 */
    CHECK_EQ(auth_limit_wait_ms(l, STR("2001:db8:0:1::1"), 0), 0);
    int64_t now_ms = 0;
    while (now_ms < 2 * CONSOLE_LOCK_MS && auth_limit_wait_ms(l, peer, now_ms) > 0)
        now_ms += 7;
    CHECK(now_ms >= CONSOLE_LOCK_MS && now_ms < CONSOLE_LOCK_MS + CONSOLE_LOCK_MS / 10);
    auth_limit_free(&l);
}

int main(void)
{
    RUN(test_abuse_029_failures_of_one_prefix_are_limited);
    RUN(test_prefixes_do_not_share);
    RUN(test_all_together_are_limited_too);
    RUN(test_abuse_029_an_address_is_locked_at_sign_in);
    RUN(test_a_lock_that_is_asked_about_often_still_ends);
    return test_done();
}
