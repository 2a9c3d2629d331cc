/* What the vault process itself makes of a secret's policy when a value is asked for. */
#include "vault_fixture.h"

#include "policy.h"

#define JOB STR("01JDF0000000000000000000J0")

static struct fixture f;
static struct buf keyring = {.max = 4096}, team_key = {.max = 4096};

static struct seal_context context_of(struct str policy)
{
    return (struct seal_context){.team_id = TEAM,
                                 .secret_id = SECRET_ID,
                                 .name = STR("KEY"),
                                 .version = 1,
                                 .epoch = 1,
                                 .created_at_ms = 1795478400000,
                                 .policy = policy};
}

static enum err seal(struct str policy, struct buf *ret_sealed)
{
    struct seal_context c = context_of(policy);
    AUTOP(secret) struct secret *value = NULL;
    CHECK_OK(secret_new(STR("not-a-real-value"), &value));
    return vault_seal(f.vault, &c, buf_str(&team_key), value, ret_sealed);
}

static enum err opens_as(struct str policy, struct str sealed, enum vault_purpose purpose,
                         unsigned sinks, struct str host)
{
    struct seal_context c = context_of(policy);
    const struct vault_use use = {purpose, sinks, JOB, STR("/a"), host};
    AUTOP(secret) struct secret *value = NULL;
    enum err e = vault_open_for_use(f.vault, &c, buf_str(&team_key), sealed, &use, &value);
    CHECK((value != NULL) == (e == OK));
    return e;
}

static void test_unlock(void)
{
    CHECK_OK(vault_keyring_create(f.vault, INSTANCE, &keyring));
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&keyring)));
    CHECK_OK(vault_team_key_create(f.vault, TEAM, 1, &team_key));
}

static const struct policy_case {
    struct policy policy;
    enum vault_purpose purpose;
    unsigned sinks;
    const char *host;
    enum err want;
} cases[] = {
#define NONE                                                                                       \
    {                                                                                              \
        .sinks = 0                                                                                 \
    }
#define SIGN_ONLY                                                                                  \
    {                                                                                              \
        .sinks = POLICY_CREDENTIAL                                                                 \
    }
#define HOSTED                                                                                     \
    {                                                                                              \
        .hosts = {{"*.example.com", 13}, {"s3.test:9000", 12}}, .host_count = 2                    \
    }
#define BOTH                                                                                       \
    {                                                                                              \
        .sinks = POLICY_TEXT | POLICY_URL, .hosts = {{"example.com", 11}}, .host_count = 1         \
    }
#define ENDED                                                                                      \
    {                                                                                              \
        .expires_at_ms = 1000                                                                      \
    }
#define LASTING                                                                                    \
    {                                                                                              \
        .expires_at_ms = 4102444800000                                                             \
    }
    {NONE, VAULT_FOR_DELIVERY, POLICY_SINKS, "any.test:1", OK},
    {NONE, VAULT_FOR_PICKUP, POLICY_TEXT | POLICY_SCRIPT, "", OK},
    {NONE, VAULT_FOR_ADDRESS, POLICY_URL, "", OK},
    {NONE, VAULT_FOR_MASKING, 0, "", OK},
    {SIGN_ONLY, VAULT_FOR_DELIVERY, POLICY_CREDENTIAL, "any.test:443", OK},
    {SIGN_ONLY, VAULT_FOR_DELIVERY, POLICY_BODY, "any.test:443", ERR_POLICY_SINK},
    {SIGN_ONLY, VAULT_FOR_DELIVERY, POLICY_CREDENTIAL | POLICY_URL, "a.test:443", ERR_POLICY_SINK},
    {SIGN_ONLY, VAULT_FOR_PICKUP, POLICY_TEXT, "", ERR_POLICY_SINK},
    {SIGN_ONLY, VAULT_FOR_ADDRESS, POLICY_URL, "", ERR_POLICY_SINK},
    {SIGN_ONLY, VAULT_FOR_MASKING, POLICY_TEXT, "", OK},
    {HOSTED, VAULT_FOR_DELIVERY, POLICY_HEADER, "a.example.com:443", OK},
    {HOSTED, VAULT_FOR_DELIVERY, POLICY_HEADER, "s3.test:9000", OK},
    {HOSTED, VAULT_FOR_DELIVERY, POLICY_HEADER, "s3.test:443", ERR_POLICY_HOST},
    {HOSTED, VAULT_FOR_DELIVERY, POLICY_HEADER, "example.com:443", ERR_POLICY_HOST},
    {HOSTED, VAULT_FOR_DELIVERY, POLICY_HEADER, "a.example.com.evil.test:443", ERR_POLICY_HOST},
    {HOSTED, VAULT_FOR_PICKUP, POLICY_TEXT, "", ERR_POLICY_HOST},
    {HOSTED, VAULT_FOR_ADDRESS, POLICY_URL, "", OK},
    {HOSTED, VAULT_FOR_MASKING, 0, "", OK},
    {BOTH, VAULT_FOR_PICKUP, POLICY_TEXT, "", OK},
    {BOTH, VAULT_FOR_PICKUP, POLICY_SCRIPT, "", ERR_POLICY_SINK},
    {BOTH, VAULT_FOR_DELIVERY, POLICY_URL, "example.com:8443", OK},
    {BOTH, VAULT_FOR_DELIVERY, POLICY_URL, "evil.test:443", ERR_POLICY_HOST},
    {ENDED, VAULT_FOR_DELIVERY, POLICY_URL, "any.test:443", ERR_POLICY_EXPIRED},
    {ENDED, VAULT_FOR_PICKUP, POLICY_TEXT, "", ERR_POLICY_EXPIRED},
    {ENDED, VAULT_FOR_ADDRESS, POLICY_URL, "", ERR_POLICY_EXPIRED},
    {ENDED, VAULT_FOR_MASKING, 0, "", OK},
    {LASTING, VAULT_FOR_DELIVERY, POLICY_URL, "any.test:443", OK},
};

