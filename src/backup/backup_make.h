/* Makes a backup of a store that goes on working: one snapshot of its rows, then the files of the
 * spool. Blocks until it is done; one thread of the caller's. */
#ifndef BACKUP_MAKE_H
#define BACKUP_MAKE_H

#include "backup_out.h"
#include "store.h"
#include "vault.h"

struct backup_make {
    struct store *store;
    struct vault *vault;
    const char *spool_folder; /* NULL: without the spool */
    backup_sink *sink;
    void *sink_ctx;
    /* At the end, before the last piece: the audit record. An error of it makes the backup none. */
    enum err (*record)(void *ctx, const struct backup_make *m);
    void *record_ctx;
    /* out */
    uint64_t ret_rows, ret_files, ret_bytes;
    char ret_key_id[2 * RECOVERY_ID_BYTES + 1]; /* hex */
};
/* ERR_NO_RECOVERY_KEY; ERR_AGAIN: keys were rotated all the while; what the sink returns; errors of
 * store and vault. What was written until an error is no backup: its end is missing. */
enum err backup_make(struct backup_make *m) MUST_USE;

/* How much of a spool goes along, as it is now; NULL: nothing. */
uint64_t backup_make_spool_bytes(const char *folder);

#endif
