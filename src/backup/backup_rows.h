/* The bodies of a backup's records. Encoders replace out's contents; what decoders return borrows
 * from the body. ERR_TAMPERED: it is no such body. Any thread. */
#ifndef BACKUP_ROWS_H
#define BACKUP_ROWS_H

#include "backup_format.h"
#include "store_copy.h"

enum err backup_begin_encode(const struct backup_begin *b, struct buf *out) MUST_USE;
enum err backup_begin_decode(struct str body, struct backup_begin *ret) MUST_USE;

enum err backup_table_encode(const struct store_table *t, struct buf *out) MUST_USE;
/* columns: room for BACKUP_COLUMNS_MAX; ret->columns is that. */
enum err backup_table_decode(struct str body, struct str *columns,
                             struct store_table *ret) MUST_USE;

enum err backup_row_encode(const struct store_value *values, size_t count,
                           struct buf *out) MUST_USE;
/* Exactly `count` values. */
enum err backup_row_decode(struct str body, struct store_value *values, size_t count) MUST_USE;

struct backup_file {
    struct str name; /* a plain name: letters, digits, '.', '-', '_', none of a hidden file */
    uint64_t size_bytes;
};
bool backup_file_name_valid(struct str name);
enum err backup_file_encode(const struct backup_file *f, struct buf *out) MUST_USE;
enum err backup_file_decode(struct str body, struct backup_file *ret) MUST_USE;

#endif
