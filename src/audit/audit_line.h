/* An exported record: one line of JSON with every field, the record's MAC and the hash of its leaf
 * in the tree. From the line the record's bytes are made again, so nothing in it can be changed
 * unnoticed. Control characters stand escaped: a line stays a line. Any thread. */
#ifndef AUDIT_LINE_H
#define AUDIT_LINE_H

#include "arena.h"
#include "audit_bytes.h"
#include "hash.h"

enum { AUDIT_LINE_MAX_BYTES = 8 * AUDIT_BYTES_MAX };

/* Both append a line with its line feed. */
enum err audit_line_put(const struct audit_fields *f, struct str record,
                        const uint8_t mac[static HASH_BYTES], struct buf *out) MUST_USE;
/* A record that cannot be read any more: its bytes as they stand. */
enum err audit_line_put_damaged(int64_t sequence, struct str record, struct str mac,
                                struct buf *out) MUST_USE;

struct audit_line {
    struct audit_fields fields;
    uint8_t mac[HASH_BYTES];
    uint8_t leaf[HASH_BYTES]; /* as the line says */
    uint8_t made[HASH_BYTES]; /* as its contents say */
};
/* In the arena. ERR_INVALID: it is no line of an export. ERR_TAMPERED: a damaged record; only
 * fields.sequence is there. */
enum err audit_line_read(struct str line, struct arena *a, struct audit_line *ret) MUST_USE;

#endif
