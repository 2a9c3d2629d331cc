/* The Merkle tree of RFC 6962 over a log's records, kept as the roots of its whole subtrees: adding
 * a leaf and telling the root cost a few hashes. A leaf covers the record's bytes and its MAC: with
 * the MAC in it a leaf's hash says nothing of what the record holds. Owner thread. */
#ifndef AUDIT_TREE_H
#define AUDIT_TREE_H

#include "hash.h"

struct audit_tree {
    uint64_t size;
    uint8_t roots[64][HASH_BYTES]; /* one for each bit that is set in size, the largest first */
};

/* SHA-256(0x00 || record || mac) */
void audit_tree_leaf(struct str record, const uint8_t mac[static HASH_BYTES],
                     uint8_t ret[static HASH_BYTES]);
void audit_tree_add(struct audit_tree *t, const uint8_t leaf[static HASH_BYTES]);
void audit_tree_root(const struct audit_tree *t, uint8_t ret[static HASH_BYTES]);

#endif
