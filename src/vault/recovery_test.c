#include "recovery.h"

#include "aead.h"
#include "vault_fixture.h"

static const uint8_t seed[BOX_SEED_BYTES] = {9, 8, 7};
static uint8_t public_key[BOX_PUBLIC_BYTES];
static struct fixture f;

static void test_the_file_is_read_whole_or_not_at_all(void)
{
    AUTO(buf) struct buf file = buf_make(64);
    uint8_t back[BOX_PUBLIC_BYTES];
    CHECK_OK(recovery_file_encode(public_key, &file));
    CHECK_EQ(file.len, RECOVERY_FILE_BYTES);
    CHECK_OK(recovery_file_decode(buf_str(&file), back));
    CHECK(str_equal(str_bytes(back, sizeof back), str_bytes(public_key, sizeof public_key)));
    for (size_t len = 0; len < file.len; len++)
        CHECK_ERR(recovery_file_decode(str_slice(buf_str(&file), 0, len), back), ERR_INVALID);
    CHECK_OK(buf_put_byte(&file, 0));
    CHECK_ERR(recovery_file_decode(buf_str(&file), back), ERR_INVALID);
    buf_truncate(&file, RECOVERY_FILE_BYTES);
    for (size_t i = 0; i < 8; i++) {
        file.ptr[i] ^= 1;
        CHECK_ERR(recovery_file_decode(buf_str(&file), back), ERR_INVALID);
        file.ptr[i] ^= 1;
    }
    memset(file.ptr + 8, 0, BOX_PUBLIC_BYTES); /* no key that anything can be sealed for */
    CHECK_ERR(recovery_file_decode(buf_str(&file), back), ERR_INVALID);
}

/* The export's keyring, opened with the seed alone. */
static enum err open_export(struct str export, const uint8_t *with, struct keyring *ret)
{
    struct recovery_parts parts;
    AUTOP(secret) struct secret *root = NULL;
    struct keyring_root roots[KEYRING_ROOTS_MAX] = {{.key = NULL}};
    TRY(recovery_export_read(export, &parts));
    TRY(box_open(with, parts.root, &root));
    TRY(keyring_root_init(secret_reveal(root), &roots[0]));
    enum err e = keyring_open(parts.keyring, INSTANCE, roots, ret);
    keyring_root_auto(&roots[0]);
    return e;
}

static void test_an_export_opens_with_the_seed_alone(void)
{
    static const uint8_t other[BOX_SEED_BYTES] = {9, 8, 6};
    AUTO(keyring) struct keyring k = {.count = 0}, back = {.count = 0};
    AUTO(buf) struct buf out = buf_make(RECOVERY_EXPORT_MAX_BYTES);
    AUTO(buf) struct buf again = buf_make(RECOVERY_EXPORT_MAX_BYTES);
    struct recovery_parts parts;
    CHECK_OK(keyring_create(&k));
    CHECK_OK(recovery_export(&k, INSTANCE, public_key, &out));
    CHECK_OK(recovery_export(&k, INSTANCE, public_key, &again));
    CHECK(!str_equal(buf_str(&out), buf_str(&again)));
    CHECK_ERR(open_export(buf_str(&out), other, &back), ERR_TAMPERED);
    CHECK_OK(open_export(buf_str(&out), seed, &back));
    CHECK(secret_equal(k.masters[0].key, back.masters[0].key));
    CHECK(secret_equal(k.audit_key, back.audit_key));
    struct str key = secret_reveal(k.masters[0].key);
    CHECK_EQ(str_search(buf_str(&out), key, 0), out.len);
    for (size_t len = 0; len < RECOVERY_AT_KEYRING + 1; len++)
        CHECK_ERR(recovery_export_read(str_slice(buf_str(&out), 0, len), &parts), ERR_TAMPERED);
    for (size_t i = 0; i < 8; i++) {
        out.ptr[i] ^= 1;
        CHECK_ERR(recovery_export_read(buf_str(&out), &parts), ERR_TAMPERED);
        out.ptr[i] ^= 1;
    }
}

/* --- the process --- */

static char hand_over(struct str file)
{
    AUTO(fd) int fd = fixture_memfd(file);
    AUTO(buf) struct buf answer = buf_make(IPC_MESSAGE_MAX_BYTES);
    CHECK_OK(ipc_send(f.supervisor, STR("P"), &fd, 1));
    CHECK_OK(ipc_receive(f.supervisor, &answer, NULL, 0));
    return answer.len == 1 ? answer.ptr[0] : 0;
}

