/* What the vault is asked on the way to a request: which purpose, which sinks, which host. */
#include "resolve.h"

#include "errand.h"
#include "json_decode.h"
#include "policy.h"
#include "test.h"

static struct asked {
    char name[16], host[64];
    enum vault_purpose purpose;
    unsigned sinks;
} asked[16];
static size_t ask_count;
static const char *address; /* the value of U */
static size_t refuse_at;    /* the call that is refused */

/* Stands in for the vault's client. */
enum err vault_open_for_use(struct vault *v, const struct seal_context *context,
                            struct str team_key, struct str sealed, const struct vault_use *use,
                            struct secret **ret)
{
    (void)v;
    (void)team_key;
    (void)sealed;
    struct asked *a = &asked[ask_count];
    CHECK_OK(str_to_text(context->name, a->name, sizeof a->name));
    CHECK_OK(str_to_text(use->host, a->host, sizeof a->host));
    a->purpose = use->purpose;
    a->sinks = use->sinks;
    if (ask_count++ == refuse_at)
        return ERR_POLICY_HOST;
    return secret_new(str_is(context->name, "U") ? str_from(address) : STR("value"), ret);
}

static enum err members(struct str fragment, struct str ret[static RESOLVE_MEMBERS_MAX])
{
    static const struct json_field fields[] = {{"url", JSON_AS_RAW, JSON_REQUIRED, 0, 0}};
    AUTO(arena) struct arena a = arena_make();
    struct problems unused;
    problems_init(&unused, &a);
    return json_decode(fragment, fields, ARRAY_LEN(fields), STR_EMPTY, &unused, &ret[0]);
}

static enum err destination(const struct order *order, struct str fragment, struct url *ret)
{
    (void)order;
    struct str raw[RESOLVE_MEMBERS_MAX] = {{0}};
    AUTO(buf) struct buf text = buf_make(URL_MAX_BYTES);
    TRY(members(fragment, raw));
    TRY(resolve_text(raw[0], &text));
    return url_parse(buf_str(&text), ret);
}

/* Every reference of the fragment: U is an address, A and B are headers, C is a body as well. */
static struct ref_bundle bundle_of(const char *fragment, struct arena *a)
{
    static const char names[] = "UABC";
    struct ref_bundle b = {.fragment = str_from(fragment), .team_key = STR("key")};
    b.records = arena_array(a, sizeof names, sizeof *b.records);
    b.uses = arena_array(a, 16, sizeof *b.uses);
    uint32_t index[sizeof names] = {0};
    for (size_t at = 0; (at = str_search(b.fragment, STR("${secret."), at)) < b.fragment.len;) {
        size_t k = (size_t)(strchr(names, fragment[at + 9]) - names);
        if (index[k] == 0) {
            b.records[b.record_count] = (struct ref_record){
                .context = {.name = str_bytes(&names[k], 1), .version = 1}, .sealed = STR("s")};
            index[k] = (uint32_t)++b.record_count;
        }
        enum ref_sink sink = k == 0 ? REF_URL : k == 3 && b.use_count % 2 ? REF_BODY : REF_HEADER;
        b.uses[b.use_count++] = (struct ref_use){.begin = at,
                                                 .end = at + 11,
                                                 .sink = sink,
                                                 .record = index[k] - 1,
                                                 .pointer = STR("/x")};
        at += 11;
    }
    return b;
}

static enum err resolves(const char *fragment, struct resolved *ret)
{
    AUTO(arena) struct arena a = arena_make();
    const struct guard_policy guard = {.allow_http = false};
    const struct resolve_how how = {members, destination};
    struct order order = {.job_id = STR("J"), .bundle = bundle_of(fragment, &a)};
    const struct errand e = {.order = &order, .guard = &guard};
    ask_count = 0;
    enum err err = resolve(&e, &how, ret);
    /* The name borrows from the order. */
    static char refused[16];
    CHECK_OK(str_to_text(ret->refused, refused, sizeof refused));
    ret->refused = str_from(refused);
    return err;
}

