/* The SQLite driver. One writer and any number of readers on one file, write-ahead log, every
 * commit synced. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "db_driver.h"

/* Readers may meet the short lock of a log's recovery; nobody competes with the one writer. */
enum { READER_PATIENCE_MS = 2000 };
/* Steps of SQLite's machine between two questions whether to give up: some tens of microseconds. */
enum { STEPS_PER_QUESTION = 1000 };

struct connection {
    sqlite3 *sqlite;
    sqlite3_stmt *control[DB_CONTROL_COUNT];
    int log_pages;
    bool writer, suspect;
};

struct statement {
    struct connection *connection;
    sqlite3_stmt *sqlite;
};

/* SQLite tells ENOSPC apart itself, but not a quota or a limit, and of a failed commit it does not
 * keep the system's error: errno must do, which is
 * cleared before each call that writes. */
static bool no_room(const struct connection *c)
{
    int kept = sqlite3_system_errno(c->sqlite);
    int e = kept ? kept : errno;
    return e == ENOSPC || e == EDQUOT || e == EFBIG || e == EROFS;
}

static enum err constraint(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return ERR_CONFLICT;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return ERR_NOT_FOUND;
    default:
        return ERR_INTERNAL;
    }
}

static enum err failed(struct connection *c, int rc)
{
    int extended = sqlite3_extended_errcode(c->sqlite);
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_CONSTRAINT:
        return constraint(extended);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
        return ERR_AGAIN;
    case SQLITE_FULL:
    case SQLITE_READONLY:
        return ERR_STORE_FULL;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    case SQLITE_IOERR:
        /* After a failed write or sync nobody knows what reached the disk. */
        c->suspect = true;
        return extended != SQLITE_IOERR_FSYNC && no_room(c) ? ERR_STORE_FULL : ERR_UNAVAILABLE;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
        return ERR_INTERNAL;
    default: /* CORRUPT, NOTADB, CANTOPEN, NOMEM, PROTOCOL ... */
        c->suspect = true;
        return ERR_UNAVAILABLE;
    }
}

static int on_commit_to_log(void *ctx, sqlite3 *sqlite, const char *name, int pages)
{
    (void)sqlite;
    (void)name;
    ((struct connection *)ctx)->log_pages = pages;
    return SQLITE_OK;
}

