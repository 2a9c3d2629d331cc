#include "db_fault.h"

#include <stdlib.h>

#include "alloc.h"

struct connection {
    struct db_fault *fault;
    void *inner;
    bool suspect;
};

struct statement {
    struct connection *connection;
    void *inner;
};

void db_fault_arm(struct db_fault *fault, unsigned n)
{
    atomic_store(&fault->countdown, (int)n);
}

bool db_fault_spent(struct db_fault *fault)
{
    return atomic_load(&fault->countdown) <= 0;
}

static bool strikes(struct connection *c)
{
    /* Past its call the counter stays at 0, whichever thread comes. */
    int left = atomic_load(&c->fault->countdown);
    while (left > 0) {
        if (atomic_compare_exchange_weak(&c->fault->countdown, &left, left - 1)) {
            c->suspect |= left == 1;
            return left == 1;
        }
    }
    return false;
}

#define CONNECTION(pointer) ((struct connection *)(pointer))
#define STATEMENT(pointer)  ((struct statement *)(pointer))
#define DRIVER(connection)  (CONNECTION(connection)->fault->driver)
#define STATEMENT_CALL(pointer, function, ...)                                                     \
    (DRIVER(STATEMENT(pointer)->connection)->function(STATEMENT(pointer)->inner, ##__VA_ARGS__))

static enum err fault_open(const struct db_options *options, void **ret)
{
    struct connection *c = xcalloc(1, sizeof *c);
    c->fault = options->fault;
    enum err e = strikes(c) ? ERR_UNAVAILABLE : c->fault->driver->open(options, &c->inner);
    if (e != OK) {
        free(c);
        return e;
    }
    *ret = c;
    return OK;
}

static void fault_close(void *connection)
{
    DRIVER(connection)->close(CONNECTION(connection)->inner);
    free(connection);
}

static enum err fault_control(void *connection, enum db_control what)
{
    /* A rollback is the answer to a failure; the engine's own cannot be refused either. */
    if (what != DB_ROLLBACK && strikes(connection))
        return ERR_UNAVAILABLE;
    return DRIVER(connection)->control(CONNECTION(connection)->inner, what);
}

static enum err fault_script(void *connection, const char *sql)
{
    if (strikes(connection))
        return ERR_UNAVAILABLE;
    return DRIVER(connection)->script(CONNECTION(connection)->inner, sql);
}

static bool fault_in_transaction(void *connection)
{
    return DRIVER(connection)->in_transaction(CONNECTION(connection)->inner);
}

static bool fault_suspect(void *connection)
{
    return CONNECTION(connection)->suspect ||
           DRIVER(connection)->suspect(CONNECTION(connection)->inner);
}

static int64_t fault_changes(void *connection)
{
    return DRIVER(connection)->changes(CONNECTION(connection)->inner);
}

static int64_t fault_log_pages(void *connection)
{
    return DRIVER(connection)->log_pages(CONNECTION(connection)->inner);
}

static enum err fault_checkpoint(void *connection, bool truncate)
{
    if (strikes(connection))
        return ERR_UNAVAILABLE;
    return DRIVER(connection)->checkpoint(CONNECTION(connection)->inner, truncate);
}

static enum err fault_compact(void *connection, int64_t max_bytes, bool (*give_up)(void *ctx),
                              void *ctx)
{
    if (strikes(connection))
        return ERR_UNAVAILABLE;
    return DRIVER(connection)->compact(CONNECTION(connection)->inner, max_bytes, give_up, ctx);
}

static void *around(void *connection, void *inner)
{
    struct statement *q = xcalloc(1, sizeof *q);
    *q = (struct statement){connection, inner};
    return q;
}

static enum err fault_prepare(void *connection, const char *sql, void **ret)
{
    if (strikes(connection))
        return ERR_UNAVAILABLE;
    void *inner;
    TRY(DRIVER(connection)->prepare(CONNECTION(connection)->inner, sql, &inner));
    *ret = around(connection, inner);
    return OK;
}

static enum err fault_prepare_all(void *connection, struct str table, void **ret)
{
    if (strikes(connection))
        return ERR_UNAVAILABLE;
    void *inner;
    TRY(DRIVER(connection)->prepare_all(CONNECTION(connection)->inner, table, &inner));
    *ret = around(connection, inner);
    return OK;
}

static enum err fault_prepare_insert(void *connection, struct str table, const struct str *columns,
                                     size_t count, void **ret)
{
    if (strikes(connection))
        return ERR_UNAVAILABLE;
    void *inner;
    TRY(DRIVER(connection)
            ->prepare_insert(CONNECTION(connection)->inner, table, columns, count, &inner));
    *ret = around(connection, inner);
    return OK;
}

static void fault_finalize(void *statement)
{
    STATEMENT_CALL(statement, finalize);
    free(statement);
}

static void fault_reset(void *statement)
{
    STATEMENT_CALL(statement, reset);
}

static enum err fault_bind_int(void *statement, int position, int64_t value)
{
    return STATEMENT_CALL(statement, bind_int, position, value);
}

static enum err fault_bind_text(void *statement, int position, struct str text)
{
    return STATEMENT_CALL(statement, bind_text, position, text);
}

static enum err fault_bind_blob(void *statement, int position, struct str bytes)
{
    return STATEMENT_CALL(statement, bind_blob, position, bytes);
}

static enum err fault_bind_null(void *statement, int position)
{
    return STATEMENT_CALL(statement, bind_null, position);
}

static enum err fault_step(void *statement, bool *ret_row)
{
    if (strikes(STATEMENT(statement)->connection))
        return ERR_UNAVAILABLE;
    return STATEMENT_CALL(statement, step, ret_row);
}

static int64_t fault_column_int(void *statement, int position)
{
    return STATEMENT_CALL(statement, column_int, position);
}

static struct str fault_column_bytes(void *statement, int position)
{
    return STATEMENT_CALL(statement, column_bytes, position);
}

static size_t fault_column_count(void *statement)
{
    return STATEMENT_CALL(statement, column_count);
}

static struct str fault_column_name(void *statement, int position)
{
    return STATEMENT_CALL(statement, column_name, position);
}

static enum err fault_column_type(void *statement, int position, enum db_type *ret)
{
    return STATEMENT_CALL(statement, column_type, position, ret);
}

const struct db_driver db_fault_driver = {
    .open = fault_open,
    .close = fault_close,
    .control = fault_control,
    .script = fault_script,
    .in_transaction = fault_in_transaction,
    .suspect = fault_suspect,
    .changes = fault_changes,
    .log_pages = fault_log_pages,
    .checkpoint = fault_checkpoint,
    .compact = fault_compact,
    .prepare = fault_prepare,
    .prepare_all = fault_prepare_all,
    .prepare_insert = fault_prepare_insert,
    .finalize = fault_finalize,
    .reset = fault_reset,
    .bind_int = fault_bind_int,
    .bind_text = fault_bind_text,
    .bind_blob = fault_bind_blob,
    .bind_null = fault_bind_null,
    .step = fault_step,
    .column_int = fault_column_int,
    .column_bytes = fault_column_bytes,
    .column_count = fault_column_count,
    .column_name = fault_column_name,
    .column_type = fault_column_type,
};
