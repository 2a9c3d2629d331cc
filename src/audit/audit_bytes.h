/* A record of the audit log as it is chained and hashed: canonical bytes, integers little-endian,
 * strings with a u32 length before them:
 *
 *     u8 format = 1 | u64 sequence | u64 time in ms | team id | event code | actor | address |
 *     request id | subject | name | u32 version | job id | field | host
 *
 * An event is written by its code, so that the order of audit.def means nothing and records of
 * later versions can be verified by older programs. Any thread. */
#ifndef AUDIT_BYTES_H
#define AUDIT_BYTES_H

#include "buf.h"

enum {
    AUDIT_BYTES_MAX = 64 * 1024, /* a JSON pointer can be long; nothing else is */
    AUDIT_BYTES_AT_SEQUENCE = 1,
};

struct audit_fields {
    int64_t sequence, at_ms;
    struct str team_id, event, actor, address, request_id, subject, name;
    uint32_t version;
    struct str job_id, field, host;
};

enum err audit_bytes_put(const struct audit_fields *f, struct buf *out) MUST_USE; /* appends */
/* The strs borrow from `bytes`. ERR_INVALID: it is no record. */
enum err audit_bytes_read(struct str bytes, struct audit_fields *ret) MUST_USE;

#endif
