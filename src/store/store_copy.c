#include "store_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "io.h"
#include "store_inner.h"
#include "store_schema.h"

/* The schema's version travels as a number; the others are good for a moment only. */
static const char *const left_out[] = {"schema_version", "tickets", "transfers",
                                       "console_sessions"};

static bool is_left_out(struct str table)
{
    for (size_t i = 0; i < ARRAY_LEN(left_out); i++) {
        if (str_is(table, left_out[i]))
            return true;
    }
    return false;
}

_Static_assert((int)STORE_NULL == DB_NULL && (int)STORE_INT == DB_INT &&
                   (int)STORE_TEXT == DB_TEXT && (int)STORE_BLOB == DB_BLOB,
               "the same kinds of value");

/* --- out --- */

static enum err copy_rows(struct db_stmt *q, size_t count, struct store_value *values,
                          const struct store_copy_sink *to)
{
    for (bool row;;) {
        TRY(db_step(q, &row));
        if (!row)
            return OK;
        for (size_t i = 0; i < count; i++) {
            enum db_type type;
            TRY(db_column_type(q, &type));
            values[i] = (struct store_value){.type = (enum store_type)type, .bytes = STR_EMPTY};
            if (type == DB_INT)
                values[i].number = db_column_int(q);
            else
                values[i].bytes = db_column_bytes(q);
        }
        TRY(to->row(to->ctx, values, count));
    }
}

static enum err copy_table(struct store_tx *tx, struct str name, const struct store_copy_sink *to)
{
    AUTO(arena) struct arena a = arena_make();
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare_all(tx->db, name, &q));
    size_t count = db_column_count(q);
    struct str *columns = arena_array(&a, count, sizeof *columns);
    for (size_t i = 0; i < count; i++)
        columns[i] = db_column_name(q, i);
    const struct store_table t = {name, columns, count};
    TRY(to->table(to->ctx, &t));
    return copy_rows(q, count, arena_array(&a, count, sizeof(struct store_value)), to);
}

static enum err read_name(struct db_stmt *q, struct arena *a, void *ret_row)
{
    *(struct str *)ret_row = store_column_str(q, a);
    return OK;
}

/* In the order in which they were made: whom a row refers to comes before it. */
static enum err table_names(struct store_tx *tx, struct arena *a, struct store_rows *ret)
{
    static const char sql[] = "SELECT name FROM sqlite_master WHERE type = 'table'"
                              " AND name NOT LIKE 'sqlite%' ORDER BY rowid";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    return store_rows_read(q, a, sizeof(struct str), read_name, ret);
}

enum err store_copy_out(struct store_tx *tx, const struct store_copy_sink *to)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_rows names;
    TRY(table_names(tx, &a, &names));
    for (size_t i = 0; i < names.count; i++) {
        struct str name = ((const struct str *)names.list)[i];
        if (!is_left_out(name))
            TRY(copy_table(tx, name, to));
    }
    return OK;
}

enum err store_copy_schema(struct store_tx *tx, uint32_t *ret_version)
{
    int64_t version;
    TRY(store_schema_version(tx->db, &version));
    *ret_version = (uint32_t)version;
    return OK;
}

enum err store_copy_size(struct store_tx *tx, uint64_t *ret_bytes)
{
    static const char sql[] = "SELECT page_count * page_size FROM pragma_page_count(),"
                              " pragma_page_size()";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    TRY(db_row(q));
    *ret_bytes = (uint64_t)db_column_int(q);
    return OK;
}

/* --- in --- */

enum { ROWS_PER_COMMIT = 4096 }; /* what waits in the log stays small */

struct store_copy_in {
    char *path;
    struct db *db;
    struct db_stmt *insert; /* into the table whose rows come; NULL: none yet */
    size_t columns, uncommitted;
};

static enum err make_file(const char *path)
{
    AUTO(fd) int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return errno == ENOSPC ? ERR_STORE_FULL : errno == EEXIST ? ERR_CONFLICT : ERR_IO;
    return OK;
}

enum err store_copy_in_open(const char *folder, uint32_t schema_version, struct store_copy_in **ret)
{
    AUTO(arena) struct arena a = arena_make();
    if (schema_version > store_schema_step_count)
        return ERR_CONFLICT;
    if (schema_version == 0)
        return ERR_TAMPERED;
    struct store_copy_in *in = xcalloc(1, sizeof *in);
    in->path = xstrdup(arena_printf(&a, "%s/safelight.db", folder).ptr);
    struct db_options options = {.path = in->path, .writer = true};
    enum err e = make_file(in->path);
    if (e == OK)
        e = db_open(&options, &in->db);
    if (e == OK)
        e = store_schema_migrate(in->db, store_schema_steps, schema_version);
    if (e == OK)
        e = db_begin(in->db);
    if (e != OK) {
        store_copy_in_close(&in);
        return e;
    }
    *ret = in;
    return OK;
}

/* What the schema refuses, a program of ours did not write. */
static enum err refused(enum err e)
{
    return e == ERR_CONFLICT || e == ERR_NOT_FOUND || e == ERR_INTERNAL ? ERR_TAMPERED : e;
}

enum err store_copy_in_table(struct store_copy_in *in, const struct store_table *t)
{
    db_done(&in->insert);
    if (is_left_out(t->name) || str_starts(t->name, STR("sqlite")))
        return ERR_TAMPERED;
    in->columns = t->column_count;
    return refused(db_prepare_insert(in->db, t->name, t->columns, t->column_count, &in->insert));
}

static enum err commit(struct store_copy_in *in)
{
    in->uncommitted = 0;
    TRY(refused(db_commit(in->db)));
    return db_checkpoint(in->db, false);
}

enum err store_copy_in_row(struct store_copy_in *in, const struct store_value *values, size_t count)
{
    if (!in->insert || count != in->columns)
        return ERR_TAMPERED;
    db_again(in->insert);
    for (size_t i = 0; i < count; i++) {
        if (values[i].type == STORE_INT)
            db_bind_int(in->insert, values[i].number);
        else if (values[i].type == STORE_TEXT)
            db_bind_text(in->insert, values[i].bytes);
        else if (values[i].type == STORE_BLOB)
            db_bind_blob(in->insert, values[i].bytes);
        else
            db_bind_null(in->insert);
    }
    TRY(refused(db_run(in->insert)));
    db_again(in->insert);
    if (++in->uncommitted < ROWS_PER_COMMIT)
        return OK;
    TRY(commit(in));
    return db_begin(in->db);
}

enum err store_copy_in_end(struct store_copy_in *in)
{
    db_done(&in->insert);
    TRY(commit(in));
    return db_checkpoint(in->db, true);
}

void store_copy_in_close(struct store_copy_in **handle)
{
    struct store_copy_in *in = TAKE(*handle);
    if (!in)
        return;
    db_done(&in->insert);
    if (in->db)
        db_rollback(in->db);
    db_close(&in->db);
    free(in->path);
    free(in);
}
