/* The store: opening, reading, and writing in groups. Domain functions are in store_*.h; they take
 * a transaction and are written once, in SQL that SQLite and PostgreSQL both take. Any thread. */
#ifndef STORE_H
#define STORE_H

#include "arena.h"
#include "metric.h"
#include "ulid.h"

struct store;
struct store_tx; /* a transaction: for reading, or for one operation within a group */

struct store_options {
    const char *folder;     /* DIR/db; the database is folder/safelight.db */
    bool create;            /* init: ERR_CONFLICT when there is one already */
    unsigned fail_nth_call; /* fault injection: the n-th database call fails once; 0 never */
};
/* ERR_IN_USE: another server has it (lock file). ERR_NOT_FOUND: no database. ERR_CONFLICT: its
 * schema is newer than this program. Migrates an older schema in one transaction. */
enum err store_open(const struct store_options *options, struct store **ret) MUST_USE;
void store_close(struct store **s); /* waits for the writer */

/* --- reading: a snapshot; begin and end on one thread --- */
enum err store_read_begin(struct store *s, struct store_tx **ret) MUST_USE;
void store_read_end(struct store *s, struct store_tx **tx);

/* --- writing: what waits is committed together, with one fsync --- */

/* Runs on the writer thread inside a savepoint. An error undoes this operation alone. When the
 * group fails, an operation that failed by itself keeps its own error only if nothing in the group
 * had succeeded before it: what it saw may have been undone. It may run twice (when the group had
 * to be retried one by one), so it must not have effects of its own outside the transaction except
 * on its ctx. */
typedef enum err store_op(struct store_tx *tx, void *ctx);
/* Called on the writer thread after the commit (or its failure): only then may anybody be told. */
typedef void store_done(enum err result, void *ctx);

void store_write(struct store *s, store_op *op, store_done *done, void *ctx);
enum err store_write_wait(struct store *s, store_op *op,
                          void *ctx) MUST_USE; /* not on the writer thread */

/* Called after a commit that changed tokens, teams or secrets of anyone: caches drop what they
 * hold. The counters only grow. */
uint64_t store_auth_generation(const struct store *s);    /* tokens, teams, team settings */
uint64_t store_secrets_generation(const struct store *s); /* any secret of any team */
uint64_t store_uses_generation(const struct store *s);    /* when any of them was last used */

/* Audit records of a group are chained just before the commit. Set once, before the first write. */
typedef enum err store_chain(void *ctx, const uint8_t previous[32], const struct str *records,
                             size_t count, uint8_t (*ret_macs)[32]);
void store_set_chain(struct store *s, store_chain *chain, void *ctx);

/* Free space and health, for readyz and metrics. */
struct store_health {
    bool writable; /* the last commit worked */
    uint64_t commits, operations;
};
struct store_health store_health(struct store *s);

/* In a write transaction: one more in this cell of a counter, once this operation is committed. */
void store_count(struct store_tx *tx, enum metric m, size_t cell);

#endif