static void test_no_client_says_whom_the_keyring_is_for(void)
{
    AUTO(buf) struct buf keyring = buf_make(4096);
    AUTO(buf) struct buf file = buf_make(64);
    AUTO(buf) struct buf out = buf_make(RECOVERY_EXPORT_MAX_BYTES);
    AUTO(keyring) struct keyring back = {.count = 0};
    struct recovery_parts parts;
    CHECK_ERR(vault_recovery_export(f.vault, &out), ERR_VAULT_DOWN);
    CHECK_OK(vault_keyring_create(f.vault, INSTANCE, &keyring));
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&keyring)));
    CHECK_ERR(vault_recovery_export(f.vault, &out), ERR_NO_RECOVERY_KEY);
    CHECK_EQ(hand_over(STR("not a key's file")), 'e');
    CHECK_ERR(vault_recovery_export(f.vault, &out), ERR_NO_RECOVERY_KEY);
    CHECK_OK(recovery_file_encode(public_key, &file));
    CHECK_EQ(hand_over(buf_str(&file)), 'k');
    CHECK_OK(vault_recovery_export(f.vault, &out));
    CHECK_OK(recovery_export_read(buf_str(&out), &parts));
    CHECK(str_equal(str_bytes(parts.public_key, 32), str_bytes(public_key, 32)));
    CHECK_OK(open_export(buf_str(&out), seed, &back));
    /* What is no key changes nothing. */
    CHECK_EQ(hand_over(STR("")), 'e');
    CHECK_OK(vault_recovery_export(f.vault, &out));
}

static void test_a_stamp_is_of_the_digest_and_the_keyring(void)
{
    uint8_t digest[32] = {1}, a[32], b[32], chained[32];
    struct str name = STR("safelight backup key");
    CHECK_OK(vault_backup_stamp(f.vault, digest, a));
    CHECK_OK(vault_backup_stamp(f.vault, digest, b));
    CHECK(memcmp(a, b, 32) == 0);
    digest[31] = 1;
    CHECK_OK(vault_backup_stamp(f.vault, digest, b));
    CHECK(memcmp(a, b, 32) != 0);
    /* The chain does not give the stamp's key away. */
    CHECK_OK(vault_chain_audit(f.vault, digest, &name, 1, &chained));
    CHECK(memcmp(a, chained, 32) != 0);
}

static void test_verify_opens_and_says_only_whether(void)
{
    AUTO(buf) struct buf key = buf_make(4096);
    AUTO(buf) struct buf sealed = buf_make(4096);
    AUTOP(secret) struct secret *value = NULL;
    struct seal_context c = {.team_id = TEAM,
                             .secret_id = SECRET_ID,
                             .name = STR("A"),
                             .version = 1,
                             .created_at_ms = 5,
                             .policy = STR_EMPTY};
    CHECK_OK(secret_new(STR("value"), &value));
    CHECK_OK(vault_team_key_create(f.vault, TEAM, 1, &key));
    CHECK_OK(vault_seal(f.vault, &c, buf_str(&key), value, &sealed));
    CHECK_OK(vault_verify(f.vault, &c, buf_str(&key), buf_str(&sealed)));
    c.version = 2;
    CHECK_ERR(vault_verify(f.vault, &c, buf_str(&key), buf_str(&sealed)), ERR_TAMPERED);
    c.version = 1;
    sealed.ptr[sealed.len - 1] ^= 1;
    CHECK_ERR(vault_verify(f.vault, &c, buf_str(&key), buf_str(&sealed)), ERR_TAMPERED);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    CHECK_OK(crypto_open());
    box_public(seed, public_key);
    RUN(test_the_file_is_read_whole_or_not_at_all);
    RUN(test_an_export_opens_with_the_seed_alone);
    f = fixture_start(ROOT_A, NO_ROOT);
    RUN(test_no_client_says_whom_the_keyring_is_for);
    RUN(test_a_stamp_is_of_the_digest_and_the_keyring);
    RUN(test_verify_opens_and_says_only_whether);
    CHECK_EQ(fixture_stop(&f), 0);
    return test_done();
}
