/* A team's audit log from its first record to its last as it is now, a few records at a time, each
 * few in a snapshot of their own: MACs are made again by the vault, and the tree for a checkpoint
 * grows along. Blocks: deferred work only. */
#ifndef API_AUDIT_WALK_H
#define API_AUDIT_WALK_H

#include "api_audit.h"
#include "audit_bytes.h"
#include "audit_tree.h"

struct audit_walk {
    struct str team_id;
    struct audit_tree tree;   /* over the records that are good */
    uint8_t head[HASH_BYTES]; /* MAC of the last of them; zero: there is none */
    int64_t first_bad;        /* 0: all are good */
};

/* ERR_BUSY: too many walks go on, or one over this log. *ret is written when all records were
 * looked at, or at the first that is bad. */
enum err audit_walk(struct api *api, struct str team_id, struct audit_walk *ret) MUST_USE;

/* Does a row hold what its record says, and a MAC? Whether that fits is the vault's to say. */
bool audit_walk_whole(const struct audit_raw *row, struct str team_id, struct audit_fields *ret);

#endif
