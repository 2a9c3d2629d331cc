#include "guard.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include "test.h"

enum class { NEVER, LOOP, PRIV, OPEN };

static const struct {
    const char *address;
    enum class class;
} cases[] = {
    {"0.0.0.0", NEVER},
    {"0.1.2.3", NEVER},
    {"0.255.255.255", NEVER},
    {"1.0.0.0", OPEN},
    {"9.255.255.255", OPEN},
    {"10.0.0.0", PRIV},
    {"10.255.255.255", PRIV},
    {"11.0.0.0", OPEN},
    {"100.63.255.255", OPEN},
    {"100.64.0.0", PRIV},
    {"100.100.100.199", PRIV},
    {"100.100.100.200", NEVER},
    {"100.127.255.255", PRIV},
    {"100.128.0.0", OPEN},
    {"126.255.255.255", OPEN},
    {"127.0.0.1", LOOP},
    {"127.255.255.254", LOOP},
    {"128.0.0.1", OPEN},
    {"168.63.129.15", OPEN},
    {"168.63.129.16", NEVER},
    {"169.253.255.255", OPEN},
    {"169.254.0.0", NEVER},
    {"169.254.169.254", NEVER},
    {"169.254.170.2", NEVER},
    {"169.255.0.0", OPEN},
    {"172.15.255.255", OPEN},
    {"172.16.0.1", PRIV},
    {"172.31.255.255", PRIV},
    {"172.32.0.0", OPEN},
    {"192.0.0.192", NEVER},
    {"192.0.1.0", OPEN},
    {"192.0.2.1", NEVER},
    {"192.88.99.1", NEVER},
    {"192.167.255.255", OPEN},
    {"192.168.0.1", PRIV},
    {"192.169.0.0", OPEN},
    {"198.17.255.255", OPEN},
    {"198.18.0.0", NEVER},
    {"198.19.255.255", NEVER},
    {"198.20.0.0", OPEN},
    {"198.51.100.7", NEVER},
    {"203.0.113.7", NEVER},
    {"223.255.255.255", OPEN},
    {"224.0.0.1", NEVER},
    {"239.255.255.255", NEVER},
    {"240.0.0.1", NEVER},
    {"255.255.255.255", NEVER},
    {"8.8.8.8", OPEN},
    {"::", NEVER},
    {"::1", LOOP},
    {"::2", NEVER},
    {"::7f00:1", LOOP},
    {"::127.0.0.1", LOOP},
    {"::8.8.8.8", OPEN},
    {"::ffff:127.0.0.1", LOOP},
    {"::ffff:10.0.0.1", PRIV},
    {"::ffff:169.254.169.254", NEVER},
    {"::ffff:0.0.0.0", NEVER},
    {"::ffff:8.8.8.8", OPEN},
    {"::ffff:0:127.0.0.1", LOOP},
    {"::ffff:0:169.254.169.254", NEVER},
    {"64:ff9b::127.0.0.1", LOOP},
    {"64:ff9b::169.254.169.254", NEVER},
    {"64:ff9b::192.168.1.1", PRIV},
    {"64:ff9b::8.8.8.8", OPEN},
    {"64:ff9b:1::8.8.8.8", NEVER},
    {"100::1", NEVER},
    {"2001::1", NEVER},
    {"2001:0:4136:e378:8000:63bf:3fff:fdd2", NEVER},
    {"2001:10::1", NEVER},
    {"2001:1ff:ffff::1", NEVER},
    {"2001:200::1", OPEN},
    {"2001:db8::1", NEVER},
    {"2001:4860:4860::8888", OPEN},
    {"2002:7f00:1::", LOOP},
    {"2002:a9fe:a9fe::1", NEVER},
    {"2002:a00:1::1", PRIV},
    {"2002:808:808::1", OPEN},
    {"2606:4700::1111", OPEN},
    {"3fff::1", NEVER},
    {"3fff:fff::1", NEVER},
    {"3fff:1000::1", OPEN},
    {"4000::1", NEVER},
    {"5f00::1", NEVER},
    {"fc00::1", PRIV},
    {"fd00::1", PRIV},
    {"fd12:3456:789a::1", PRIV},
    {"fd00:ec2::254", NEVER},
    {"fd20:ce::254", NEVER},
    {"fe80::1", NEVER},
    {"febf::1", NEVER},
    {"fec0::1", NEVER},
    {"ff02::1", NEVER},
};

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage all = {0};
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1) {
        memcpy(&all, &in4, sizeof in4);
    } else {
        ASSERT(inet_pton(AF_INET6, text, &in6.sin6_addr) == 1);
        memcpy(&all, &in6, sizeof in6);
    }
    return all;
}

static enum err check(const struct guard_policy *policy, const char *text)
{
    struct sockaddr_storage all = address_of(text);
    return guard_check(policy, (const struct sockaddr *)&all);
}

static void test_each_range_under_each_policy(void)
{
    for (int p = 0; p < 4; p++) {
        struct guard_policy policy = {.allow_loopback = p & 1, .allow_private = p & 2};
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            bool open = cases[i].class == OPEN || (cases[i].class == LOOP && (p & 1)) ||
                        (cases[i].class == PRIV && (p & 2));
            enum err got = check(&policy, cases[i].address);
            CHECK_ERR(got, open ? OK : ERR_ADDRESS_REFUSED);
            if (open != (got == OK))
                printf("# %s under policy %d\n", cases[i].address, p);
        }
    }
}

static void test_http_allowance_opens_no_address(void)
{
    struct guard_policy policy = {.allow_http = true};
    CHECK_ERR(check(&policy, "127.0.0.1"), ERR_ADDRESS_REFUSED);
    CHECK_ERR(check(&policy, "10.0.0.1"), ERR_ADDRESS_REFUSED);
}

static void test_other_families_are_refused(void)
{
    struct guard_policy policy = {true, true, true};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK_ERR(guard_check(&policy, (const struct sockaddr *)(const void *)&un),
              ERR_ADDRESS_REFUSED);
    CHECK_ERR(guard_check(&policy, &none), ERR_ADDRESS_REFUSED);
}

int main(void)
{
    RUN(test_each_range_under_each_policy);
    RUN(test_http_allowance_opens_no_address);
    RUN(test_other_families_are_refused);
    return test_done();
}
