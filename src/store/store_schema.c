#include "store_schema.h"

enum err store_schema_version(struct db *db, int64_t *ret)
{
    static const char present[] =
        "SELECT COUNT(*) FROM sqlite_master WHERE name = 'schema_version'";
    static const char version[] = "SELECT version FROM schema_version";
    AUTOP(db_stmt) struct db_stmt *p = NULL;
    TRY(db_prepare(db, present, &p));
    TRY(db_row(p));
    if (db_column_int(p) == 0) {
        *ret = 0;
        return OK;
    }
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(db, version, &q));
    TRY(db_row(q));
    *ret = db_column_int(q);
    return OK;
}

static enum err run_steps(struct db *db, const char *const *steps, size_t count)
{
    static const char table[] =
        "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
    static const char clear[] = "DELETE FROM schema_version";
    static const char set[] = "INSERT INTO schema_version (version) VALUES (?)";
    int64_t version;
    TRY(store_schema_version(db, &version));
    if (version < 0 || version > (int64_t)count)
        return ERR_CONFLICT;
    TRY(db_script(db, table));
    for (size_t i = (size_t)version; i < count; i++)
        TRY(db_script(db, steps[i]));
    TRY(db_script(db, clear));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(db, set, &q));
    db_bind_int(q, (int64_t)count);
    return db_run(q);
}

enum err store_schema_migrate(struct db *db, const char *const *steps, size_t count)
{
    int64_t version;
    TRY(store_schema_version(db, &version));
    if (version == (int64_t)count)
        return OK;
    if (version > (int64_t)count)
        return ERR_CONFLICT;
    TRY(db_begin(db));
    enum err e = run_steps(db, steps, count);
    if (e == OK)
        e = db_commit(db);
    if (e != OK)
        db_rollback(db);
    return e;
}
