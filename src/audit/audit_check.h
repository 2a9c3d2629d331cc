/* An exported log checked line by line without the server: nothing missing, twice, out of order or
 * changed, and, with a checkpoint, exactly the records that were signed. Owner thread. */
#ifndef AUDIT_CHECK_H
#define AUDIT_CHECK_H

#include "audit_note.h"
#include "audit_tree.h"

enum audit_fault {
    AUDIT_FAULT_NONE,
    AUDIT_FAULT_LINE,    /* what stands there is no record */
    AUDIT_FAULT_DAMAGED, /* the server could not read it any more */
    AUDIT_FAULT_MISSING, /* the record that should stand there does not */
    AUDIT_FAULT_ORDER,   /* one that stood there before, or should have */
    AUDIT_FAULT_OTHER,   /* of another team's log */
    AUDIT_FAULT_CHANGED, /* it is not what its hash says */
    AUDIT_FAULT_SIGNED,  /* the records up to here are not those that were signed */
    AUDIT_FAULT_CUT,     /* records that were signed are missing at the end */
};
const char *audit_fault_text(enum audit_fault f); /* the end of a sentence about a record */

struct audit_check {
    struct audit_tree tree;
    uint8_t head[HASH_BYTES];                  /* MAC of the last record */
    char team_id[AUDIT_ORIGIN_MAX_BYTES + 1];  /* empty: not known yet */
    const struct audit_checkpoint *checkpoint; /* NULL: none */
    enum audit_fault fault;
    int64_t bad; /* the first record that is not as it should be */
};

/* `key` says whose log it must be; both may be NULL. */
void audit_check_begin(struct audit_check *c, const struct audit_checkpoint *checkpoint,
                       const struct audit_key *key);
/* Without its line feed. False: a fault was found, and no more lines are looked at. */
bool audit_check_line(struct audit_check *c, struct str line);
/* After the last line. */
bool audit_check_end(struct audit_check *c);

#endif
