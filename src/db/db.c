#include "db.h"

#include <stdlib.h>

#include "alloc.h"
#include "db_driver.h"

enum { CACHE_FIRST_SLOTS = 64 };

struct db_stmt {
    struct db *db;
    const char *sql;
    void *handle;
    enum err bind_error;
    int bound, column;
    bool busy, cached;
};

struct db {
    const struct db_driver *driver;
    void *connection;
    struct db_stmt **slots; /* open addressing, by the address of the SQL */
    size_t slot_count, used;
};

enum err db_open(const struct db_options *options, struct db **ret)
{
    const struct db_driver *driver = options->fault ? &db_fault_driver : &db_sqlite_driver;
    void *connection;
    TRY(driver->open(options, &connection));
    struct db *db = xcalloc(1, sizeof *db);
    db->driver = driver;
    db->connection = connection;
    db->slot_count = CACHE_FIRST_SLOTS;
    db->slots = xcalloc(db->slot_count, sizeof(struct db_stmt *));
    *ret = db;
    return OK;
}

void db_close(struct db **handle)
{
    struct db *db = *handle;
    if (!db)
        return;
    for (size_t i = 0; i < db->slot_count; i++) {
        if (db->slots[i]) {
            ASSERT(!db->slots[i]->busy);
            db->driver->finalize(db->slots[i]->handle);
            free(db->slots[i]);
        }
    }
    free(db->slots);
    db->driver->close(db->connection);
    free(db);
    *handle = NULL;
}

void db_autop(struct db **db)
{
    db_close(db);
}

enum err db_begin(struct db *db)
{
    return db->driver->control(db->connection, DB_BEGIN);
}

enum err db_commit(struct db *db)
{
    return db->driver->control(db->connection, DB_COMMIT);
}

void db_rollback(struct db *db)
{
    /* A failure marks the connection suspect; closing it then ends the transaction. */
    if (db->driver->in_transaction(db->connection))
        (void)!db->driver->control(db->connection, DB_ROLLBACK);
}

enum err db_savepoint(struct db *db)
{
    return db->driver->control(db->connection, DB_SAVEPOINT);
}

enum err db_release(struct db *db)
{
    return db->driver->control(db->connection, DB_RELEASE);
}

enum err db_rollback_to(struct db *db)
{
    return db->driver->control(db->connection, DB_ROLLBACK_TO);
}

bool db_in_transaction(struct db *db)
{
    return db->driver->in_transaction(db->connection);
}

bool db_suspect(struct db *db)
{
    return db->driver->suspect(db->connection);
}

