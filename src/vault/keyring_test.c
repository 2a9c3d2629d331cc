#include "keyring.h"

#include "test.h"

#define INSTANCE STR("01JDF0000000000000000000A0")

static struct keyring_root roots[KEYRING_ROOTS_MAX], other_roots[KEYRING_ROOTS_MAX];
static struct keyring ring;

static enum err opens(const struct keyring_root *with, struct str instance, struct str blob)
{
    AUTO(keyring) struct keyring k = {.count = 0};
    enum err e = keyring_open(blob, instance, with, &k);
    if (e == OK)
        CHECK(k.count == ring.count && secret_equal(k.token_key, ring.token_key) &&
              secret_equal(k.audit_key, ring.audit_key) &&
              secret_equal(keyring_current(&k).key, keyring_current(&ring).key));
    else
        CHECK_EQ(k.count, 0);
    return e;
}

static void test_versions(void)
{
    AUTO(keyring) struct keyring k = {.count = 0}, copy = {.count = 0};
    struct envelope_kek kek;
    CHECK_OK(keyring_create(&k));
    CHECK_EQ(keyring_current(&k).version, 1);
    CHECK_ERR(keyring_retire(&k, 2), ERR_CONFLICT);
    CHECK_ERR(keyring_retire(&k, 0), ERR_CONFLICT);
    CHECK_OK(keyring_rotate(&k));
    CHECK_OK(keyring_rotate(&k));
    CHECK_OK(keyring_copy(&k, &copy));
    CHECK_OK(keyring_retire(&k, 2));
    CHECK_EQ(k.count, 2);
    CHECK_ERR(keyring_master(&k, 1, &kek), ERR_TAMPERED);
    CHECK_OK(keyring_master(&k, 2, &kek));
    CHECK_ERR(keyring_master(&k, 4, &kek), ERR_TAMPERED);
    CHECK_ERR(keyring_retire(&k, 1), ERR_CONFLICT);
    CHECK_ERR(keyring_retire(&k, 4), ERR_CONFLICT);
    CHECK_OK(keyring_retire(&k, 3));
    CHECK_EQ(keyring_current(&k).version, 3);
    CHECK_EQ(copy.count, 3);
    while (k.count < KEYRING_MASTERS_MAX)
        CHECK_OK(keyring_rotate(&k));
    CHECK_ERR(keyring_rotate(&k), ERR_LIMIT);
    CHECK_EQ(keyring_current(&k).version, KEYRING_MASTERS_MAX + 2);
}

static void flip_and_cut(const struct keyring_root *with, struct buf *blob)
{
    for (size_t bit = 0; bit < blob->len * 8; bit++) {
        blob->ptr[bit / 8] = (char)(blob->ptr[bit / 8] ^ (1 << bit % 8));
        CHECK_ERR(opens(with, INSTANCE, buf_str(blob)), ERR_TAMPERED);
        blob->ptr[bit / 8] = (char)(blob->ptr[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < blob->len; len++)
        CHECK_ERR(opens(with, INSTANCE, str_slice(buf_str(blob), 0, len)), ERR_TAMPERED);
    CHECK_OK(buf_put_byte(blob, 0));
    CHECK_ERR(opens(with, INSTANCE, buf_str(blob)), ERR_TAMPERED);
}

static void test_blob_for_one_root(void)
{
    AUTO(buf) struct buf blob = buf_make(4096);
    const struct keyring_root only[KEYRING_ROOTS_MAX] = {roots[0]};
    const struct keyring_root second[KEYRING_ROOTS_MAX] = {roots[1]};
    CHECK_OK(keyring_seal(&ring, INSTANCE, only, &blob));
    CHECK_ERR(opens(only, INSTANCE, buf_str(&blob)), OK);
    CHECK_ERR(opens(roots, INSTANCE, buf_str(&blob)), OK);
    CHECK_ERR(opens(second, INSTANCE, buf_str(&blob)), ERR_TAMPERED);
    CHECK_ERR(opens(other_roots, INSTANCE, buf_str(&blob)), ERR_TAMPERED);
    CHECK_ERR(opens(only, STR("01JDF0000000000000000000A1"), buf_str(&blob)), ERR_TAMPERED);
    flip_and_cut(only, &blob);
}

static void test_blob_for_two_roots(void)
{
    AUTO(buf) struct buf blob = buf_make(4096);
    const struct keyring_root first[KEYRING_ROOTS_MAX] = {roots[0]};
    const struct keyring_root second[KEYRING_ROOTS_MAX] = {[1] = roots[1]};
    CHECK_OK(keyring_seal(&ring, INSTANCE, roots, &blob));
    CHECK_ERR(opens(first, INSTANCE, buf_str(&blob)), OK);
    CHECK_ERR(opens(second, INSTANCE, buf_str(&blob)), OK);
    CHECK_ERR(opens(other_roots, INSTANCE, buf_str(&blob)), ERR_TAMPERED);
    flip_and_cut(second, &blob);
}

/* Neither wrap can be taken out of one blob and put into another. */
static void test_wraps_belong_to_their_body(void)
{
    AUTO(buf) struct buf a = buf_make(4096), b = buf_make(4096), mixed = buf_make(4096);
    size_t head = KEYRING_AT_WRAPS + 2 * KEYRING_WRAP_BYTES;
    CHECK_OK(keyring_seal(&ring, INSTANCE, roots, &a));
    CHECK_OK(keyring_seal(&ring, INSTANCE, roots, &b));
    CHECK_OK(buf_put(&mixed, str_slice(buf_str(&a), 0, head)));
    CHECK_OK(buf_put(&mixed, str_slice(buf_str(&b), head, b.len)));
    CHECK_ERR(opens(roots, INSTANCE, buf_str(&mixed)), ERR_TAMPERED);
}

static void test_largest_keyring_fits(void)
{
    AUTO(keyring) struct keyring k = {.count = 0}, back = {.count = 0};
    AUTO(buf) struct buf blob = buf_make(KEYRING_BLOB_MAX_BYTES);
    CHECK_OK(keyring_create(&k));
    while (k.count < KEYRING_MASTERS_MAX)
        CHECK_OK(keyring_rotate(&k));
    CHECK_OK(keyring_seal(&k, INSTANCE, roots, &blob));
    CHECK_EQ(blob.len, KEYRING_BLOB_MAX_BYTES);
    CHECK_OK(keyring_open(buf_str(&blob), INSTANCE, roots, &back));
    CHECK_EQ(back.count, KEYRING_MASTERS_MAX);
}

static void test_no_secret_is_left(void)
{
    keyring_auto(&ring);
    for (size_t i = 0; i < KEYRING_ROOTS_MAX; i++) {
        keyring_root_auto(&roots[i]);
        keyring_root_auto(&other_roots[i]);
    }
    CHECK_EQ(secret_arena_used(), 0);
}

int main(void)
{
    CHECK_OK(crypto_open());
    CHECK_OK(keyring_root_init(STR("root key A, 32 bytes, for tests."), &roots[0]));
    CHECK_OK(keyring_root_init(STR("root key B, 32 bytes, for tests."), &roots[1]));
    CHECK_OK(keyring_root_init(STR("root key C, 32 bytes, for tests."), &other_roots[0]));
    CHECK_OK(keyring_root_init(STR("root key D, 32 bytes, for tests."), &other_roots[1]));
    CHECK_OK(keyring_create(&ring));
    RUN(test_versions);
    RUN(test_blob_for_one_root);
    RUN(test_blob_for_two_roots);
    RUN(test_wraps_belong_to_their_body);
    RUN(test_largest_keyring_fits);
    RUN(test_no_secret_is_left);
    return test_done();
}
