#include "vault_fixture.h"

#include "alloc.h"
#include "vault_protocol.h"

static struct fixture f;
static struct buf keyring = {.max = 4096}, team_key = {.max = 4096};
static struct buf sealed = {.max = 128 * 1024};

/* Sinks, then one host. */
#define POLICY_OF(sinks, host) STR("\x01" sinks "\0\0\0\0\0\0\0\0\x01\0\x0f\0\0\0" host)
#define POLICY_S3              POLICY_OF("\x01", "s3.example.test")
#define POLICY_S4              POLICY_OF("\x01", "s4.example.test")
#define POLICY_MORE            POLICY_OF("\x05", "s3.example.test")

static struct seal_context sample_context(void)
{
    return (struct seal_context){.team_id = TEAM,
                                 .secret_id = SECRET_ID,
                                 .name = STR("AWS_SECRET_ACCESS_KEY"),
                                 .version = 3,
                                 .epoch = 99,
                                 .created_at_ms = 1795478400000,
                                 .policy = POLICY_S3};
}

static const struct vault_use delivery = {.purpose = VAULT_FOR_DELIVERY,
                                          .sinks = POLICY_CREDENTIAL,
                                          .job_id = STR("01JDF0000000000000000000J0"),
                                          .field = STR("/upload/params/secretAccessKey"),
                                          .host = STR("s3.example.test:443")};

static enum err opens(const struct seal_context *context, struct str key, struct str record)
{
    AUTOP(secret) struct secret *value = NULL;
    enum err e = vault_open_for_use(f.vault, context, key, record, &delivery, &value);
    if (e == OK)
        CHECK_STR(secret_reveal(value), "not-a-real-value");
    CHECK((value != NULL) == (e == OK));
    return e;
}

static void test_all_is_refused_while_locked(void)
{
    struct vault_status status;
    struct seal_context c = sample_context();
    char record[SEALED_OVERHEAD_BYTES] = {0}, wrapped[TEAM_KEY_BYTES] = {0};
    struct str no_record = str_bytes(record, sizeof record);
    struct str no_key = str_bytes(wrapped, sizeof wrapped);
    uint8_t hash[32];
    AUTO(buf) struct buf out = buf_make(4096);
    AUTOP(secret) struct secret *value = NULL;
    CHECK_OK(secret_new(STR("x"), &value));
    CHECK_OK(vault_status(f.vault, &status));
    CHECK(!status.unlocked && !status.pending_root && status.sandboxed == FIXTURE_CONFINED);
    CHECK_EQ(status.master_versions, 0);
    CHECK_ERR(vault_team_key_create(f.vault, TEAM, 1, &out), ERR_VAULT_DOWN);
    CHECK_ERR(vault_team_key_rewrap(f.vault, TEAM, no_key, &out), ERR_VAULT_DOWN);
    CHECK_ERR(vault_seal(f.vault, &c, no_key, value, &out), ERR_VAULT_DOWN);
    CHECK_ERR(opens(&c, no_key, no_record), ERR_VAULT_DOWN);
    CHECK_ERR(vault_rewrap(f.vault, &c, no_key, no_key, no_record, &out), ERR_VAULT_DOWN);
    CHECK_ERR(vault_hash_token(f.vault, STR("token"), hash), ERR_VAULT_DOWN);
    CHECK_ERR(vault_checkpoint_key(f.vault, TEAM, &out), ERR_VAULT_DOWN);
    CHECK_ERR(vault_chain_audit(f.vault, hash, &STR("r"), 1, &hash), ERR_VAULT_DOWN);
    CHECK_ERR(vault_master_rotate(f.vault, &out), ERR_VAULT_DOWN);
    CHECK_ERR(vault_master_retire(f.vault, 1, &out), ERR_VAULT_DOWN);
    CHECK_ERR(vault_keyring_rewrap(f.vault, &out), ERR_VAULT_DOWN);
    CHECK_ERR(vault_root_commit(f.vault, &out), ERR_VAULT_DOWN);
    CHECK_EQ(out.len, 0);
}

