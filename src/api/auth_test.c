#include "auth.h"

#include "test.h"

static void test_scopes_of_each_role(void)
{
    static const char table[ROLE_COUNT][SCOPE_COUNT + 1] = {
        /* none any list manage submit library read worker farm audit admin console operator */
        [ROLE_ADMIN] = ".xxxxxxxxxxx.",  [ROLE_EDITOR] = ".xxxxxx.x..x.",
        [ROLE_SUBMIT] = ".x..x.x.x....", [ROLE_WORKER] = ".x.....xx....",
        [ROLE_AUDIT] = ".x.......x...",
    };
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned scope = 0; scope < SCOPE_COUNT; scope++)
            CHECK_EQ(auth_role_allows((enum token_role)role, (enum scope)scope),
                     table[role][scope] == 'x');
    }
    for (unsigned scope = 0; scope < SCOPE_COUNT; scope++)
        CHECK(!auth_role_allows(ROLE_COUNT, (enum scope)scope));
}

static void test_patterns_that_are_none_are_refused(void)
{
    static const char *const good[] = {"*", "A", "prod/*", "AWS_*", "a.b-c/D"};
    static const char *const bad[] = {"",   "**",   "a**", "*a",        "a*b", "a b", "a,b",
                                      "a?", "${a}", "a\n", "\xc3\xa9*", "*/*", "a\\*"};
    char longest[TOKEN_PATTERN_MAX_BYTES + 2];
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(auth_pattern_valid(str_from(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!auth_pattern_valid(str_from(bad[i])));
    memset(longest, 'a', sizeof longest);
    CHECK(auth_pattern_valid(str_bytes(longest, TOKEN_PATTERN_MAX_BYTES)));
    CHECK(!auth_pattern_valid(str_bytes(longest, TOKEN_PATTERN_MAX_BYTES + 1)));
}

static void test_abuse_027_a_pattern_within_another(void)
{
    static const struct {
        const char *inner, *outer;
        bool within;
    } cases[] = {
        {"*", "*", true},      {"a*", "*", true},      {"a", "*", true},     {"a", "a", true},
        {"a/b*", "a/*", true}, {"a/*", "a/*", true},   {"a/b", "a/*", true}, {"*", "a*", false},
        {"a*", "a/*", false},  {"a/*", "a/b*", false}, {"a*", "a", false},   {"b", "a", false},
        {"ab", "a", false},    {"A/*", "a/*", false},  {"", "a*", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_EQ(auth_pattern_within(str_from(cases[i].inner), str_from(cases[i].outer)),
                 cases[i].within);
}

int main(void)
{
    RUN(test_scopes_of_each_role);
    RUN(test_patterns_that_are_none_are_refused);
    RUN(test_abuse_027_a_pattern_within_another);
    return test_done();
}
