#include "backup_rows.h"

enum { FLAG_SPOOL = 1 };

/* Whatever is wrong with authentic bytes: they were not made by this program. */
static enum err tampered(enum err e)
{
    return e == OK ? OK : ERR_TAMPERED;
}

enum err backup_begin_encode(const struct backup_begin *b, struct buf *out)
{
    buf_reset(out);
    TRY(buf_put_u32(out, b->schema_version));
    TRY(buf_put_u64(out, (uint64_t)b->created_at_ms));
    TRY(buf_put_byte(out, b->with_spool ? FLAG_SPOOL : 0));
    TRY(buf_put_u64(out, b->database_bytes));
    TRY(buf_put_u64(out, b->spool_bytes));
    TRY(buf_put_lengthed(out, b->instance_id));
    TRY(buf_put_lengthed(out, b->program));
    return buf_put_lengthed(out, b->export);
}

static enum err read_begin(struct reader *r, struct backup_begin *b)
{
    uint64_t created_at_ms;
    uint8_t flags;
    TRY(reader_u32(r, &b->schema_version));
    TRY(reader_u64(r, &created_at_ms));
    TRY(reader_u8(r, &flags));
    TRY(reader_u64(r, &b->database_bytes));
    TRY(reader_u64(r, &b->spool_bytes));
    TRY(reader_lengthed(r, &b->instance_id));
    TRY(reader_lengthed(r, &b->program));
    TRY(reader_lengthed(r, &b->export));
    b->created_at_ms = (int64_t)created_at_ms;
    b->with_spool = flags & FLAG_SPOOL;
    return flags > FLAG_SPOOL ? ERR_TAMPERED : reader_end(r);
}

enum err backup_begin_decode(struct str body, struct backup_begin *ret)
{
    struct reader r = {body};
    struct backup_begin b;
    TRY(tampered(read_begin(&r, &b)));
    *ret = b;
    return OK;
}

enum err backup_table_encode(const struct store_table *t, struct buf *out)
{
    buf_reset(out);
    TRY(buf_put_lengthed(out, t->name));
    TRY(buf_put_u16(out, (uint16_t)t->column_count));
    for (size_t i = 0; i < t->column_count; i++)
        TRY(buf_put_lengthed(out, t->columns[i]));
    return OK;
}

enum err backup_table_decode(struct str body, struct str *columns, struct store_table *ret)
{
    struct reader r = {body};
    struct str name;
    uint16_t count;
    TRY(tampered(reader_lengthed(&r, &name)));
    TRY(tampered(reader_u16(&r, &count)));
    if (count == 0 || count > BACKUP_COLUMNS_MAX)
        return ERR_TAMPERED;
    for (size_t i = 0; i < count; i++)
        TRY(tampered(reader_lengthed(&r, &columns[i])));
    *ret = (struct store_table){name, columns, count};
    return tampered(reader_end(&r));
}

enum err backup_row_encode(const struct store_value *values, size_t count, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < count; i++) {
        TRY(buf_put_byte(out, (uint8_t)values[i].type));
        if (values[i].type == STORE_INT)
            TRY(buf_put_u64(out, (uint64_t)values[i].number));
        else if (values[i].type != STORE_NULL)
            TRY(buf_put_lengthed(out, values[i].bytes));
    }
    return OK;
}

static enum err read_value(struct reader *r, struct store_value *ret)
{
    uint8_t type;
    uint64_t number = 0;
    struct str bytes = STR_EMPTY;
    TRY(reader_u8(r, &type));
    if (type > STORE_BLOB)
        return ERR_TAMPERED;
    if (type == STORE_INT)
        TRY(reader_u64(r, &number));
    else if (type != STORE_NULL)
        TRY(reader_lengthed(r, &bytes));
    *ret = (struct store_value){(enum store_type)type, (int64_t)number, bytes};
    return OK;
}

enum err backup_row_decode(struct str body, struct store_value *values, size_t count)
{
    struct reader r = {body};
    for (size_t i = 0; i < count; i++)
        TRY(tampered(read_value(&r, &values[i])));
    return tampered(reader_end(&r));
}

bool backup_file_name_valid(struct str name)
{
    if (name.len == 0 || name.len > BACKUP_FILE_NAME_MAX_BYTES || name.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!plain && c != '.' && c != '-' && c != '_')
            return false;
    }
    return true;
}

enum err backup_file_encode(const struct backup_file *f, struct buf *out)
{
    buf_reset(out);
    TRY(buf_put_lengthed(out, f->name));
    return buf_put_u64(out, f->size_bytes);
}

enum err backup_file_decode(struct str body, struct backup_file *ret)
{
    struct reader r = {body};
    struct backup_file f;
    TRY(tampered(reader_lengthed(&r, &f.name)));
    TRY(tampered(reader_u64(&r, &f.size_bytes)));
    TRY(tampered(reader_end(&r)));
    if (!backup_file_name_valid(f.name))
        return ERR_TAMPERED;
    *ret = f;
    return OK;
}