static void test_unlock(void)
{
    struct vault_status status;
    AUTO(buf) struct buf out = buf_make(4096);
    CHECK_OK(vault_keyring_create(f.vault, INSTANCE, &keyring));
    CHECK_OK(vault_status(f.vault, &status));
    CHECK(!status.unlocked);
    CHECK_ERR(vault_unlock(f.vault, STR("01JDF0000000000000000000A1"), buf_str(&keyring)),
              ERR_TAMPERED);
    CHECK_ERR(vault_unlock(f.vault, INSTANCE, STR("x")), ERR_TAMPERED);
    CHECK_ERR(vault_unlock(f.vault, INSTANCE, STR("")), ERR_INVALID);
    CHECK_ERR(vault_unlock(f.vault, STR(""), buf_str(&keyring)), ERR_INVALID);
    keyring.ptr[keyring.len - 1] ^= 1;
    CHECK_ERR(vault_unlock(f.vault, INSTANCE, buf_str(&keyring)), ERR_TAMPERED);
    keyring.ptr[keyring.len - 1] ^= 1;
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&keyring)));
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&keyring)));
    CHECK_ERR(vault_unlock(f.vault, STR("01JDF0000000000000000000A1"), buf_str(&keyring)),
              ERR_CONFLICT);
    CHECK_ERR(vault_keyring_create(f.vault, INSTANCE, &out), ERR_CONFLICT);
    CHECK_OK(vault_status(f.vault, &status));
    CHECK(status.unlocked && status.master_version == 1 && status.master_versions == 1);
}

static void test_seal_and_open(void)
{
    struct seal_context c = sample_context();
    uint32_t version, master;
    AUTOP(secret) struct secret *value = NULL;
    CHECK_OK(secret_new(STR("not-a-real-value"), &value));
    CHECK_ERR(vault_team_key_create(f.vault, STR("no id"), 1, &team_key), ERR_INVALID);
    CHECK_ERR(vault_team_key_create(f.vault, TEAM, 0, &team_key), ERR_INVALID);
    CHECK_OK(vault_team_key_create(f.vault, TEAM, 5, &team_key));
    CHECK_OK(vault_team_key_versions(buf_str(&team_key), &version, &master));
    CHECK(version == 5 && master == 1);
    CHECK_OK(vault_seal(f.vault, &c, buf_str(&team_key), value, &sealed));
    CHECK_OK(vault_sealed_key_version(buf_str(&sealed), &version));
    CHECK_EQ(version, 5);
    CHECK_EQ(str_search(buf_str(&sealed), STR("not-a-real"), 0), sealed.len);
    CHECK_ERR(opens(&c, buf_str(&team_key), buf_str(&sealed)), OK);
}

static void test_value_sizes(void)
{
    struct seal_context c = sample_context();
    static char big[SECRET_VALUE_MAX_BYTES + 1];
    static const size_t sizes[] = {0, 1, 4096, SECRET_VALUE_MAX_BYTES};
    AUTO(buf) struct buf out = buf_make(128 * 1024);
    memset(big, 0, sizeof big);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        AUTOP(secret) struct secret *value = NULL, *back = NULL;
        CHECK_OK(secret_new(str_bytes(big, sizes[i]), &value));
        CHECK_OK(vault_seal(f.vault, &c, buf_str(&team_key), value, &out));
        CHECK_OK(
            vault_open_for_use(f.vault, &c, buf_str(&team_key), buf_str(&out), &delivery, &back));
        CHECK(back && secret_equal(value, back));
    }
    AUTOP(secret) struct secret *over = NULL;
    CHECK_OK(secret_new(str_bytes(big, sizeof big), &over));
    CHECK_ERR(vault_seal(f.vault, &c, buf_str(&team_key), over, &out), ERR_INVALID);
}

static void test_record_of_another_place_is_refused(void)
{
    struct seal_context c;
#define WITH(member, value) (c = sample_context(), c.member = value, &c)
    struct str key = buf_str(&team_key), record = buf_str(&sealed);
    CHECK_ERR(opens(WITH(team_id, OTHER_TEAM), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(secret_id, STR("01JDF0000000000000000000S1")), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(name, STR("AWS_SECRET_ACCESS_KEz")), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(name, STR("aws_secret_access_key")), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(version, 2), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(version, 4), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(epoch, 98), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(created_at_ms, 1795478400001), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(created_at_ms, -1), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(policy, POLICY_S4), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(policy, STR_EMPTY), key, record), ERR_TAMPERED);
    CHECK_ERR(opens(WITH(version, 3), key, record), OK);
#undef WITH
}

