/* What the store's own files share: the transaction as they see it, and small helpers for rows.
 * Not for other layers. */
#ifndef STORE_INNER_H
#define STORE_INNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "db.h"
#include "db_fault.h"
#include "store.h"

/* What an operation changed: decides which generation counters move after the commit. */
enum {
    TOUCHED_AUTH = 1,
    TOUCHED_SECRETS = 2,
    TOUCHED_WIPE = 4, /* something was deleted whose old page images must go */
    TOUCHED_USES = 8, /* when a secret was last used */
};

struct store_tx {
    struct db *db;
    struct audit_pending *audit; /* NULL when reading */
    unsigned touched;
    struct store_tx *next; /* in the pool of readers */
};

/* Records of a group that wait to be chained, in order. */
struct audit_pending {
    struct audit_entry {
        struct str team_id;
        char *record; /* the sequence is still missing in it */
        size_t record_len;
        int64_t at_ms;
    } *list;
    size_t count, capacity;
    struct count_entry {
        enum metric metric;
        size_t cell;
    } *counts; /* likewise: what is counted when the group is committed */
    size_t counts_count, counts_capacity;
    struct arena arena;
};
/* Gives the pending records their sequence and MAC and inserts them. */
enum err store_audit_chain(struct store_tx *tx, store_chain *chain, void *ctx) MUST_USE;

struct request;
struct store {
    char *folder, *path;
    int lock_fd;
    struct db_fault fault;
    bool faulty;
    atomic_uint_fast64_t auth_generation, secrets_generation, uses_generation;

    /* store_write.c */
    pthread_t thread;
    bool thread_runs;
    pthread_mutex_t lock; /* the queue, and the chain hook */
    pthread_cond_t wake;
    struct request *first, **last;
    bool stopping;
    store_chain *chain;
    void *chain_ctx;
    struct db *writer; /* of the writer thread from here on */
    bool wipe_due;     /* deleted bytes are still in the log */
    unsigned wipe_groups;
    int64_t wipe_not_before_ms, wipe_pause_ms; /* a reader was in the way; monotonic */
    bool compact_due; /* deleted bytes may stand in unused space of the database */
    int64_t compact_not_before_ms, compact_pause_ms;
    atomic_bool writable;
    atomic_uint_fast64_t commits, operations;

    /* store_read.c */
    pthread_mutex_t read_lock;
    pthread_cond_t read_change;
    struct store_tx *spare;
    unsigned spare_count, reading;
    bool paused;
};

enum err store_open_connection(struct store *s, bool writer, struct db **ret) MUST_USE;
enum err store_writer_start(struct store *s) MUST_USE;
void store_writer_stop(struct store *s);
/* What was deleted leaves the log and the unused space of the database. On the writer's thread. */
void store_wipe_soon(struct store *s);
void store_readers_close(struct store *s);
/* Lets no new reader in and waits for those inside, but not for long. False: some stayed. */
bool store_readers_pause(struct store *s);
void store_readers_resume(struct store *s);

/* For functions that change something. */
#define ASSERT_WRITING(tx) ASSERT((tx)->audit != NULL)

/* The next column as what it must be. ERR_TAMPERED when somebody edited it. */
enum err store_column_ulid(struct db_stmt *q, struct ulid *ret) MUST_USE;
enum err store_column_32(struct db_stmt *q, uint8_t ret[static 32]) MUST_USE;
struct str store_column_str(struct db_stmt *q, struct arena *a);

/* `list` with room for one more at [count]; doubles within the arena. */
void *store_list_grow(struct arena *a, void *list, size_t count, size_t *capacity, size_t size);

/* Steps q to its end; each row is read into a struct of `size` bytes in the arena. */
typedef enum err store_read_row(struct db_stmt *q, struct arena *a, void *ret_row);
struct store_rows {
    void *list;
    size_t count;
};
enum err store_rows_read(struct db_stmt *q, struct arena *a, size_t size, store_read_row *read,
                         struct store_rows *ret) MUST_USE;

#endif
