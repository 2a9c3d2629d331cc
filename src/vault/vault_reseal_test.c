/* An older version sealed anew as a later one, and checkpoints, both by the vault process itself.
 */
#include "vault_fixture.h"

#include "audit_note.h"
#include "policy.h"

#define JOB STR("01JDF0000000000000000000J0")

static struct fixture f;
static struct buf keyring = {.max = 4096}, old_key = {.max = 4096}, new_key = {.max = 4096};
static struct buf sealed = {.max = 128 * 1024};

static struct seal_context context_of(uint32_t version, struct str policy)
{
    return (struct seal_context){.team_id = TEAM,
                                 .secret_id = SECRET_ID,
                                 .name = STR("KEY"),
                                 .version = version,
                                 .epoch = version,
                                 .created_at_ms = 1795478400000 + version,
                                 .policy = policy};
}

static struct vault_reseal later(uint32_t version)
{
    return (struct vault_reseal){.version = version,
                                 .epoch = version,
                                 .created_at_ms = 1795478400000 + version,
                                 .team_key = buf_str(&new_key)};
}

static enum err opens(const struct seal_context *c, const struct buf *key, const struct buf *record)
{
    const struct vault_use use = {VAULT_FOR_PICKUP, POLICY_TEXT, JOB, STR("/a"), STR("")};
    AUTOP(secret) struct secret *value = NULL;
    enum err e = vault_open_for_use(f.vault, c, buf_str(key), buf_str(record), &use, &value);
    if (e == OK)
        CHECK_STR(secret_reveal(value), "not-a-real-value");
    return e;
}

static void seal(const struct seal_context *c)
{
    AUTOP(secret) struct secret *value = NULL;
    CHECK_OK(secret_new(STR("not-a-real-value"), &value));
    CHECK_OK(vault_seal(f.vault, c, buf_str(&old_key), value, &sealed));
}

static void test_unlock(void)
{
    CHECK_OK(vault_keyring_create(f.vault, INSTANCE, &keyring));
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&keyring)));
    CHECK_OK(vault_team_key_create(f.vault, TEAM, 1, &old_key));
    CHECK_OK(vault_team_key_create(f.vault, TEAM, 2, &new_key));
}

static void test_the_new_version_holds_the_old_value(void)
{
    struct seal_context from = context_of(3, STR("")), to = context_of(9, STR(""));
    struct vault_reseal as = later(9);
    AUTO(buf) struct buf out = buf_make(128 * 1024);
    uint32_t key_version;
    seal(&from);
    CHECK_OK(vault_reseal(f.vault, &from, buf_str(&old_key), buf_str(&sealed), &as, &out));
    CHECK_EQ(str_search(buf_str(&out), STR("not-a-real"), 0), out.len);
    CHECK_OK(vault_sealed_key_version(buf_str(&out), &key_version));
    CHECK_EQ(key_version, 2);
    CHECK_ERR(opens(&to, &new_key, &out), OK);
    CHECK_ERR(opens(&from, &new_key, &out), ERR_TAMPERED);
    CHECK_ERR(opens(&to, &old_key, &out), ERR_TAMPERED);
    CHECK_ERR(opens(&from, &old_key, &sealed), OK);
}

/* It is the same secret's, and later: nothing else can be asked for. */
static void test_only_a_later_version(void)
{
    struct seal_context from = context_of(3, STR(""));
    AUTO(buf) struct buf out = buf_make(128 * 1024);
    seal(&from);
    static const struct {
        uint32_t version;
        uint64_t epoch;
    } bad[] = {{0, 4}, {2, 4}, {3, 4}, {4, 3}, {4, 2}, {3, 3}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct vault_reseal as = later(bad[i].version);
        as.epoch = bad[i].epoch;
        CHECK_ERR(vault_reseal(f.vault, &from, buf_str(&old_key), buf_str(&sealed), &as, &out),
                  ERR_INVALID);
    }
    CHECK_EQ(out.len, 0);
}