static void test_use_must_be_named(void)
{
    struct seal_context c = sample_context();
    AUTOP(secret) struct secret *value = NULL;
    const struct vault_use bad[] = {
        {VAULT_FOR_DELIVERY, POLICY_CREDENTIAL, STR("J"), STR("/a"), STR("")},
        {VAULT_FOR_DELIVERY, POLICY_CREDENTIAL, STR(""), STR("/a"), STR("h:1")},
        {VAULT_FOR_DELIVERY, 0, STR("J"), STR("/a"), STR("h:1")},
        {VAULT_FOR_DELIVERY, POLICY_SINKS + 1, STR("J"), STR("/a"), STR("h:1")},
        {VAULT_FOR_PICKUP, POLICY_TEXT, STR(""), STR("/a"), STR("")},
        {VAULT_FOR_PICKUP, POLICY_TEXT, STR("J"), STR("/a"), STR("h:1")},
        {VAULT_FOR_PICKUP, 0, STR("J"), STR("/a"), STR("")},
        {VAULT_FOR_PICKUP, POLICY_TEXT | POLICY_URL, STR("J"), STR("/a"), STR("")},
        {VAULT_FOR_ADDRESS, 0, STR("J"), STR("/a"), STR("")},
        {VAULT_FOR_ADDRESS, POLICY_URL, STR("J"), STR("/a"), STR("h:1")},
        {VAULT_FOR_MASKING, 0, STR("J"), STR("/a"), STR("h:1")},
        {(enum vault_purpose)0, POLICY_CREDENTIAL, STR("J"), STR("/a"), STR("h:1")},
        {(enum vault_purpose)5, POLICY_CREDENTIAL, STR("J"), STR("/a"), STR("h:1")},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(
            vault_open_for_use(f.vault, &c, buf_str(&team_key), buf_str(&sealed), &bad[i], &value),
            ERR_INVALID);
    static char pointer[20000];
    memset(pointer, 'p', sizeof pointer);
    const struct vault_use mask = {.purpose = VAULT_FOR_MASKING,
                                   .job_id = STR("J"),
                                   .field = str_bytes(pointer, sizeof pointer)};
    CHECK_OK(vault_open_for_use(f.vault, &c, buf_str(&team_key), buf_str(&sealed), &mask, &value));
}

static void test_team_keys(void)
{
    struct seal_context c = sample_context(), changed = c;
    AUTO(buf) struct buf next = buf_make(4096), theirs = buf_make(4096), out = buf_make(128 * 1024);
    CHECK_OK(vault_team_key_create(f.vault, TEAM, 6, &next));
    CHECK_OK(vault_team_key_create(f.vault, OTHER_TEAM, 5, &theirs));
    CHECK_ERR(opens(&c, buf_str(&next), buf_str(&sealed)), ERR_TAMPERED);
    CHECK_ERR(opens(&c, buf_str(&theirs), buf_str(&sealed)), ERR_TAMPERED);
    CHECK_ERR(vault_team_key_rewrap(f.vault, TEAM, buf_str(&theirs), &out), ERR_TAMPERED);
    CHECK_ERR(
        vault_rewrap(f.vault, &c, buf_str(&team_key), buf_str(&theirs), buf_str(&sealed), &out),
        ERR_TAMPERED);
    CHECK_ERR(vault_rewrap(f.vault, &c, buf_str(&next), buf_str(&next), buf_str(&sealed), &out),
              ERR_TAMPERED);
    CHECK_OK(vault_rewrap(f.vault, &c, buf_str(&team_key), buf_str(&next), buf_str(&sealed), &out));
    CHECK_ERR(opens(&c, buf_str(&next), buf_str(&out)), OK);
    CHECK_ERR(opens(&c, buf_str(&team_key), buf_str(&out)), ERR_TAMPERED);
    changed.policy = POLICY_MORE;
    CHECK_OK(vault_rewrap_policy(f.vault, &c, changed.policy, buf_str(&team_key),
                                 buf_str(&team_key), buf_str(&sealed), &out));
    CHECK_ERR(opens(&c, buf_str(&team_key), buf_str(&out)), ERR_TAMPERED);
    CHECK_ERR(opens(&changed, buf_str(&team_key), buf_str(&out)), OK);
    CHECK(str_equal(str_slice(buf_str(&out), SEALED_AT_VALUE, out.len),
                    str_slice(buf_str(&sealed), SEALED_AT_VALUE, sealed.len)));
}

static void test_tokens(void)
{
    uint8_t a[32], again[32], b[32];
    static char long_token[VAULT_TOKEN_MAX_BYTES + 1];
    CHECK_OK(vault_hash_token(f.vault, STR("token a"), a));
    CHECK_OK(vault_hash_token(f.vault, STR("token a"), again));
    CHECK_OK(vault_hash_token(f.vault, STR("token b"), b));
    CHECK(equal_constant_time(a, again, 32) && !equal_constant_time(a, b, 32));
    CHECK_ERR(vault_hash_token(f.vault, STR_EMPTY, a), ERR_INVALID);
    CHECK_ERR(vault_hash_token(f.vault, str_bytes(long_token, sizeof long_token), a), ERR_INVALID);
}

static void test_audit_chain_over_many_messages(void)
{
    enum { COUNT = 12000 };
    static struct str records[COUNT];
    static uint8_t macs[COUNT][32], single[32];
    static char text[200];
    const uint8_t zero[32] = {0};
    memset(text, 'r', sizeof text);
    for (size_t i = 0; i < COUNT; i++)
        records[i] = str_bytes(text, i < 6000 ? i % sizeof text : 0);
    CHECK_OK(vault_chain_audit(f.vault, zero, records, COUNT, macs));
    for (size_t i = 0; i < COUNT; i += i < COUNT - 50 ? 131 : 1) {
        CHECK_OK(vault_chain_audit(f.vault, i ? macs[i - 1] : zero, &records[i], 1, &single));
        CHECK(equal_constant_time(single, macs[i], 32));
    }
    CHECK_OK(vault_chain_audit(f.vault, zero, records, 0, macs));
    static char bytes[IPC_MESSAGE_MAX_BYTES];
    const struct str huge = str_bytes(bytes, sizeof bytes);
    CHECK_ERR(vault_chain_audit(f.vault, zero, &huge, 1, &single), ERR_TOO_LARGE);
}

static void test_addresses_are_signed_by_a_key_of_their_own(void)
{
    enum { COUNT = 7000 };
    static struct str records[COUNT];
    static uint8_t macs[COUNT][32], single[32], chained[32];
    const uint8_t zero[32] = {0};
    for (size_t i = 0; i < COUNT; i++)
        records[i] = i % 2 ? STR("output\nA.mp4\n1") : STR("output\nB.mp4\n1");
    CHECK_OK(vault_sign_addresses(f.vault, records, COUNT, macs));
    CHECK(equal_constant_time(macs[0], macs[COUNT - 2], 32));
    CHECK(!equal_constant_time(macs[0], macs[1], 32));
    CHECK_OK(vault_sign_addresses(f.vault, &records[1], 1, &single));
    CHECK(equal_constant_time(macs[1], single, 32));
    CHECK_OK(vault_chain_audit(f.vault, zero, &records[1], 1, &chained));
    CHECK(!equal_constant_time(chained, single, 32));
    CHECK_OK(vault_hash_token(f.vault, records[1], chained));
    CHECK(!equal_constant_time(chained, single, 32));
}

static void expect_raw(struct str message, enum err want)
{
    AUTO(buf) struct buf answer = buf_make(IPC_MESSAGE_MAX_BYTES);
    CHECK_OK(ipc_send(f.raw, message, NULL, 0));
    CHECK_OK(ipc_receive(f.raw, &answer, NULL, 0));
    CHECK_EQ(answer.len, VAULT_ANSWER_HEADER_BYTES);
    CHECK_EQ(answer.len > 1 ? (uint8_t)answer.ptr[1] : -1, want);
}

static void test_garbage_is_answered_and_disturbs_nobody(void)
{
    struct seal_context c = sample_context();
    struct vault_request r = {.type = VAULT_REQUEST_OPEN_FOR_USE};
    AUTO(buf) struct buf whole = buf_make(IPC_MESSAGE_MAX_BYTES);
    vault_request_set_context(&r, &c);
    r.numbers[VAULT_NUMBER_PURPOSE] = VAULT_FOR_PICKUP;
    r.numbers[VAULT_NUMBER_SINKS] = POLICY_TEXT;
    r.bytes[VAULT_BYTES_TEAM_KEY] = buf_str(&team_key);
    r.bytes[VAULT_BYTES_SEALED] = buf_str(&sealed);
    r.bytes[VAULT_BYTES_JOB_ID] = STR("J");
    CHECK_OK(vault_request_encode(&r, &whole));
    for (size_t len = 1; len < whole.len; len++)
        expect_raw(str_slice(buf_str(&whole), 0, len), ERR_INVALID);
    CHECK_OK(buf_put_byte(&whole, 0));
    expect_raw(buf_str(&whole), ERR_INVALID);
    expect_raw(STR("\0"), ERR_INVALID);
    expect_raw(STR("\xff\xff\xff\xff\xff\xff"), ERR_INVALID);
    CHECK_ERR(opens(&c, buf_str(&team_key), buf_str(&sealed)), OK);
}

/* One client that sends and never reads: the others are served. */
static void test_client_that_does_not_read_waits_alone(void)
{
    struct seal_context c = sample_context();
    int sent = 0, refused = 0;
    CHECK_EQ(fcntl(f.raw, F_SETFL, O_NONBLOCK), 0);
    /* Full for good: both buffers are, and the vault has stopped reading. */
    while (sent < 100000 && refused < 20) {
        if (ipc_send(f.raw, STR("\x01"), NULL, 0) == OK) {
            sent++;
            refused = 0;
        } else {
            refused++;
            usleep(5000);
        }
    }
    CHECK_EQ(refused, 20);
    CHECK(sent > 0);
    CHECK_ERR(opens(&c, buf_str(&team_key), buf_str(&sealed)), OK);
    AUTO(buf) struct buf answer = buf_make(IPC_MESSAGE_MAX_BYTES);
    CHECK_EQ(fcntl(f.raw, F_SETFL, 0), 0);
    for (int i = 0; i < sent; i++)
        CHECK_OK(ipc_receive(f.raw, &answer, NULL, 0));
    CHECK_ERR(opens(&c, buf_str(&team_key), buf_str(&sealed)), OK);
}

static void test_descriptors_from_a_client_are_refused(void)
{
    AUTO(fd) int fd = fixture_memfd(ROOT_B);
    AUTO(buf) struct buf answer = buf_make(IPC_MESSAGE_MAX_BYTES);
    struct vault_status status;
    CHECK_OK(ipc_send(f.raw, STR("R"), &fd, 1));
    CHECK_OK(ipc_receive(f.raw, &answer, NULL, 0));
    CHECK_EQ(answer.len > 1 ? (uint8_t)answer.ptr[1] : -1, ERR_INVALID);
    CHECK_OK(vault_status(f.vault, &status));
    CHECK(!status.pending_root);
}

static void test_courier_that_comes_later_may_ask_for_little(void)
{
    int pair[2];
    struct vault_status status;
    CHECK_OK(ipc_pair(pair));
    CHECK_OK(ipc_send(f.supervisor, STR("C"), &pair[1], 1));
    io_close(&pair[1]);
    struct vault *late = vault_connect(pair[0]);
    CHECK_OK(vault_status(late, &status));
    CHECK(status.unlocked);
    uint8_t hash[32] = {0};
    AUTO(buf) struct buf out = buf_make(IPC_MESSAGE_MAX_BYTES);
    CHECK_ERR(vault_hash_token(late, STR("token"), hash), ERR_FORBIDDEN);
    CHECK_ERR(vault_sign_addresses(late, &STR("a file"), 1, &hash), ERR_FORBIDDEN);
    CHECK_ERR(vault_checkpoint_key(late, TEAM, &out), ERR_FORBIDDEN);
    CHECK_ERR(vault_sign_checkpoint(late, TEAM, 1, hash, hash, &out), ERR_FORBIDDEN);
    CHECK_ERR(vault_master_rotate(late, &out), ERR_FORBIDDEN);
    CHECK_ERR(vault_root_commit(late, &out), ERR_FORBIDDEN);
    CHECK_ERR(vault_keyring_rewrap(late, &out), ERR_FORBIDDEN);
    CHECK_OK(vault_hash_token(f.vault, STR("token"), hash));
    vault_free(&late);
    CHECK_OK(vault_status(f.vault, &status));
}

static void test_end(void)
{
    CHECK_EQ(fixture_stop(&f), 0);
    CHECK_EQ(secret_arena_used(), 0);
    int pair[2];
    struct vault_status status;
    CHECK_OK(ipc_pair(pair));
    io_close(&pair[1]);
    struct vault *nobody = vault_connect(pair[0]);
    CHECK_ERR(vault_status(nobody, &status), ERR_VAULT_DOWN);
    CHECK_ERR(vault_status(nobody, &status), ERR_VAULT_DOWN);
    vault_free(&nobody);
    vault_free(&nobody);
    buf_auto(&keyring);
    buf_auto(&team_key);
    buf_auto(&sealed);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    f = fixture_start(ROOT_A, NO_ROOT);
    RUN(test_all_is_refused_while_locked);
    RUN(test_unlock);
    RUN(test_seal_and_open);
    RUN(test_value_sizes);
    RUN(test_record_of_another_place_is_refused);
    RUN(test_use_must_be_named);
    RUN(test_team_keys);
    RUN(test_tokens);
    RUN(test_audit_chain_over_many_messages);
    RUN(test_addresses_are_signed_by_a_key_of_their_own);
    RUN(test_garbage_is_answered_and_disturbs_nobody);
    RUN(test_client_that_does_not_read_waits_alone);
    RUN(test_descriptors_from_a_client_are_refused);
    RUN(test_courier_that_comes_later_may_ask_for_little);
    RUN(test_end);
    return test_done();
}
