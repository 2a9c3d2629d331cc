#include "auth_limit.h"

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
    struct auth_limit *l = auth_limit_new();
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
    struct auth_limit *l = auth_limit_new();
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
    struct auth_limit *l = auth_limit_new();
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

int main(void)
{
    RUN(test_abuse_029_failures_of_one_prefix_are_limited);
    RUN(test_prefixes_do_not_share);
    RUN(test_all_together_are_limited_too);
    return test_done();
}
