#include "audit_tree.h"

#include "aead.h"
#include "encode.h"
#include "test.h"

enum { LEAVES = 70 };
static uint8_t leaves[LEAVES][HASH_BYTES];

/* RFC 6962, 2.1, as it is written there. */
static void slow_root(size_t begin, size_t end, uint8_t ret[static HASH_BYTES])
{
    struct hash_sha256_state s;
    uint8_t left[HASH_BYTES], right[HASH_BYTES];
    if (end - begin == 1) {
        memcpy(ret, leaves[begin], HASH_BYTES);
        return;
    }
    size_t half = 1;
    while (half * 2 < end - begin)
        half *= 2;
    slow_root(begin, begin + half, left);
    slow_root(begin + half, end, right);
    hash_sha256_init(&s);
    hash_sha256_update(&s, str_bytes("\1", 1));
    hash_sha256_update(&s, str_bytes(left, sizeof left));
    hash_sha256_update(&s, str_bytes(right, sizeof right));
    hash_sha256_final(&s, ret);
}

static void test_the_root_of_nothing_is_the_hash_of_nothing(void)
{
    struct audit_tree t = {.size = 0};
    uint8_t root[HASH_BYTES];
    AUTO(buf) struct buf hex = buf_make(64);
    audit_tree_root(&t, root);
    CHECK_OK(encode_hex(&hex, str_bytes(root, sizeof root)));
    CHECK_STR(buf_str(&hex), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_each_size_has_the_root_of_the_rfc(void)
{
    struct audit_tree t = {.size = 0};
    uint8_t root[HASH_BYTES], want[HASH_BYTES];
    for (size_t i = 0; i < LEAVES; i++) {
        audit_tree_leaf(str_bytes(&i, sizeof i), leaves[0], leaves[i]);
        audit_tree_add(&t, leaves[i]);
        audit_tree_root(&t, root);
        slow_root(0, i + 1, want);
        CHECK_EQ(t.size, i + 1);
        CHECK(memcmp(root, want, sizeof root) == 0);
    }
}

static void test_a_leaf_is_of_both_record_and_mac(void)
{
    uint8_t mac[HASH_BYTES] = {1}, other[HASH_BYTES] = {2};
    uint8_t a[HASH_BYTES], b[HASH_BYTES], c[HASH_BYTES];
    audit_tree_leaf(STR("record"), mac, a);
    audit_tree_leaf(STR("record"), other, b);
    audit_tree_leaf(STR("recore"), mac, c);
    CHECK(memcmp(a, b, sizeof a) != 0 && memcmp(a, c, sizeof a) != 0);
}

int main(void)
{
    CHECK_OK(crypto_open());
    RUN(test_the_root_of_nothing_is_the_hash_of_nothing);
    RUN(test_each_size_has_the_root_of_the_rfc);
    RUN(test_a_leaf_is_of_both_record_and_mac);
    return test_done();
}
