/* The whole store as rows, and back: for backups. What is of the moment is left out: one-time
 * addresses, sessions of browsers. */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "store.h"

struct store_table {
    struct str name;
    const struct str *columns;
    size_t column_count;
};
enum store_type { STORE_NULL, STORE_INT, STORE_TEXT, STORE_BLOB };
struct store_value {
    enum store_type type;
    int64_t number;   /* STORE_INT */
    struct str bytes; /* STORE_TEXT, STORE_BLOB */
};

/* --- out: everything in the transaction's snapshot, parents before children --- */
struct store_copy_sink {
    enum err (*table)(void *ctx, const struct store_table *t);
    enum err (*row)(void *ctx, const struct store_value *values, size_t count);
    void *ctx;
};
enum err store_copy_out(struct store_tx *tx, const struct store_copy_sink *to) MUST_USE;
enum err store_copy_schema(struct store_tx *tx, uint32_t *ret_version) MUST_USE;
enum err store_copy_size(struct store_tx *tx, uint64_t *ret_bytes) MUST_USE; /* about */

/* --- in: a new database in `folder`, which has none --- */
struct store_copy_in;
/* ERR_CONFLICT: a schema that is newer than this program; ERR_TAMPERED: none that ever was. */
enum err store_copy_in_open(const char *folder, uint32_t schema_version,
                            struct store_copy_in **ret) MUST_USE;
/* ERR_TAMPERED, here and below: it does not fit the schema. */
enum err store_copy_in_table(struct store_copy_in *in, const struct store_table *t) MUST_USE;
enum err store_copy_in_row(struct store_copy_in *in, const struct store_value *values,
                           size_t count) MUST_USE;
/* Commits. The store then opens with store_open(), which migrates it. */
enum err store_copy_in_end(struct store_copy_in *in) MUST_USE;
void store_copy_in_close(struct store_copy_in **in);

#endif