static void check_asked(size_t i, const char *name, enum vault_purpose purpose, unsigned sinks,
                        const char *host)
{
    CHECK_STR(str_from(asked[i].name), name);
    CHECK_EQ(asked[i].purpose, purpose);
    CHECK_EQ(asked[i].sinks, sinks);
    CHECK_STR(str_from(asked[i].host), host);
}

static void test_a_literal_address_is_told_with_its_port(void)
{
    static const char *const cases[][2] = {
        {"https://H.example./x", "h.example:443"},
        {"https://h.example:8443/x", "h.example:8443"},
        {"https://[2001:DB8::1]/x", "[2001:db8::1]:443"},
    };
    refuse_at = SIZE_MAX;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char fragment[128];
        AUTO(resolved) struct resolved r = {0};
        snprintf(fragment, sizeof fragment, "{\"url\":\"%s\",\"k\":\"${secret.A}\"}", cases[i][0]);
        CHECK_OK(resolves(fragment, &r));
        CHECK_EQ(ask_count, 1);
        check_asked(0, "A", VAULT_FOR_DELIVERY, POLICY_HEADER, cases[i][1]);
        CHECK_STR(r.refused, "");
    }
}

static void test_every_place_of_a_secret_is_told(void)
{
    AUTO(resolved) struct resolved r = {0};
    refuse_at = SIZE_MAX;
    CHECK_OK(resolves("{\"url\":\"https://h.example\",\"a\":\"${secret.C}\",\"b\":\"${secret.C}\"}",
                      &r));
    CHECK_EQ(ask_count, 1);
    check_asked(0, "C", VAULT_FOR_DELIVERY, POLICY_HEADER | POLICY_BODY, "h.example:443");
}

/* All are opened for the host it turned out to be, that which decided it as well. */
static void test_an_address_in_a_secret_is_found_out_first(void)
{
    AUTO(resolved) struct resolved r = {0};
    refuse_at = SIZE_MAX;
    address = "https://real.example:9000/hook";
    CHECK_OK(resolves("{\"k\":\"${secret.A}\",\"url\":\"${secret.U}\",\"l\":\"${secret.B}\"}", &r));
    CHECK_EQ(ask_count, 4);
    check_asked(0, "U", VAULT_FOR_ADDRESS, POLICY_URL, "");
    check_asked(1, "A", VAULT_FOR_DELIVERY, POLICY_HEADER, "real.example:9000");
    check_asked(2, "U", VAULT_FOR_DELIVERY, POLICY_URL, "real.example:9000");
    check_asked(3, "B", VAULT_FOR_DELIVERY, POLICY_HEADER, "real.example:9000");
    CHECK_STR(buf_str(&r.url.text), address);
}

static void test_what_is_refused_is_named_and_nothing_is_resolved(void)
{
    static const char *const names[] = {"U", "A", "U", "B"};
    address = "https://real.example/";
    for (refuse_at = 0; refuse_at < ARRAY_LEN(names); refuse_at++) {
        AUTO(resolved) struct resolved r = {0};
        CHECK_ERR(
            resolves("{\"k\":\"${secret.A}\",\"url\":\"${secret.U}\",\"l\":\"${secret.B}\"}", &r),
            ERR_POLICY_HOST);
        CHECK_STR(r.refused, names[refuse_at]);
        CHECK_EQ(r.json.len, 0);
        CHECK_EQ(ask_count, refuse_at + 1);
    }
}

static void test_abuse_069_http_with_a_secret_opens_nothing_for_it(void)
{
    AUTO(resolved) struct resolved r = {0};
    refuse_at = SIZE_MAX;
    CHECK_ERR(resolves("{\"url\":\"http://h.example\",\"k\":\"${secret.A}\"}", &r),
              ERR_ADDRESS_REFUSED);
    CHECK_EQ(ask_count, 0);
}

int main(void)
{
    RUN(test_a_literal_address_is_told_with_its_port);
    RUN(test_every_place_of_a_secret_is_told);
    RUN(test_an_address_in_a_secret_is_found_out_first);
    RUN(test_what_is_refused_is_named_and_nothing_is_resolved);
    RUN(test_abuse_069_http_with_a_secret_opens_nothing_for_it);
    CHECK_EQ(secret_arena_used(), 0);
    return test_done();
}