static enum err settle(struct connection *c)
{
    static const char common[] = "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
                                 "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
                                 "PRAGMA cell_size_check=ON;";
    static const char writer[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                 "PRAGMA wal_autocheckpoint=0;";
    static const char reader[] = "PRAGMA query_only=ON; PRAGMA mmap_size=1073741824;";
    sqlite3_extended_result_codes(c->sqlite, 1);
    sqlite3_busy_timeout(c->sqlite, c->writer ? 0 : READER_PATIENCE_MS);
    sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* Which transaction survives a crash must not depend on which connection closed last. */
    sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    TRY(failed(c, sqlite3_exec(c->sqlite, common, NULL, NULL, NULL)));
    TRY(failed(c, sqlite3_exec(c->sqlite, c->writer ? writer : reader, NULL, NULL, NULL)));
    if (c->writer)
        sqlite3_wal_hook(c->sqlite, on_commit_to_log, c);
    return OK;
}

static void sqlite_close(void *connection)
{
    struct connection *c = connection;
    for (int i = 0; i < DB_CONTROL_COUNT; i++)
        sqlite3_finalize(c->control[i]);
    ASSERT(sqlite3_close(c->sqlite) == SQLITE_OK);
    free(c);
}

static enum err sqlite_open(const struct db_options *options, void **ret)
{
    if (access(options->path, F_OK) != 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
    struct connection *c = xcalloc(1, sizeof *c);
    c->writer = options->writer;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int rc = sqlite3_open_v2(options->path, &c->sqlite, flags, NULL);
    enum err e = rc == SQLITE_OK ? settle(c) : failed(c, rc);
    if (e != OK) {
        sqlite_close(c);
        return e;
    }
    *ret = c;
    return OK;
}

static enum err sqlite_control(void *connection, enum db_control what)
{
    struct connection *c = connection;
    static const char *const texts[DB_CONTROL_COUNT] = {
        [DB_BEGIN] = "BEGIN IMMEDIATE", [DB_COMMIT] = "COMMIT",
        [DB_ROLLBACK] = "ROLLBACK",     [DB_SAVEPOINT] = "SAVEPOINT o",
        [DB_RELEASE] = "RELEASE o",     [DB_ROLLBACK_TO] = "ROLLBACK TO o",
    };
    sqlite3_stmt **slot = &c->control[what];
    const char *sql = what == DB_BEGIN && !c->writer ? "BEGIN" : texts[what];
    if (!*slot)
        TRY(failed(c,
                   sqlite3_prepare_v3(c->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL)));
    errno = 0;
    enum err e = failed(c, sqlite3_step(*slot));
    sqlite3_reset(*slot);
    if (e != OK && what == DB_ROLLBACK)
        c->suspect = true;
    /* ROLLBACK TO leaves the savepoint open; ours are over with it. */
    return e == OK && what == DB_ROLLBACK_TO ? sqlite_control(c, DB_RELEASE) : e;
}

static enum err sqlite_script(void *connection, const char *sql)
{
    struct connection *c = connection;
    errno = 0;
    return failed(c, sqlite3_exec(c->sqlite, sql, NULL, NULL, NULL));
}

static bool sqlite_in_transaction(void *connection)
{
    return !sqlite3_get_autocommit(((struct connection *)connection)->sqlite);
}

static bool sqlite_suspect(void *connection)
{
    return ((struct connection *)connection)->suspect;
}

static int64_t sqlite_changes(void *connection)
{
    return sqlite3_changes64(((struct connection *)connection)->sqlite);
}

static int64_t sqlite_log_pages(void *connection)
{
    return ((struct connection *)connection)->log_pages;
}

static enum err sqlite_checkpoint(void *connection, bool truncate)
{
    struct connection *c = connection;
    int in_log = 0, moved = 0;
    int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    errno = 0;
    int rc = sqlite3_wal_checkpoint_v2(c->sqlite, NULL, mode, &in_log, &moved);
    TRY(failed(c, rc));
    /* All moved: the next commit starts the log anew. */
    if (in_log == moved)
        c->log_pages = 0;
    return OK;
}

static enum err pragma(struct connection *c, const char *sql, int64_t *ret)
{
    sqlite3_stmt *q;
    TRY(failed(c, sqlite3_prepare_v2(c->sqlite, sql, -1, &q, NULL)));
    enum err e = failed(c, sqlite3_step(q));
    if (e == OK)
        *ret = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return e;
}

struct question {
    bool (*give_up)(void *ctx);
    void *ctx;
};

static int on_progress(void *ctx)
{
    const struct question *q = ctx;
    return q->give_up(q->ctx);
}

static enum err sqlite_compact(void *connection, int64_t max_bytes, bool (*give_up)(void *ctx),
                               void *ctx)
{
    struct connection *c = connection;
    struct question question = {give_up, ctx};
    int64_t pages, page_bytes;
    TRY(pragma(c, "PRAGMA page_count", &pages));
    TRY(pragma(c, "PRAGMA page_size", &page_bytes));
    if (pages > max_bytes / page_bytes)
        return OK;
    sqlite3_progress_handler(c->sqlite, STEPS_PER_QUESTION, on_progress, &question);
    errno = 0;
    enum err e = failed(c, sqlite3_exec(c->sqlite, "VACUUM", NULL, NULL, NULL));
    sqlite3_progress_handler(c->sqlite, 0, NULL, NULL);
    return e;
}

static enum err sqlite_prepare(void *connection, const char *sql, void **ret)
{
    struct connection *c = connection;
    sqlite3_stmt *sqlite;
    TRY(failed(c,
               sqlite3_prepare_v3(c->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &sqlite, NULL)));
    struct statement *q = xcalloc(1, sizeof *q);
    *q = (struct statement){c, sqlite};
    *ret = q;
    return OK;
}

/* SQL that is made at run time, of names alone, each quoted. */
static enum err prepare_made(struct connection *c, char *sql, void **ret)
{
    sqlite3_stmt *sqlite;
    if (!sql)
        return ERR_LIMIT;
    int rc = sqlite3_prepare_v2(c->sqlite, sql, -1, &sqlite, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_ERROR) /* no such table or column: the statement itself is right */
        return ERR_NOT_FOUND;
    TRY(failed(c, rc));
    struct statement *q = xcalloc(1, sizeof *q);
    *q = (struct statement){c, sqlite};
    *ret = q;
    return OK;
}

static enum err sqlite_prepare_all(void *connection, struct str table, void **ret)
{
    return prepare_made(connection,
                        sqlite3_mprintf("SELECT * FROM \"%.*w\"", (int)table.len, table.ptr), ret);
}

static enum err sqlite_prepare_insert(void *connection, struct str table, const struct str *columns,
                                      size_t count, void **ret)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "INSERT INTO \"%.*w\" (", (int)table.len, table.ptr);
    for (size_t i = 0; i < count; i++)
        sqlite3_str_appendf(sql, "%s\"%.*w\"", i ? ", " : "", (int)columns[i].len, columns[i].ptr);
    sqlite3_str_appendall(sql, ") VALUES (");
    for (size_t i = 0; i < count; i++)
        sqlite3_str_appendall(sql, i ? ", ?" : "?");
    sqlite3_str_appendall(sql, ")");
    return prepare_made(connection, sqlite3_str_finish(sql), ret);
}

