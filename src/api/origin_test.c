#include "origin.h"

#include "test.h"

#define PUBLIC "https://farm.example"

static struct origin_self self_at(const char *host, bool tls, const char *public_url)
{
    return (struct origin_self){
        .host = str_from(host), .tls = tls, .public_url = str_from(public_url)};
}

static void test_abuse_014_hosts(void)
{
    static const struct {
        const char *host, *public_url;
        bool fine;
    } cases[] = {
        {"127.0.0.1:4300", "", true},
        {"localhost", "", true},
        {"LOCALHOST:1", "", true},
        {"[::1]:4300", "", true},
        {"[::1]", "", true},
        {"10.0.0.7:4300", "", true},
        {"[2001:db8::1]:1", "", true},
        {"farm.example", PUBLIC, true},
        {"FARM.example:443", PUBLIC, true},
        {"farm.example:8443", "https://farm.example:8443/x", true},
        {"farm.example:80", "http://farm.example", true},
        {"farm.example", "", false},
        {"farm.example:80", PUBLIC, false},
        {"farm.example:8443", PUBLIC, false},
        {"farm.example.", PUBLIC, false},
        {"evil.farm.example", PUBLIC, false},
        {"farm.example.evil.test", PUBLIC, false},
        {"evil.test", PUBLIC, false},
        {"rebound.localhost", "", false},
        {"localhost.", "", false},
        {"localhost.evil.test", "", false},
        {"127.0.0.1.evil.test", "", false},
        {"127.1", "", false},
        {"0x7f.0.0.1", "", false},
        {"2130706433", "", false},
        {"::1", "", false},
        {"[::1", "", false},
        {"[127.0.0.1]", "", false},
        {"127.0.0.1:0", "", false},
        {"127.0.0.1:65536", "", false},
        {"127.0.0.1:", "", false},
        {"127.0.0.1:x", "", false},
        {":4300", "", false},
        {"", "", false},
        {"", "https://", false},
        {"x", "ftp://x", false},
        {"x", "x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_self self = self_at(cases[i].host, false, cases[i].public_url);
        bool fine = origin_check_host(&self) == OK;
        if (fine != cases[i].fine)
            printf("# %s under %s\n", cases[i].host, cases[i].public_url);
        CHECK_EQ(fine, cases[i].fine);
    }
    struct origin_self named = self_at("farm.example", true, "");
    CHECK_ERR(origin_check_host(&named), ERR_HOST);
    named.certified = true;
    CHECK_OK(origin_check_host(&named));
    named.tls = false; /* then nobody has seen the certificate */
    CHECK_ERR(origin_check_host(&named), ERR_HOST);
}

static void test_where_browsers_keep_the_cookie(void)
{
    static const struct {
        const char *host, *public_url, *origin;
        bool tls, fine;
    } cases[] = {
        {"127.0.0.1:4300", "", "", false, true},
        {"127.8.9.1", "", "", false, true},
        {"localhost:1", "", "", false, true},
        {"[::1]:1", "", "", false, true},
        {"10.0.0.7", "", "", true, true},
        {"farm.example", PUBLIC, "", false, true},
        {"farm.example", PUBLIC, PUBLIC, false, true},
        {"10.0.0.7", PUBLIC, PUBLIC, false, true},
        {"10.0.0.7", PUBLIC, "http://10.0.0.7", false, false},
        {"10.0.0.7", "", "", false, false},
        {"farm.example", "http://farm.example", "", false, false},
        {"[2001:db8::1]", "", "http://[2001:db8::1]", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_self self = self_at(cases[i].host, cases[i].tls, cases[i].public_url);
        struct origin_given given = {.origin = str_from(cases[i].origin)};
        CHECK_ERR(origin_check_secure(&self, &given), cases[i].fine ? OK : ERR_HTTPS);
    }
}

static void test_abuse_014_origins(void)
{
    static const struct {
        const char *origin;
        bool fine;
    } cases[] = {
        {"http://127.0.0.1:4300", true},
        {"https://farm.example", true}, /* a proxy that hands on a Host of its own */
        {"https://farm.example:443", true},
        {"https://127.0.0.1:4300", false},
        {"http://127.0.0.1:4301", false},
        {"http://127.0.0.1", false},
        {"http://localhost:4300", false},
        {"http://farm.example", false},
        {"https://farm.example:444", false},
        {"https://farm.example.evil.test", false},
        {"https://evil.test", false},
        {"https://farm.example/", false},
        {"http://127.0.0.1:4300/", false},
        {"http://127.0.0.1:4300, http://127.0.0.1:4300", false},
        {"http://x@127.0.0.1:4300", false},
        {"HTTP://127.0.0.1:4300", false},
        {"127.0.0.1:4300", false},
        {"http://", false},
        {"null", false},
        {"*", false},
    };
    struct origin_self self = self_at("127.0.0.1:4300", false, PUBLIC);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_given given = {.origin = str_from(cases[i].origin), .changes = i % 2};
        if ((origin_check(&self, &given) == OK) != cases[i].fine)
            printf("# %s\n", cases[i].origin);
        CHECK_ERR(origin_check(&self, &given), cases[i].fine ? OK : ERR_ORIGIN);
    }
}

static void test_abuse_014_a_public_name_has_one_scheme(void)
{
    struct origin_self self = self_at("farm.example", false, PUBLIC);
    struct origin_given given = {.origin = STR("http://farm.example"), .changes = true};
    CHECK_ERR(origin_check(&self, &given), ERR_ORIGIN);
    given.origin = STR(PUBLIC);
    CHECK_OK(origin_check(&self, &given));
    self = self_at("farm.example:4300", false, "http://farm.example:4300/");
    CHECK_ERR(origin_check(&self, &given), ERR_ORIGIN);
    given.origin = STR("http://farm.example:4300");
    CHECK_OK(origin_check(&self, &given));
}

static void test_abuse_014_what_the_browser_says_of_the_site(void)
{
    static const char *const others[] = {
        "cross-site", "same-site", "none", "Same-Origin", "same-origin, same-origin", "?"};
    struct origin_self self = self_at("127.0.0.1:4300", false, "");
    struct str own = STR("http://127.0.0.1:4300"), same = STR("same-origin");
    struct origin_given given = {.origin = own, .fetch_site = same, .changes = true};
    CHECK_OK(origin_check(&self, &given));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        given.fetch_site = str_from(others[i]);
        CHECK_ERR(origin_check(&self, &given), ERR_ORIGIN);
        given.changes = !given.changes;
    }
    given = (struct origin_given){.fetch_site = same};
    CHECK_OK(origin_check(&self, &given));
    given.changes = true; /* browsers always send an Origin then */
    CHECK_ERR(origin_check(&self, &given), ERR_ORIGIN);
    given = (struct origin_given){.changes = false};
    CHECK_OK(origin_check(&self, &given));
}

int main(void)
{
    RUN(test_abuse_014_hosts);
    RUN(test_where_browsers_keep_the_cookie);
    RUN(test_abuse_014_origins);
    RUN(test_abuse_014_a_public_name_has_one_scheme);
    RUN(test_abuse_014_what_the_browser_says_of_the_site);
    return test_done();
}
