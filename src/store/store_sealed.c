/* The sealed versions of store_secret.h. */
#include "limit.h"
#include "store_inner.h"
#include "store_secret.h"

#define SEALED_SELECT                                                                              \
    "SELECT s.id, s.team_id, s.name, v.version, v.epoch, v.created_at_ms, v.policy,"               \
    " v.key_version, v.sealed FROM "

static enum err read_sealed(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct sealed_row *ret = ret_row;
    struct sealed_row row;
    TRY(store_column_ulid(q, &row.id));
    TRY(store_column_ulid(q, &row.team_id));
    row.name = store_column_str(q, a);
    row.version = (uint32_t)db_column_int(q);
    row.epoch = (uint64_t)db_column_int(q);
    row.created_at_ms = db_column_int(q);
    row.policy = store_column_str(q, a);
    row.key_version = (uint32_t)db_column_int(q);
    row.sealed = store_column_str(q, a);
    *ret = row;
    return OK;
}

enum err store_secret_sealed(struct store_tx *tx, struct str team_id, struct str name,
                             uint32_t version, struct arena *a, struct sealed_row *ret)
{
    static const char sql[] = SEALED_SELECT "secrets s JOIN versions v ON v.secret_id = s.id"
                                            " WHERE s.id = ? AND s.team_id = ? AND v.version = ?";
    /* Not secrets.version, which is sealed with nothing: set back by hand, it would make an older
     * value the current one. */
    static const char newest[] = SEALED_SELECT
        "secrets s JOIN versions v ON v.secret_id = s.id WHERE s.id = ? AND s.team_id = ?"
        " ORDER BY v.version DESC LIMIT 1";
    struct secret_row current;
    TRY(store_secret_by_name(tx, team_id, name, a, &current));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, version ? sql : newest, &q));
    db_bind_text(q, ulid_str(&current.id));
    db_bind_text(q, team_id);
    if (version)
        db_bind_int(q, version);
    TRY(db_row(q));
    return read_sealed(q, a, ret);
}

enum err store_sealed_below(struct store_tx *tx, struct str team_id, uint32_t key_version,
                            size_t limit, struct arena *a, struct sealed_row **ret,
                            size_t *ret_count)
{
    static const char sql[] =
        SEALED_SELECT "versions v JOIN secrets s ON s.id = v.secret_id"
                      " WHERE v.team_id = ? AND v.key_version < ?"
                      " ORDER BY v.key_version, v.secret_id, v.version LIMIT ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_int(q, key_version);
    db_bind_int(q, (int64_t)limit);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct sealed_row), read_sealed, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

enum err store_sealed_after(struct store_tx *tx, struct str team_id, struct str id,
                            uint32_t version, size_t limit, struct arena *a,
                            struct sealed_row **ret, size_t *ret_count)
{
    static const char sql[] = SEALED_SELECT
        "versions v JOIN secrets s ON s.id = v.secret_id"
        " WHERE v.secret_id = ? AND s.team_id = ? AND v.version > ? ORDER BY v.version LIMIT ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    db_bind_int(q, version);
    db_bind_int(q, (int64_t)limit);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct sealed_row), read_sealed, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

enum err store_sealed_replace(struct store_tx *tx, const struct sealed_row *old,
                              const struct sealed_change *change)
{
    static const char sql[] =
        "UPDATE versions SET sealed = ?, key_version = ?, policy = ?"
        " WHERE secret_id = ? AND version = ? AND key_version = ? AND policy = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_blob(q, change->sealed);
    db_bind_int(q, change->key_version);
    db_bind_blob(q, change->policy);
    db_bind_text(q, ulid_str(&old->id));
    db_bind_int(q, old->version);
    db_bind_int(q, old->key_version);
    db_bind_blob(q, old->policy);
    int64_t changed;
    TRY(db_run_counted(q, &changed));
    tx->touched |= TOUCHED_SECRETS | TOUCHED_WIPE;
    return changed ? OK : ERR_AGAIN;
}

static enum err read_version(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct secret_version *ret = ret_row;
    (void)a;
    ret->version = (uint32_t)db_column_int(q);
    ret->created_at_ms = db_column_int(q);
    return OK;
}

enum err store_secret_versions(struct store_tx *tx, struct str team_id, struct str id,
                               uint32_t before, size_t limit, struct arena *a,
                               struct secret_version **ret, size_t *ret_count)
{
    static const char sql[] =
        "SELECT version, created_at_ms FROM versions"
        " WHERE secret_id = ? AND team_id = ? AND version < ? ORDER BY version DESC LIMIT ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    db_bind_int(q, before ? before : INT64_MAX);
    db_bind_int(q, (int64_t)limit);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct secret_version), read_version, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}
