/* tests/vectors/envelope.txt, written by a second implementation of the formats, must open, and
 * what is deterministic must come out the same. */
#include "encode.h"
#include "hash.h"
#include "io.h"
#include "keyring.h"
#include "policy.h"
#include "test.h"
#include "vectors_folder.h"

static struct buf vectors = {.max = 1 << 20};

/* The text behind "name = "; empty when there is none. */
static struct str text_of(const char *name)
{
    struct str rest = buf_str(&vectors), line;
    while (rest.len) {
        rest = str_split(rest, '\n', &line);
        struct str key, value = str_split(line, '=', &key);
        if (str_is(str_trim(key), name))
            return str_trim(value);
    }
    printf("# no vector %s\n", name);
    CHECK(false);
    return STR_EMPTY;
}

static struct str bytes_of(const char *name, struct buf *out)
{
    buf_reset(out);
    CHECK_OK(decode_hex(text_of(name), out));
    return buf_str(out);
}

static uint64_t number_of(const char *name)
{
    uint64_t n = 0;
    CHECK_OK(str_to_u64(text_of(name), UINT64_MAX, &n));
    return n;
}

static void check_bytes(struct str got, const char *name)
{
    AUTO(buf) struct buf want = buf_make(4096);
    CHECK(str_equal(got, bytes_of(name, &want)));
}

static struct secret *key_of(const char *name)
{
    AUTO(buf) struct buf bytes = buf_make(4096);
    struct secret *key = NULL;
    CHECK_OK(secret_new(bytes_of(name, &bytes), &key));
    return key;
}

static void check_keyring(const char *root_name, const char *blob_name)
{
    AUTO(buf) struct buf instance = buf_make(64), root = buf_make(64), blob = buf_make(4096);
    struct keyring_root roots[KEYRING_ROOTS_MAX] = {0};
    AUTO(keyring) struct keyring k = {.count = 0};
    CHECK_OK(keyring_root_init(bytes_of(root_name, &root), &roots[0]));
    CHECK_OK(keyring_open(bytes_of(blob_name, &blob), bytes_of("instance", &instance), roots, &k));
    CHECK_EQ(k.count, 2);
    if (k.count == 2) {
        CHECK(k.masters[0].version == 3 && k.masters[1].version == 4);
        check_bytes(secret_reveal(k.masters[0].key), "master_3");
        check_bytes(secret_reveal(k.masters[1].key), "master_4");
        check_bytes(secret_reveal(k.token_key), "token_key");
        check_bytes(secret_reveal(k.audit_key), "audit_key");
    }
    keyring_root_auto(&roots[0]);
}

static void test_keyring(void)
{
    AUTO(buf) struct buf root = buf_make(64);
    struct keyring_root made;
    CHECK_OK(keyring_root_init(bytes_of("root", &root), &made));
    check_bytes(str_bytes(made.id, sizeof made.id), "root_id");
    keyring_root_auto(&made);
    check_keyring("root", "keyring_one_root");
    check_keyring("root", "keyring_two_roots");
    check_keyring("next_root", "keyring_two_roots");
}

static void test_team_key(void)
{
    AUTO(buf) struct buf instance = buf_make(64), team = buf_make(64), wrapped = buf_make(4096);
    AUTOP(secret) struct secret *master = key_of("master_4"), *key = NULL;
    struct envelope_team_key versions = {0, 0};
    struct envelope_kek kek = {.key = master, .version = 4};
    CHECK_OK(envelope_team_key_read(bytes_of("team_key_wrapped", &wrapped), &versions));
    CHECK(versions.key_version == number_of("team_key_version") && versions.master_version == 4);
    CHECK_OK(envelope_team_key_unwrap(&kek, bytes_of("instance", &instance),
                                      bytes_of("team", &team), buf_str(&wrapped), &key));
    if (key)
        check_bytes(secret_reveal(key), "team_key");
}

