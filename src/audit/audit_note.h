/* Signed checkpoints of an audit log, as C2SP writes them (signed-note, tlog-checkpoint):
 *
 *     safelight/audit/<installation>/<team>      the origin, which is also the key's name
 *     <number of records>
 *     <root of the tree over them, base64>
 *     mac <MAC of the last of them, hex>
 *
 *     — <origin> <base64 of: key id (4 bytes), Ed25519 signature (64)>
 *
 * What is signed is everything before the empty line. Names in it are ids: letters and digits, so
 * no name that a person chose can add a line. Any thread. */
#ifndef AUDIT_NOTE_H
#define AUDIT_NOTE_H

#include "buf.h"
#include "hash.h"
#include "sign.h"

enum {
    AUDIT_ORIGIN_MAX_BYTES = 256,
    AUDIT_NOTE_MAX_BYTES = 4096, /* ours have about 500 bytes; others may have signed beside us */
    AUDIT_KEY_MAX_BYTES = AUDIT_ORIGIN_MAX_BYTES + 64,
};

struct audit_checkpoint {
    uint64_t size;            /* records */
    uint8_t root[HASH_BYTES]; /* audit_tree.h */
    uint8_t head[HASH_BYTES]; /* MAC of the last record; zero: there is none */
};

/* A public key as people keep it: "<origin>+<key id, hex>+<base64 of 0x01 and the key>". */
struct audit_key {
    char origin[AUDIT_ORIGIN_MAX_BYTES + 1];
    uint8_t id[4];
    uint8_t public_key[SIGN_PUBLIC_BYTES];
};

/* All append. ERR_INVALID: an id is not made of A-Z a-z 0-9 alone, or too long. */
enum err audit_note_origin(struct str instance_id, struct str team_id, struct buf *out) MUST_USE;
enum err audit_note_sign(struct str origin, const struct audit_checkpoint *c,
                         const uint8_t seed[static SIGN_SEED_BYTES], struct buf *out) MUST_USE;
enum err audit_note_key(struct str origin, const uint8_t public_key[static SIGN_PUBLIC_BYTES],
                        struct buf *out) MUST_USE;

/* ERR_INVALID: it is no such key. */
enum err audit_key_read(struct str text, struct audit_key *ret) MUST_USE;
/* ERR_INVALID: it is no checkpoint. ERR_NOT_FOUND: not of this key's log, or not signed by this
 * key. ERR_TAMPERED: the signature does not hold. */
enum err audit_note_open(struct str note, const struct audit_key *key,
                         struct audit_checkpoint *ret) MUST_USE;

#endif
