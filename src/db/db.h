/* The database: connections, statements, transactions. SQL is static text with `?` for each
 * parameter, in what SQLite and PostgreSQL both take; parameters are bound and columns read in
 * order. It knows nothing of teams or secrets. A connection and its statements belong to one thread
 * at a time.
 *
 * Errors: ERR_STORE_FULL (disk full or read-only), ERR_CONFLICT (unique), ERR_NOT_FOUND (a row it
 * refers to is not there), ERR_AGAIN (locked), ERR_TOO_LARGE, ERR_UNAVAILABLE (anything else the
 * disk does), ERR_INTERNAL (wrong SQL). */
#ifndef DB_H
#define DB_H

#include "str.h"

struct db;
struct db_stmt;
struct db_fault;

struct db_options {
    const char *path;       /* must stay until the connection is closed */
    bool writer;            /* else it may only read */
    struct db_fault *fault; /* NULL, or what makes calls fail (db_fault.h) */
};
/* ERR_NOT_FOUND when there is no file. */
enum err db_open(const struct db_options *options, struct db **ret) MUST_USE;
void db_close(struct db **db);
void db_autop(struct db **db);

/* --- transactions and savepoints (one level each) --- */
enum err db_begin(struct db *db) MUST_USE; /* a writer takes the write lock at once */
enum err db_commit(struct db *db) MUST_USE;
void db_rollback(struct db *db); /* always ends the transaction; fine without one */
enum err db_savepoint(struct db *db) MUST_USE;
enum err db_release(struct db *db) MUST_USE;
enum err db_rollback_to(struct db *db) MUST_USE; /* undoes and drops the savepoint */
/* False when an error made the engine roll everything back. */
bool db_in_transaction(struct db *db);
/* True after an error of the disk: what the connection believes may differ from what is stored.
 * Close it. */
bool db_suspect(struct db *db);

/* --- statements --- */

/* `sql` must be static: the compiled statement is kept under its address. Release it with
 * db_done before the transaction ends: AUTOP(db_stmt) struct db_stmt *q = NULL; */
enum err db_prepare(struct db *db, const char *sql, struct db_stmt **ret) MUST_USE;
void db_done(struct db_stmt **q);
void db_stmt_autop(struct db_stmt **q);

/* Each binds the next parameter. Bytes are borrowed until db_done. A failure is reported by the
 * step that follows. */
void db_bind_int(struct db_stmt *q, int64_t value);
void db_bind_text(struct db_stmt *q, struct str text);
void db_bind_blob(struct db_stmt *q, struct str bytes);

enum err db_step(struct db_stmt *q, bool *ret_row) MUST_USE; /* false: no more rows */
enum err db_row(struct db_stmt *q) MUST_USE;                 /* ERR_NOT_FOUND: no row */
enum err db_run(struct db_stmt *q) MUST_USE;                 /* a statement without rows */
/* The same for one that must change a row. ERR_NOT_FOUND: it changed none. */
enum err db_run_one(struct db_stmt *q) MUST_USE;
/* The same, and how many rows it changed. */
enum err db_run_counted(struct db_stmt *q, int64_t *ret_changed) MUST_USE;

/* Each reads the next column of the row. Bytes live until the next step or db_done. */
int64_t db_column_int(struct db_stmt *q);
struct str db_column_bytes(struct db_stmt *q);

/* --- whole tables, for copies: statements that are made for one table and not kept --- */

/* SELECT * FROM table. ERR_NOT_FOUND: there is no such table. */
enum err db_prepare_all(struct db *db, struct str table, struct db_stmt **ret) MUST_USE;
/* INSERT of one row; db_again() between two. ERR_NOT_FOUND: no such table or column. */
enum err db_prepare_insert(struct db *db, struct str table, const struct str *columns, size_t count,
                           struct db_stmt **ret) MUST_USE;
void db_again(struct db_stmt *q); /* ready to be bound and run once more */

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };
size_t db_column_count(struct db_stmt *q);
struct str db_column_name(struct db_stmt *q, size_t column);
/* Of the next column of the row. ERR_INTERNAL: of a kind that no column of ours has. */
enum err db_column_type(struct db_stmt *q, enum db_type *ret) MUST_USE;
void db_bind_null(struct db_stmt *q);

/* Several statements without parameters, for schemas; compiled anew each time. */
enum err db_script(struct db *db, const char *sql) MUST_USE;

/* --- upkeep; a driver without a write-ahead log of its own answers 0 and OK --- */

/* Pages in the write-ahead log after the last commit. */
int64_t db_log_pages(struct db *db);
/* Moves the log into the database. truncate: also cuts the log to nothing, so that no old page
 * image stays; ERR_AGAIN when a reader is in the way. Not within a transaction. */
enum err db_checkpoint(struct db *db, bool truncate) MUST_USE;
/* Writes the whole database anew, through the log, so that no unused space in it holds what was
 * deleted. Nothing when it is larger than max_bytes. It asks give_up every so often and ends with
 * ERR_AGAIN, nothing changed, when the answer is true. Not within a transaction. */
enum err db_compact(struct db *db, int64_t max_bytes, bool (*give_up)(void *ctx),
                    void *ctx) MUST_USE;

#endif
