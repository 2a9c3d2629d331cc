#include "auth_address.h"

#include "test.h"

static void test_lists(void)
{
    static const char *const good[] = {"",     "10.0.0.0/8",       "127.0.0.1",
                                       "::1",  "10.0.0.0/0",       "2001:db8::/32",
                                       "::/0", "10.0.0.1, ::1/128"};
    static const char *const bad[] = {"x",         "10.0.0.0/33", "::/129",     "10.0.0/8",
                                      "10.0.0.0/", "1.2.3.4,",    ",",          "/8",
                                      "::1/-1",    "1.2.3.4/8/8", "fe80::1%lo", "10.0.0.0/ 8",
                                      " ",         "localhost",   "010.0.0.1"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(auth_addresses_valid(str_from(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (auth_addresses_valid(str_from(bad[i])))
            printf("# accepted: number %zu\n", i);
        CHECK(!auth_addresses_valid(str_from(bad[i])));
    }
}

static void test_peers(void)
{
    static const struct {
        const char *list, *peer;
        bool allowed;
    } cases[] = {
        {"", "1.2.3.4", true},
        {"", "unknown", true},
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/9", "10.127.255.255", true},
        {"10.0.0.0/9", "10.128.0.0", false},
        {"192.168.1.7", "192.168.1.7", true},
        {"192.168.1.7", "192.168.1.6", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "127.0.0.1", false},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"10.0.0.0/8,::1", "::1", true},
        {"10.0.0.0/8", "", false},
        {"10.0.0.0/8", "10.0.0.1x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (auth_addresses_allow(str_from(cases[i].list), str_from(cases[i].peer)) !=
            cases[i].allowed)
            printf("# %s from %s\n", cases[i].list, cases[i].peer);
        CHECK_EQ(auth_addresses_allow(str_from(cases[i].list), str_from(cases[i].peer)),
                 cases[i].allowed);
    }
}

static void test_within(void)
{
    CHECK(auth_addresses_within(STR("10.1.0.0/16"), STR("10.0.0.0/8")));
    CHECK(auth_addresses_within(STR("10.1.0.0/16,10.2.0.1"), STR("::1,10.0.0.0/8")));
    CHECK(auth_addresses_within(STR("10.1.0.0/16"), STR("")));
    CHECK(auth_addresses_within(STR(""), STR("")));
    CHECK(!auth_addresses_within(STR(""), STR("10.0.0.0/8")));
    CHECK(!auth_addresses_within(STR("10.0.0.0/7"), STR("10.0.0.0/8")));
    CHECK(!auth_addresses_within(STR("10.1.0.0/16,11.0.0.1"), STR("10.0.0.0/8")));
    CHECK(!auth_addresses_within(STR("::/0"), STR("0.0.0.0/0")));
}

int main(void)
{
    RUN(test_lists);
    RUN(test_peers);
    RUN(test_within);
    return test_done();
}