static void test_a_record_of_another_place_is_refused(void)
{
    struct seal_context from = context_of(3, STR(""));
    struct vault_reseal as = later(9);
    AUTO(buf) struct buf out = buf_make(128 * 1024);
    seal(&from);
    struct seal_context bad[] = {from, from, from, from, from, from};
    bad[0].team_id = OTHER_TEAM;
    bad[1].secret_id = TEAM;
    bad[2].name = STR("OTHER");
    bad[3].version = 4;
    bad[4].created_at_ms++;
    bad[5].policy = STR("\x01\x01\0\0\0\0\0\0\0\0\0\0");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(vault_reseal(f.vault, &bad[i], buf_str(&old_key), buf_str(&sealed), &as, &out),
                  ERR_TAMPERED);
    CHECK_ERR(vault_reseal(f.vault, &from, buf_str(&new_key), buf_str(&sealed), &as, &out),
              ERR_TAMPERED);
    as.team_key = buf_str(&sealed);
    CHECK_ERR(vault_reseal(f.vault, &from, buf_str(&old_key), buf_str(&sealed), &as, &out),
              ERR_INVALID);
    CHECK_EQ(out.len, 0);
}

static void test_the_policy_stays_and_an_expired_one_refuses(void)
{
    static const struct policy policies[] = {{.sinks = POLICY_TEXT}, {.expires_at_ms = 1000}};
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        AUTO(buf) struct buf bytes = buf_make(POLICY_MAX_BYTES), out = buf_make(128 * 1024);
        CHECK_OK(policy_encode(&policies[i], &bytes));
        struct seal_context from = context_of(3, buf_str(&bytes));
        struct seal_context to = context_of(4, buf_str(&bytes)), free_of = context_of(4, STR(""));
        struct vault_reseal as = later(4);
        seal(&from);
        CHECK_ERR(vault_reseal(f.vault, &from, buf_str(&old_key), buf_str(&sealed), &as, &out),
                  i ? ERR_POLICY_EXPIRED : OK);
        CHECK_EQ(out.len > 0, i == 0);
        if (i == 0) {
            CHECK_ERR(opens(&to, &new_key, &out), OK);
            CHECK_ERR(opens(&free_of, &new_key, &out), ERR_TAMPERED);
        }
    }
}

static void test_checkpoints_are_of_one_team(void)
{
    AUTO(buf) struct buf key = buf_make(4096), other = buf_make(4096), note = buf_make(4096);
    const uint8_t root[32] = {1}, head[32] = {2};
    struct audit_key ours, theirs;
    struct audit_checkpoint c;
    CHECK_OK(vault_checkpoint_key(f.vault, TEAM, &key));
    CHECK_OK(vault_checkpoint_key(f.vault, OTHER_TEAM, &other));
    CHECK_OK(audit_key_read(buf_str(&key), &ours));
    CHECK_OK(audit_key_read(buf_str(&other), &theirs));
    CHECK_OK(vault_sign_checkpoint(f.vault, TEAM, 7, root, head, &note));
    CHECK_OK(audit_note_open(buf_str(&note), &ours, &c));
    CHECK(c.size == 7 && c.root[0] == 1 && c.head[0] == 2);
    CHECK_ERR(audit_note_open(buf_str(&note), &theirs, &c), ERR_NOT_FOUND);
    CHECK_ERR(vault_sign_checkpoint(f.vault, STR("01\n2"), 7, root, head, &note), ERR_INVALID);
    CHECK_ERR(vault_sign_checkpoint(f.vault, TEAM, UINT64_MAX, root, head, &note), ERR_INVALID);
}

static void test_an_installation_whose_id_is_no_id_signs_nothing(void)
{
    AUTO(buf) struct buf blob = buf_make(4096), out = buf_make(4096);
    struct fixture odd = fixture_start(ROOT_B, NO_ROOT);
    const uint8_t zero[32] = {0};
    struct str id = STR("id\nsafelight/audit/x/y");
    CHECK_OK(vault_keyring_create(odd.vault, id, &blob));
    CHECK_OK(vault_unlock(odd.vault, id, buf_str(&blob)));
    CHECK_ERR(vault_sign_checkpoint(odd.vault, TEAM, 1, zero, zero, &out), ERR_INVALID);
    CHECK_ERR(vault_checkpoint_key(odd.vault, TEAM, &out), ERR_INVALID);
    CHECK_EQ(fixture_stop(&odd), 0);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    f = fixture_start(ROOT_A, NO_ROOT);
    RUN(test_unlock);
    RUN(test_the_new_version_holds_the_old_value);
    RUN(test_only_a_later_version);
    RUN(test_a_record_of_another_place_is_refused);
    RUN(test_the_policy_stays_and_an_expired_one_refuses);
    RUN(test_checkpoints_are_of_one_team);
    RUN(test_an_installation_whose_id_is_no_id_signs_nothing);
    CHECK_EQ(fixture_stop(&f), 0);
    buf_auto(&keyring);
    buf_auto(&old_key);
    buf_auto(&new_key);
    buf_auto(&sealed);
    return test_done();
}
