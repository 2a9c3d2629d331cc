#include "router.h"
#include "test.h"

static const struct http_route ROUTES[] = {
    {"GET", "/secrets", HTTP_BODY_NONE, 0, 0, NULL, 0},
    {"PUT", "/secrets", HTTP_BODY_BUFFER, 100, 0, NULL, 0},
    {"DELETE", "/secrets/{id}", HTTP_BODY_NONE, 0, 0, NULL, 0},
    {"GET", "/jobs/{id}", HTTP_BODY_NONE, 0, 0, NULL, 0},
    {"POST", "/jobs/cancel", HTTP_BODY_BUFFER, 100, 0, NULL, 0},
    {"GET", "/jobs/{id}/logs/{part}", HTTP_BODY_NONE, 0, 0, NULL, 0},
    {"GET", "!/healthz", HTTP_BODY_NONE, 0, 0, NULL, 0},
    {"PUT", "!/t/{ticket}", HTTP_BODY_STREAM, 100, 0, NULL, 0},
    {"GET", "!/api/v1/jobs/{uid}", HTTP_BODY_NONE, 0, 0, NULL, 0},
    {"GET", "!/", HTTP_BODY_NONE, 0, 0, NULL, 0},
    {"GET", "!/page/", HTTP_BODY_NONE, 0, 0, NULL, 0},
};

static const struct {
    const char *method, *path;
    enum err want;
    const char *pattern, *first_param;
} CASES[] = {
    {"GET", "/secrets", OK, "/secrets", NULL},
    {"HEAD", "/secrets", OK, "/secrets", NULL},
    {"GET", "/api/v2/secrets", OK, "/secrets", NULL},
    {"PUT", "/api/v2/secrets", OK, "/secrets", NULL},
    {"DELETE", "/secrets/abc", OK, "/secrets/{id}", "abc"},
    {"DELETE", "/api/v2/secrets/a%20b", OK, "/secrets/{id}", "a b"},
    {"DELETE", "/secrets/%2541", OK, "/secrets/{id}", "%41"}, /* decoded once */
    {"DELETE", "/secrets/a+b", OK, "/secrets/{id}", "a+b"},
    {"DELETE", "/%73ecrets/x", OK, "/secrets/{id}", "x"},
    {"DELETE", "/secrets/...", OK, "/secrets/{id}", "..."},
    {"GET", "/jobs/cancel", OK, "/jobs/{id}", "cancel"},
    {"POST", "/jobs/cancel", OK, "/jobs/cancel", NULL},
    {"GET", "/jobs/1/logs/2", OK, "/jobs/{id}/logs/{part}", "1"},
    {"GET", "/healthz", OK, "!/healthz", NULL},
    {"PUT", "/t/secretticket", OK, "!/t/{ticket}", "secretticket"},
    {"GET", "/api/v1/jobs/u", OK, "!/api/v1/jobs/{uid}", "u"},
    {"GET", "/", OK, "!/", NULL},
    {"GET", "/page/", OK, "!/page/", NULL},
    {"GET", "/page", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/page//", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "//page/", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/page/%2f", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/page/x", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/api/v2/page/", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/api/v2/", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "//", ERR_NOT_FOUND, NULL, NULL},
    {"PUT", "/t/", ERR_NOT_FOUND, NULL, NULL},
    {"POST", "/page/", ERR_METHOD, NULL, NULL},
    {"GET", "/api/v2/healthz", ERR_NOT_FOUND, NULL, NULL},
    {"PUT", "/api/v2/t/x", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/api/v2/api/v2/secrets", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/api/v2", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/api/v3/secrets", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets//", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "//secrets", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/.", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/..", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/%2e%2e", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/%2E", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/a%2fb", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets%2fa", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/a%00", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/%0d%0a", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/%7f", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/%", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/%4", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/%zz", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets/a/b", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/SECRETS/a", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "secrets/a", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/jobs/1/", ERR_NOT_FOUND, NULL, NULL},
    {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r", ERR_NOT_FOUND, NULL, NULL},
    {"DELETE", "/secrets", ERR_METHOD, NULL, NULL},
    {"GET", "/secrets/a", ERR_METHOD, NULL, NULL},
    {"PUT", "/jobs/cancel", ERR_METHOD, NULL, NULL},
    {"OPTIONS", "/secrets", ERR_METHOD, NULL, NULL},
    {"TRACE", "/secrets", ERR_METHOD, NULL, NULL},
    {"get", "/secrets", ERR_METHOD, NULL, NULL},
};

static void test_paths_find_their_routes(void)
{
    struct router *router = router_new(ROUTES, ARRAY_LEN(ROUTES));
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        AUTO(arena) struct arena arena = arena_make();
        struct router_path path;
        struct router_match match = {0};
        unsigned allowed = 0;
        enum err e = router_split(str_from(CASES[i].path), &arena, &path);
        if (e == OK)
            e = router_find(router, &path, router_method(str_from(CASES[i].method)), &match,
                            &allowed);
        if (e != CASES[i].want)
            printf("# %s %s\n", CASES[i].method, CASES[i].path);
        CHECK_ERR(e, CASES[i].want);
        if (e != OK || CASES[i].want != OK)
            continue;
        CHECK_STR(str_from(match.route->pattern), CASES[i].pattern);
        CHECK_EQ(match.count > 0, CASES[i].first_param != NULL);
        if (CASES[i].first_param && match.count)
            CHECK_STR(match.values[0], CASES[i].first_param);
    }
    router_free(&router);
    CHECK(router == NULL);
}

static void test_allow_lists_what_the_path_answers(void)
{
    struct router *router = router_new(ROUTES, ARRAY_LEN(ROUTES));
    AUTO(arena) struct arena arena = arena_make();
    struct router_path path;
    struct router_match match;
    unsigned allowed = 0;
    CHECK_OK(router_split(STR("/api/v2/jobs/cancel"), &arena, &path));
    CHECK_ERR(router_find(router, &path, ROUTER_PUT, &match, &allowed), ERR_METHOD);
    CHECK_STR(router_allow(allowed, &arena), "GET, HEAD, POST");
    router_free(&router);
}

static void test_every_cut_path_is_answered(void)
{
    static const char LONG[] = "/api/v2/jobs/%41%42/logs/a%20b";
    for (size_t len = 0; len < sizeof LONG; len++)
        for (int flip = 0; flip < 256; flip += 5) {
            AUTO(arena) struct arena arena = arena_make();
            char *copy = arena_text(&arena, str_bytes(LONG, len));
            if (len)
                copy[len - 1] = (char)flip;
            struct router_path path;
            enum err e = router_split(str_bytes(copy, len), &arena, &path);
            CHECK(e == OK || e == ERR_NOT_FOUND);
        }
}

int main(void)
{
    RUN(test_paths_find_their_routes);
    RUN(test_allow_lists_what_the_path_answers);
    RUN(test_every_cut_path_is_answered);
    return test_done();
}
