#include "store_check.h"

#include <limits.h>
#include <stdio.h>

#include "store_inner.h"
#include "store_schema.h"
#include "store_team.h"

static enum err check_pages(struct db *db, bool *ret)
{
    static const char quick[] = "PRAGMA quick_check(1)";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(db, quick, &q));
    TRY(db_row(q));
    *ret = str_is(db_column_bytes(q), "ok");
    return OK;
}

static enum err last_record(struct db *db, int64_t *ret)
{
    /* The last of each team is found by its key; teams are few. */
    static const char last[] =
        "SELECT COALESCE(MAX(a.at_ms), 0) FROM (SELECT team_id, MAX(sequence) AS sequence FROM "
        "audit "
        "GROUP BY team_id) l JOIN audit a ON a.team_id = l.team_id AND a.sequence = l.sequence";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(db, last, &q));
    TRY(db_row(q));
    *ret = db_column_int(q);
    return OK;
}

static enum err database_of(const char *folder, char ret[static PATH_MAX])
{
    return snprintf(ret, PATH_MAX, "%s/safelight.db", folder) < PATH_MAX ? OK : ERR_TOO_LARGE;
}

enum err store_check_keys(const char *folder, struct arena *a, struct str *ret_instance,
                          struct str *ret_keyring)
{
    char path[PATH_MAX];
    TRY(database_of(folder, path));
    struct db_options options = {.path = path, .writer = false};
    AUTOP(db) struct db *db = NULL;
    TRY(db_open(&options, &db));
    struct store_tx tx = {.db = db};
    TRY(store_instance_get(&tx, a, ret_instance));
    return store_keyring_get(&tx, a, ret_keyring);
}

enum err store_check(const char *folder, struct store_check *ret)
{
    char path[PATH_MAX];
    struct store_check c = {.newest = (int64_t)store_schema_step_count};
    TRY(database_of(folder, path));
    struct db_options options = {.path = path, .writer = false};
    AUTOP(db) struct db *db = NULL;
    TRY(db_open(&options, &db));
    TRY(store_schema_version(db, &c.version));
    TRY(check_pages(db, &c.sound));
    if (c.version > 0)
        TRY(last_record(db, &c.last_record_ms));
    *ret = c;
    return OK;
}