static size_t slot_of(struct db_stmt *const *slots, size_t count, const char *sql)
{
    size_t i = (size_t)(((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (count - 1);
    while (slots[i] && slots[i]->sql != sql)
        i = (i + 1) & (count - 1);
    return i;
}

static void grow(struct db *db)
{
    size_t count = db->slot_count * 2;
    struct db_stmt **slots = xcalloc(count, sizeof(struct db_stmt *));
    for (size_t i = 0; i < db->slot_count; i++) {
        if (db->slots[i])
            slots[slot_of(slots, count, db->slots[i]->sql)] = db->slots[i];
    }
    free(db->slots);
    db->slots = slots;
    db->slot_count = count;
}

enum err db_prepare(struct db *db, const char *sql, struct db_stmt **ret)
{
    size_t i = slot_of(db->slots, db->slot_count, sql);
    struct db_stmt *q = db->slots[i];
    if (!q || q->busy) {
        void *handle;
        TRY(db->driver->prepare(db->connection, sql, &handle));
        /* One that is in use further up the stack gets a twin, which is not kept. */
        bool cached = !q;
        q = xcalloc(1, sizeof *q);
        *q = (struct db_stmt){.db = db, .sql = sql, .handle = handle, .cached = cached};
        if (cached) {
            db->slots[i] = q;
            if (++db->used * 2 > db->slot_count)
                grow(db);
        }
    }
    q->busy = true;
    q->bound = q->column = 0;
    q->bind_error = OK;
    *ret = q;
    return OK;
}

static struct db_stmt *uncached(struct db *db, void *handle)
{
    struct db_stmt *q = xcalloc(1, sizeof *q);
    *q = (struct db_stmt){.db = db, .handle = handle, .busy = true};
    return q;
}

enum err db_prepare_all(struct db *db, struct str table, struct db_stmt **ret)
{
    void *handle;
    TRY(db->driver->prepare_all(db->connection, table, &handle));
    *ret = uncached(db, handle);
    return OK;
}

enum err db_prepare_insert(struct db *db, struct str table, const struct str *columns, size_t count,
                           struct db_stmt **ret)
{
    void *handle;
    TRY(db->driver->prepare_insert(db->connection, table, columns, count, &handle));
    *ret = uncached(db, handle);
    return OK;
}

void db_again(struct db_stmt *q)
{
    q->db->driver->reset(q->handle);
    q->bound = q->column = 0;
    q->bind_error = OK;
}

size_t db_column_count(struct db_stmt *q)
{
    return q->db->driver->column_count(q->handle);
}

struct str db_column_name(struct db_stmt *q, size_t column)
{
    return q->db->driver->column_name(q->handle, (int)column);
}

enum err db_column_type(struct db_stmt *q, enum db_type *ret)
{
    return q->db->driver->column_type(q->handle, q->column, ret);
}

void db_done(struct db_stmt **handle)
{
    struct db_stmt *q = *handle;
    if (!q)
        return;
    *handle = NULL;
    q->busy = false;
    if (q->cached) {
        q->db->driver->reset(q->handle);
        return;
    }
    q->db->driver->finalize(q->handle);
    free(q);
}

void db_stmt_autop(struct db_stmt **q)
{
    db_done(q);
}

static void bound(struct db_stmt *q, enum err e)
{
    if (q->bind_error == OK)
        q->bind_error = e;
}

void db_bind_int(struct db_stmt *q, int64_t value)
{
    bound(q, q->db->driver->bind_int(q->handle, ++q->bound, value));
}

/* An empty str may have no address; NULL would become SQL's NULL. */
static struct str addressed(struct str s)
{
    return s.ptr ? s : STR_EMPTY;
}

void db_bind_text(struct db_stmt *q, struct str text)
{
    bound(q, q->db->driver->bind_text(q->handle, ++q->bound, addressed(text)));
}

void db_bind_blob(struct db_stmt *q, struct str bytes)
{
    bound(q, q->db->driver->bind_blob(q->handle, ++q->bound, addressed(bytes)));
}

void db_bind_null(struct db_stmt *q)
{
    bound(q, q->db->driver->bind_null(q->handle, ++q->bound));
}

enum err db_step(struct db_stmt *q, bool *ret_row)
{
    TRY(q->bind_error);
    q->column = 0;
    return q->db->driver->step(q->handle, ret_row);
}

enum err db_row(struct db_stmt *q)
{
    bool row;
    TRY(db_step(q, &row));
    return row ? OK : ERR_NOT_FOUND;
}

enum err db_run(struct db_stmt *q)
{
    bool row;
    TRY(db_step(q, &row));
    ASSERT(!row);
    return OK;
}

enum err db_run_counted(struct db_stmt *q, int64_t *ret_changed)
{
    TRY(db_run(q));
    *ret_changed = q->db->driver->changes(q->db->connection);
    return OK;
}

enum err db_run_one(struct db_stmt *q)
{
    int64_t changed;
    TRY(db_run_counted(q, &changed));
    return changed ? OK : ERR_NOT_FOUND;
}

int64_t db_column_int(struct db_stmt *q)
{
    return q->db->driver->column_int(q->handle, q->column++);
}

struct str db_column_bytes(struct db_stmt *q)
{
    return q->db->driver->column_bytes(q->handle, q->column++);
}

enum err db_script(struct db *db, const char *sql)
{
    return db->driver->script(db->connection, sql);
}

int64_t db_log_pages(struct db *db)
{
    return db->driver->log_pages(db->connection);
}

enum err db_compact(struct db *db, int64_t max_bytes, bool (*give_up)(void *ctx), void *ctx)
{
    return db->driver->compact(db->connection, max_bytes, give_up, ctx);
}

enum err db_checkpoint(struct db *db, bool truncate)
{
    return db->driver->checkpoint(db->connection, truncate);
}
