#include "audit_tree.h"

static void node(const uint8_t left[static HASH_BYTES], const uint8_t right[static HASH_BYTES],
                 uint8_t ret[static HASH_BYTES])
{
    struct hash_sha256_state s;
    hash_sha256_init(&s);
    hash_sha256_update(&s, str_bytes("\1", 1));
    hash_sha256_update(&s, str_bytes(left, HASH_BYTES));
    hash_sha256_update(&s, str_bytes(right, HASH_BYTES));
    hash_sha256_final(&s, ret);
}

void audit_tree_leaf(struct str record, const uint8_t mac[static HASH_BYTES],
                     uint8_t ret[static HASH_BYTES])
{
    struct hash_sha256_state s;
    hash_sha256_init(&s);
    hash_sha256_update(&s, str_bytes("\0", 1));
    hash_sha256_update(&s, record);
    hash_sha256_update(&s, str_bytes(mac, HASH_BYTES));
    hash_sha256_final(&s, ret);
}

static unsigned count_roots(uint64_t size)
{
    unsigned count = 0;
    for (; size; size &= size - 1)
        count++;
    return count;
}

void audit_tree_add(struct audit_tree *t, const uint8_t leaf[static HASH_BYTES])
{
    uint8_t sum[HASH_BYTES];
    unsigned count = count_roots(t->size);
    memcpy(sum, leaf, sizeof sum);
    for (uint64_t carry = t->size; carry & 1; carry >>= 1)
        node(t->roots[--count], sum, sum);
    memcpy(t->roots[count], sum, sizeof sum);
    t->size++;
}

void audit_tree_root(const struct audit_tree *t, uint8_t ret[static HASH_BYTES])
{
    uint8_t sum[HASH_BYTES];
    unsigned count = count_roots(t->size);
    if (count == 0) {
        hash_sha256(STR_EMPTY, ret);
        return;
    }
    memcpy(sum, t->roots[--count], sizeof sum);
    while (count > 0)
        node(t->roots[--count], sum, sum);
    memcpy(ret, sum, sizeof sum);
}
