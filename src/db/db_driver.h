/* What an engine provides to db.c. `connection` and `statement` are the driver's own. db_fault.c
 * is a driver around a driver. */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "db.h"

enum db_control {
    DB_BEGIN,
    DB_COMMIT,
    DB_ROLLBACK,
    DB_SAVEPOINT,
    DB_RELEASE,
    DB_ROLLBACK_TO, /* and drop it */
    DB_CONTROL_COUNT
};

struct db_driver {
    enum err (*open)(const struct db_options *options, void **ret_connection);
    void (*close)(void *connection);
    enum err (*control)(void *connection, enum db_control what);
    enum err (*script)(void *connection, const char *sql);
    bool (*in_transaction)(void *connection);
    bool (*suspect)(void *connection);
    int64_t (*changes)(void *connection);
    int64_t (*log_pages)(void *connection);
    enum err (*checkpoint)(void *connection, bool truncate);
    enum err (*compact)(void *connection, int64_t max_bytes, bool (*give_up)(void *ctx), void *ctx);

    enum err (*prepare)(void *connection, const char *sql, void **ret_statement);
    enum err (*prepare_all)(void *connection, struct str table, void **ret_statement);
    enum err (*prepare_insert)(void *connection, struct str table, const struct str *columns,
                               size_t count, void **ret_statement);
    void (*finalize)(void *statement);
    void (*reset)(void *statement);
    /* Parameters count from 1, columns from 0. */
    enum err (*bind_int)(void *statement, int position, int64_t value);
    enum err (*bind_text)(void *statement, int position, struct str text);
    enum err (*bind_blob)(void *statement, int position, struct str bytes);
    enum err (*bind_null)(void *statement, int position);
    enum err (*step)(void *statement, bool *ret_row);
    int64_t (*column_int)(void *statement, int position);
    struct str (*column_bytes)(void *statement, int position);
    size_t (*column_count)(void *statement);
    struct str (*column_name)(void *statement, int position);
    enum err (*column_type)(void *statement, int position, enum db_type *ret);
};

extern const struct db_driver db_sqlite_driver;
extern const struct db_driver db_fault_driver; /* options->fault is not NULL */

#endif