static void test_sealed_value(void)
{
    AUTO(buf)
    struct buf instance = buf_make(64), team = buf_make(64), secret = buf_make(64),
               name = buf_make(128), policy = buf_make(128), sealed = buf_make(4096),
               aad = buf_make(4096), again = buf_make(4096), value_aad = buf_make(4096),
               text = buf_make(4096);
    AUTOP(secret) struct secret *team_key = key_of("team_key"), *value = NULL;
    AUTOP(secret) struct secret *data_key = key_of("data_key");
    uint32_t version = (uint32_t)number_of("team_key_version");
    struct envelope_kek kek = {.key = team_key, .version = version};
    const struct seal_context c = {.team_id = bytes_of("team", &team),
                                   .secret_id = bytes_of("secret", &secret),
                                   .name = bytes_of("name", &name),
                                   .version = (uint32_t)number_of("version"),
                                   .epoch = number_of("epoch"),
                                   .created_at_ms = (int64_t)number_of("created_at_ms"),
                                   .policy = bytes_of("policy", &policy)};
    struct str id = bytes_of("instance", &instance), record = bytes_of("sealed", &sealed);
    CHECK_OK(envelope_data_key_aad(id, &c, version, &aad));
    check_bytes(buf_str(&aad), "dek_aad");
    CHECK_OK(envelope_value_aad(id, &c, &value_aad));
    check_bytes(buf_str(&value_aad), "value_aad");
    CHECK_OK(envelope_open(id, &c, &kek, record, &value));
    if (value)
        check_bytes(secret_reveal(value), "value");

    uint8_t nonce[AEAD_NONCE_BYTES];
    const uint8_t *team_bytes, *data_bytes;
    CHECK_OK(envelope_key_bytes(team_key, &team_bytes));
    CHECK_OK(envelope_key_bytes(data_key, &data_bytes));
    CHECK_OK(buf_put(&again, str_slice(record, 0, SEALED_AT_DATA_KEY)));
    memset(nonce, 0xb0, sizeof nonce);
    CHECK_OK(
        aead_seal_with_nonce(team_bytes, nonce, buf_str(&aad), secret_reveal(data_key), &again));
    memset(nonce, 0xc0, sizeof nonce);
    CHECK_OK(aead_seal_with_nonce(data_bytes, nonce, buf_str(&value_aad), bytes_of("value", &text),
                                  &again));
    CHECK(str_equal(buf_str(&again), record));
}

static void test_policy(void)
{
    AUTO(buf) struct buf first = buf_make(128), second = buf_make(128);
    AUTO(buf) struct buf want = buf_make(128), out = buf_make(POLICY_MAX_BYTES);
    struct policy back;
    const struct policy p = {
        .sinks = (uint8_t)number_of("policy_sinks"),
        .expires_at_ms = (int64_t)number_of("policy_expires_at_ms"),
        .hosts = {bytes_of("policy_host_1", &second), bytes_of("policy_host_0", &first)},
        .host_count = 2};
    CHECK_OK(policy_encode(&p, &out));
    check_bytes(buf_str(&out), "policy");
    CHECK_OK(policy_decode(bytes_of("policy", &want), &back));
    CHECK(str_equal(back.hosts[0], p.hosts[1]));
}

static void test_tokens_and_audit(void)
{
    AUTO(buf) struct buf text = buf_make(4096), key = buf_make(64);
    uint8_t hash[HASH_BYTES], mac[HASH_BYTES] = {0};
    bytes_of("token_key", &key);
    hash_blake2b_keyed((const uint8_t *)key.ptr, bytes_of("token_secret", &text), hash);
    check_bytes(str_bytes(hash, sizeof hash), "token_hash");
    bytes_of("audit_key", &key);
    for (int i = 0; i < 3; i++) {
        char record[32], name[32];
        AUTO(buf) struct buf input = buf_make(4096);
        snprintf(record, sizeof record, "audit_record_%d", i);
        snprintf(name, sizeof name, "audit_mac_%d", i);
        CHECK_OK(buf_put(&input, str_bytes(mac, sizeof mac)));
        CHECK_OK(buf_put(&input, bytes_of(record, &text)));
        hash_blake2b_keyed((const uint8_t *)key.ptr, buf_str(&input), mac);
        check_bytes(str_bytes(mac, sizeof mac), name);
    }
}

static void test_no_secret_is_left(void)
{
    buf_auto(&vectors);
    CHECK_EQ(secret_arena_used(), 0);
}

int main(void)
{
    CHECK_OK(crypto_open());
    CHECK_OK(io_read_file(VECTORS_FOLDER "/envelope.txt", &vectors));
    RUN(test_keyring);
    RUN(test_team_key);
    RUN(test_sealed_value);
    RUN(test_policy);
    RUN(test_tokens_and_audit);
    RUN(test_no_secret_is_left);
    return test_done();
}
