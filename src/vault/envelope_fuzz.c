/* Arbitrary bytes as every record at rest. The first byte says as which; the keys are those of
 * tests/vectors, so that the seeds open. */
#include "keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INSTANCE STR("01JDF0000000000000000000A0")

static struct secret *key_of(int byte)
{
    char bytes[AEAD_KEY_BYTES];
    struct secret *key = NULL;
    memset(bytes, byte, sizeof bytes);
    ASSERT(secret_new(str_bytes(bytes, sizeof bytes), &key) == OK);
    return key;
}

static void check(enum err e)
{
    ASSERT(e == OK || e == ERR_TAMPERED);
}

static void fuzz_keyring(struct str blob)
{
    AUTO(keyring) struct keyring k = {.count = 0};
    char root[AEAD_KEY_BYTES];
    struct keyring_root roots[KEYRING_ROOTS_MAX] = {0};
    for (size_t i = 0; i < KEYRING_ROOTS_MAX; i++) {
        memset(root, 0x21 + (int)i, sizeof root);
        ASSERT(keyring_root_init(str_bytes(root, sizeof root), &roots[i]) == OK);
    }
    check(keyring_open(blob, INSTANCE, roots, &k));
    for (size_t i = 0; i < KEYRING_ROOTS_MAX; i++)
        keyring_root_auto(&roots[i]);
}

static void fuzz_team_key(struct str wrapped)
{
    AUTOP(secret) struct secret *master = key_of(0x34), *key = NULL;
    struct envelope_kek kek = {.key = master, .version = 4};
    struct envelope_team_key versions;
    check(envelope_team_key_read(wrapped, &versions));
    check(
        envelope_team_key_unwrap(&kek, INSTANCE, STR("01JDF0000000000000000000T0"), wrapped, &key));
}

static void fuzz_sealed(struct str sealed)
{
    AUTOP(secret) struct secret *team_key = key_of(0x55), *value = NULL;
    AUTO(buf) struct buf out = buf_make(SEALED_MAX_BYTES);
    struct envelope_kek kek = {.key = team_key, .version = 2};
    const struct seal_context c = {.team_id = STR("01JDF0000000000000000000T0"),
                                   .secret_id = STR("01JDF0000000000000000000S0"),
                                   .name = STR("AWS_SECRET_ACCESS_KEY"),
                                   .version = 7,
                                   .epoch = 1234567,
                                   .created_at_ms = 1795478400000,
                                   .policy = STR("host=s3.example.test")};
    uint32_t version;
    check(envelope_sealed_key_version(sealed, &version));
    check(envelope_open(INSTANCE, &c, &kek, sealed, &value));
    check(envelope_rewrap(INSTANCE, &c, &kek, STR(""), &kek, sealed, &out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    ASSERT(crypto_open() == OK);
    struct str rest = str_bytes(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        fuzz_keyring(rest);
        break;
    case 1:
        fuzz_team_key(rest);
        break;
    default:
        fuzz_sealed(rest);
    }
    ASSERT(secret_arena_used() == 0);
    return 0;
}