static void test_each_purpose_under_each_policy(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) struct buf policy = buf_make(POLICY_MAX_BYTES), sealed = buf_make(4096);
        CHECK_OK(policy_encode(&cases[i].policy, &policy));
        CHECK_OK(seal(buf_str(&policy), &sealed));
        enum err e = opens_as(buf_str(&policy), buf_str(&sealed), cases[i].purpose, cases[i].sinks,
                              str_from(cases[i].host));
        if (e != cases[i].want)
            printf("# case %zu\n", i);
        CHECK_ERR(e, cases[i].want);
    }
}

/* A policy that was edited where it is kept opens nothing, not even for what both allow, and the
 * answer is the same whatever the edited one says. */
static void test_abuse_080_an_edited_policy_opens_nothing(void)
{
    const struct policy tight = {.sinks = POLICY_HEADER, .expires_at_ms = 1000};
    AUTO(buf) struct buf policy = buf_make(POLICY_MAX_BYTES), sealed = buf_make(4096);
    CHECK_OK(policy_encode(&tight, &policy));
    CHECK_OK(seal(buf_str(&policy), &sealed));
    for (size_t bit = 0; bit < policy.len * 8; bit++) {
        policy.ptr[bit / 8] = (char)(policy.ptr[bit / 8] ^ (1 << bit % 8));
        for (unsigned purpose = VAULT_FOR_DELIVERY; purpose <= VAULT_FOR_ADDRESS; purpose++) {
            struct str host = purpose == VAULT_FOR_DELIVERY ? STR("h.test:443") : STR_EMPTY;
            unsigned sinks = purpose == VAULT_FOR_PICKUP ? POLICY_TEXT : POLICY_HEADER;
            CHECK_ERR(opens_as(buf_str(&policy), buf_str(&sealed), (enum vault_purpose)purpose,
                               sinks, host),
                      ERR_TAMPERED);
        }
        policy.ptr[bit / 8] = (char)(policy.ptr[bit / 8] ^ (1 << bit % 8));
    }
    CHECK_ERR(opens_as(STR_EMPTY, buf_str(&sealed), VAULT_FOR_MASKING, 0, STR_EMPTY), ERR_TAMPERED);
    CHECK_ERR(opens_as(buf_str(&policy), buf_str(&sealed), VAULT_FOR_MASKING, 0, STR_EMPTY), OK);
}

static void test_only_canonical_policies_are_sealed(void)
{
    static const struct str bad[] = {
        {"host=s3.example.test", 20},
        {"\x01\0\0\0\0\0\0\0\0\0\0\0", 12},
        {"\x01\x80\0\0\0\0\0\0\0\0\0\0", 12},
        {"\x01\0\0\0\0\0\0\0\0\0\x01\0\x01\0\0\0A", 17},
    };
    AUTO(buf) struct buf sealed = buf_make(4096), out = buf_make(4096);
    struct seal_context c = context_of(STR_EMPTY);
    CHECK_OK(seal(STR_EMPTY, &sealed));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_ERR(seal(bad[i], &out), ERR_INVALID);
        CHECK_ERR(vault_rewrap_policy(f.vault, &c, bad[i], buf_str(&team_key), buf_str(&team_key),
                                      buf_str(&sealed), &out),
                  ERR_INVALID);
    }
}

static void test_a_changed_policy_takes_the_place_of_the_old_one(void)
{
    const struct policy tight = {.sinks = POLICY_CREDENTIAL};
    AUTO(buf) struct buf policy = buf_make(POLICY_MAX_BYTES), old = buf_make(4096);
    AUTO(buf) struct buf new = buf_make(4096);
    struct seal_context c = context_of(STR_EMPTY);
    CHECK_OK(policy_encode(&tight, &policy));
    CHECK_OK(seal(STR_EMPTY, &old));
    CHECK_OK(vault_rewrap_policy(f.vault, &c, buf_str(&policy), buf_str(&team_key),
                                 buf_str(&team_key), buf_str(&old), &new));
    CHECK_ERR(opens_as(buf_str(&policy), buf_str(&new), VAULT_FOR_PICKUP, POLICY_TEXT, STR_EMPTY),
              ERR_POLICY_SINK);
    CHECK_ERR(opens_as(STR_EMPTY, buf_str(&new), VAULT_FOR_PICKUP, POLICY_TEXT, STR_EMPTY),
              ERR_TAMPERED);
    CHECK_ERR(opens_as(buf_str(&policy), buf_str(&old), VAULT_FOR_PICKUP, POLICY_TEXT, STR_EMPTY),
              ERR_TAMPERED);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    f = fixture_start(ROOT_A, NO_ROOT);
    RUN(test_unlock);
    RUN(test_each_purpose_under_each_policy);
    RUN(test_abuse_080_an_edited_policy_opens_nothing);
    RUN(test_only_canonical_policies_are_sealed);
    RUN(test_a_changed_policy_takes_the_place_of_the_old_one);
    CHECK_EQ(fixture_stop(&f), 0);
    buf_auto(&keyring);
    buf_auto(&team_key);
    return test_done();
}