static void sqlite_finalize(void *statement)
{
    struct statement *q = statement;
    sqlite3_finalize(q->sqlite);
    free(q);
}

static void sqlite_reset(void *statement)
{
    struct statement *q = statement;
    sqlite3_reset(q->sqlite);
    sqlite3_clear_bindings(q->sqlite); /* they borrow the caller's bytes */
}

static enum err sqlite_bind_int(void *statement, int position, int64_t value)
{
    struct statement *q = statement;
    return failed(q->connection, sqlite3_bind_int64(q->sqlite, position, value));
}

static enum err sqlite_bind_text(void *statement, int position, struct str text)
{
    struct statement *q = statement;
    return failed(q->connection, sqlite3_bind_text64(q->sqlite, position, text.ptr, text.len,
                                                     SQLITE_STATIC, SQLITE_UTF8));
}

static enum err sqlite_bind_blob(void *statement, int position, struct str bytes)
{
    struct statement *q = statement;
    return failed(q->connection,
                  sqlite3_bind_blob64(q->sqlite, position, bytes.ptr, bytes.len, SQLITE_STATIC));
}

static enum err sqlite_bind_null(void *statement, int position)
{
    struct statement *q = statement;
    return failed(q->connection, sqlite3_bind_null(q->sqlite, position));
}

static enum err sqlite_step(void *statement, bool *ret_row)
{
    struct statement *q = statement;
    errno = 0;
    int rc = sqlite3_step(q->sqlite);
    TRY(failed(q->connection, rc));
    *ret_row = rc == SQLITE_ROW;
    return OK;
}

static int64_t sqlite_column_int(void *statement, int position)
{
    return sqlite3_column_int64(((struct statement *)statement)->sqlite, position);
}

static struct str sqlite_column_bytes(void *statement, int position)
{
    sqlite3_stmt *sqlite = ((struct statement *)statement)->sqlite;
    /* As a blob: text comes as its bytes too, and without a conversion. */
    const void *ptr = sqlite3_column_blob(sqlite, position);
    size_t len = (size_t)sqlite3_column_bytes(sqlite, position);
    return ptr ? str_bytes(ptr, len) : STR_EMPTY;
}

static size_t sqlite_column_count(void *statement)
{
    return (size_t)sqlite3_column_count(((struct statement *)statement)->sqlite);
}

static struct str sqlite_column_name(void *statement, int position)
{
    return str_from(sqlite3_column_name(((struct statement *)statement)->sqlite, position));
}

static enum err sqlite_column_type(void *statement, int position, enum db_type *ret)
{
    switch (sqlite3_column_type(((struct statement *)statement)->sqlite, position)) {
    case SQLITE_NULL:
        *ret = DB_NULL;
        return OK;
    case SQLITE_INTEGER:
        *ret = DB_INT;
        return OK;
    case SQLITE_TEXT:
        *ret = DB_TEXT;
        return OK;
    case SQLITE_BLOB:
        *ret = DB_BLOB;
        return OK;
    default:
        return ERR_INTERNAL;
    }
}

const struct db_driver db_sqlite_driver = {
    .open = sqlite_open,
    .close = sqlite_close,
    .control = sqlite_control,
    .script = sqlite_script,
    .in_transaction = sqlite_in_transaction,
    .suspect = sqlite_suspect,
    .changes = sqlite_changes,
    .log_pages = sqlite_log_pages,
    .checkpoint = sqlite_checkpoint,
    .compact = sqlite_compact,
    .prepare = sqlite_prepare,
    .prepare_all = sqlite_prepare_all,
    .prepare_insert = sqlite_prepare_insert,
    .finalize = sqlite_finalize,
    .reset = sqlite_reset,
    .bind_int = sqlite_bind_int,
    .bind_text = sqlite_bind_text,
    .bind_blob = sqlite_bind_blob,
    .bind_null = sqlite_bind_null,
    .step = sqlite_step,
    .column_int = sqlite_column_int,
    .column_bytes = sqlite_column_bytes,
    .column_count = sqlite_column_count,
    .column_name = sqlite_column_name,
    .column_type = sqlite_column_type,
};
