/* A whole backup, from its first record to its last, handed to whoever keeps or checks it. Owner
 * thread. */
#ifndef BACKUP_READ_H
#define BACKUP_READ_H

#include "backup_in.h"
#include "backup_rows.h"

/* What comes out of it, in this order. An error of theirs ends the reading. `begin` may be called
 * for a backup that turns out to be cut: nothing counts before backup_read() has returned OK. */
struct backup_target {
    enum err (*begin)(void *ctx, const struct backup_begin *b);
    enum err (*table)(void *ctx, const struct store_table *t);
    enum err (*row)(void *ctx, const struct store_value *values, size_t count);
    enum err (*rows_end)(void *ctx);
    enum err (*file)(void *ctx, const struct backup_file *f);
    enum err (*data)(void *ctx, struct str bytes);
    enum err (*file_end)(void *ctx);
    void *ctx;
};
struct backup_read {
    uint64_t tables, rows, files;
    uint8_t digest[HASH_BYTES], stamp[HASH_BYTES]; /* the vault says whether they fit */
};
/* ERR_TAMPERED: records out of order, of the wrong form, or cut off. */
enum err backup_read(struct backup_in *in, const struct backup_target *to,
                     struct backup_read *ret) MUST_USE;

#endif
