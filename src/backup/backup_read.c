#include "backup_read.h"

#include <stdlib.h>

#include "alloc.h"

/* Where in the order of records the reading is. */
enum place { AT_BEGIN, AT_TABLES, AT_FILES, AT_STAMP, AT_END };

struct reading {
    const struct backup_target *to;
    struct backup_read result;
    enum place place;
    size_t columns;     /* of the table whose rows come; 0: none yet */
    uint64_t file_left; /* bytes of the file that is under way */
    struct str names[BACKUP_COLUMNS_MAX];
    struct store_value values[BACKUP_COLUMNS_MAX];
};

static enum err on_begin(struct reading *r, struct str body)
{
    struct backup_begin b;
    TRY(backup_begin_decode(body, &b));
    r->place = AT_TABLES;
    return r->to->begin(r->to->ctx, &b);
}

static enum err on_table(struct reading *r, struct str body)
{
    struct store_table t;
    TRY(backup_table_decode(body, r->names, &t));
    r->columns = t.column_count;
    r->result.tables++;
    return r->to->table(r->to->ctx, &t);
}

static enum err on_row(struct reading *r, struct str body)
{
    if (r->columns == 0)
        return ERR_TAMPERED;
    TRY(backup_row_decode(body, r->values, r->columns));
    r->result.rows++;
    return r->to->row(r->to->ctx, r->values, r->columns);
}

static enum err on_rows_end(struct reading *r, struct str body)
{
    r->place = AT_FILES;
    return body.len ? ERR_TAMPERED : r->to->rows_end(r->to->ctx);
}

static enum err on_file(struct reading *r, struct str body)
{
    struct backup_file f;
    if (r->file_left)
        return ERR_TAMPERED;
    TRY(backup_file_decode(body, &f));
    r->file_left = f.size_bytes;
    r->result.files++;
    TRY(r->to->file(r->to->ctx, &f));
    return f.size_bytes ? OK : r->to->file_end(r->to->ctx);
}

static enum err on_data(struct reading *r, struct str body)
{
    if (body.len == 0 || body.len > r->file_left)
        return ERR_TAMPERED;
    r->file_left -= body.len;
    TRY(r->to->data(r->to->ctx, body));
    return r->file_left ? OK : r->to->file_end(r->to->ctx);
}

static enum err on_files_end(struct reading *r, struct str body)
{
    r->place = AT_STAMP;
    return body.len || r->file_left ? ERR_TAMPERED : OK;
}

static enum err on_stamp(struct reading *r, struct str body)
{
    if (body.len != sizeof r->result.stamp)
        return ERR_TAMPERED;
    memcpy(r->result.stamp, body.ptr, body.len);
    r->place = AT_END;
    return OK;
}

static const struct {
    enum place at;
    enum err (*take)(struct reading *r, struct str body);
} records[] = {
    [BACKUP_BEGIN] = {AT_BEGIN, on_begin},
    [BACKUP_TABLE] = {AT_TABLES, on_table},
    [BACKUP_ROW] = {AT_TABLES, on_row},
    [BACKUP_ROWS_END] = {AT_TABLES, on_rows_end},
    [BACKUP_FILE] = {AT_FILES, on_file},
    [BACKUP_DATA] = {AT_FILES, on_data},
    [BACKUP_FILES_END] = {AT_FILES, on_files_end},
    [BACKUP_STAMP] = {AT_STAMP, on_stamp},
};

static enum err read_all(struct backup_in *in, struct reading *r)
{
    for (;;) {
        enum backup_record type;
        struct str body;
        enum err e = backup_in_next(in, &type, &body);
        if (e == ERR_NOT_FOUND)
            return r->place == AT_END ? OK : ERR_TAMPERED;
        TRY(e);
        if (records[type].at != r->place)
            return ERR_TAMPERED;
        if (type == BACKUP_STAMP)
            backup_in_digest(in, r->result.digest);
        TRY(records[type].take(r, body));
    }
}

enum err backup_read(struct backup_in *in, const struct backup_target *to, struct backup_read *ret)
{
    struct reading *r = xcalloc(1, sizeof *r); /* some KiB: not on the stack */
    r->to = to;
    enum err e = read_all(in, r);
    if (e == OK)
        *ret = r->result;
    free(r);
    return e;
}
