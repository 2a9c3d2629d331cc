/* The keys below the root: master key versions (the highest is current), the token-hash key and the
 * audit key. At rest they are one blob that opens with any root it was sealed for, one or, while a
 * root rotation is pending, two. Owner thread, in the vault process only. */
#ifndef VAULT_KEYRING_H
#define VAULT_KEYRING_H

#include "envelope.h"

enum {
    KEYRING_MASTERS_MAX = 32, /* rotations that were never finished by a retire */
    KEYRING_ROOTS_MAX = 2,
    KEYRING_ROOT_ID_BYTES = 16
};

/* The blob, docs/FORMAT-envelope.md. */
enum {
    KEYRING_AT_WRAPS = 8,
    KEYRING_WRAP_BYTES = KEYRING_ROOT_ID_BYTES + ENVELOPE_WRAPPED_KEY_BYTES,
    KEYRING_MASTER_BYTES = 4 + AEAD_KEY_BYTES,
    KEYRING_BODY_MIN_BYTES = 4 + KEYRING_MASTER_BYTES + 2 * AEAD_KEY_BYTES,
    KEYRING_BODY_MAX_BYTES = 4 + KEYRING_MASTERS_MAX * KEYRING_MASTER_BYTES + 2 * AEAD_KEY_BYTES,
    KEYRING_BLOB_MAX_BYTES = KEYRING_AT_WRAPS + KEYRING_ROOTS_MAX * KEYRING_WRAP_BYTES +
                             AEAD_OVERHEAD_BYTES + KEYRING_BODY_MAX_BYTES
};

struct keyring_master {
    uint32_t version;
    struct secret *key;
};

struct keyring {
    struct keyring_master masters[KEYRING_MASTERS_MAX]; /* by version; the last is current */
    size_t count;
    struct secret *token_key, *audit_key;
};

void keyring_auto(struct keyring *k);
enum err keyring_create(struct keyring *ret) MUST_USE; /* master version 1 and fresh keys */
enum err keyring_copy(const struct keyring *k, struct keyring *ret) MUST_USE;

struct envelope_kek keyring_current(const struct keyring *k);
/* ERR_TAMPERED: a record names a version that is not held. */
enum err keyring_master(const struct keyring *k, uint32_t version,
                        struct envelope_kek *ret) MUST_USE;

/* Adds the next version. ERR_LIMIT past KEYRING_MASTERS_MAX. */
enum err keyring_rotate(struct keyring *k) MUST_USE;
/* Drops the versions below `least`. ERR_CONFLICT unless `least` is held: the current one cannot be
 * dropped, and a wrong number drops nothing. */
enum err keyring_retire(struct keyring *k, uint32_t least) MUST_USE;

/* --- at rest: keyring_blob.c --- */

struct keyring_root {
    struct secret *key; /* NULL: none */
    uint8_t id[KEYRING_ROOT_ID_BYTES];
};

void keyring_root_auto(struct keyring_root *r);
/* ERR_INVALID unless bytes is AEAD_KEY_BYTES long. */
enum err keyring_root_init(struct str bytes, struct keyring_root *ret) MUST_USE;

/* Seals for every root that has a key. Appends. */
enum err keyring_seal(const struct keyring *k, struct str instance_id,
                      const struct keyring_root roots[static KEYRING_ROOTS_MAX],
                      struct buf *out) MUST_USE;
/* Tries the roots in order. ERR_TAMPERED: none opens it, or it was edited or is another
 * instance's. */
enum err keyring_open(struct str blob, struct str instance_id,
                      const struct keyring_root roots[static KEYRING_ROOTS_MAX],
                      struct keyring *ret) MUST_USE;

#endif
