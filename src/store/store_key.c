/* The key columns of store_team.h: team keys, the keyring, the instance's id. */
#include "store_inner.h"
#include "store_team.h"

enum err store_team_key_put(struct store_tx *tx, struct str team_id, uint32_t key_version,
                            struct str team_key)
{
    static const char sql[] =
        "INSERT INTO team_keys (team_id, key_version, team_key) VALUES (?, ?, ?)"
        " ON CONFLICT (team_id, key_version) DO UPDATE SET team_key = excluded.team_key";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_int(q, key_version);
    db_bind_blob(q, team_key);
    tx->touched |= TOUCHED_AUTH | TOUCHED_SECRETS;
    return db_run(q);
}

enum err store_team_key_get(struct store_tx *tx, struct str team_id, uint32_t key_version,
                            struct arena *a, struct str *ret_team_key)
{
    static const char sql[] =
        "SELECT team_key FROM team_keys WHERE team_id = ? AND key_version = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_int(q, key_version);
    TRY(db_row(q));
    *ret_team_key = store_column_str(q, a);
    return OK;
}

enum err store_team_key_set_current(struct store_tx *tx, struct str team_id, uint32_t key_version)
{
    static const char sql[] =
        "UPDATE teams SET key_version = ? WHERE id = ?"
        " AND EXISTS (SELECT 1 FROM team_keys WHERE team_id = ? AND key_version = ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, key_version);
    db_bind_text(q, team_id);
    db_bind_text(q, team_id);
    db_bind_int(q, key_version);
    tx->touched |= TOUCHED_AUTH | TOUCHED_SECRETS;
    return db_run_one(q);
}

static enum err current_key(struct store_tx *tx, struct str team_id, int64_t *ret)
{
    static const char sql[] = "SELECT key_version FROM teams WHERE id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    TRY(db_row(q));
    *ret = db_column_int(q);
    return OK;
}

enum err store_team_key_retire(struct store_tx *tx, struct str team_id)
{
    static const char needed[] =
        "SELECT 1 FROM versions WHERE team_id = ? AND key_version < ? LIMIT 1";
    static const char drop[] = "DELETE FROM team_keys WHERE team_id = ? AND key_version < ?";
    ASSERT_WRITING(tx);
    int64_t current;
    TRY(current_key(tx, team_id, &current));
    AUTOP(db_stmt) struct db_stmt *n = NULL;
    TRY(db_prepare(tx->db, needed, &n));
    db_bind_text(n, team_id);
    db_bind_int(n, current);
    bool row;
    TRY(db_step(n, &row));
    if (row)
        return ERR_KEY_IN_USE;
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, drop, &q));
    db_bind_text(q, team_id);
    db_bind_int(q, current);
    tx->touched |= TOUCHED_AUTH | TOUCHED_SECRETS | TOUCHED_WIPE;
    return db_run(q);
}

enum err store_team_keys_after(struct store_tx *tx, struct str team_id, uint32_t key_version,
                               size_t limit, struct arena *a, struct team_key_row **ret,
                               size_t *ret_count)
{
    static const char sql[] =
        "SELECT team_id, key_version, team_key FROM team_keys"
        " WHERE (team_id, key_version) > (?, ?) ORDER BY team_id, key_version LIMIT ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_int(q, key_version);
    db_bind_int(q, (int64_t)limit);
    struct team_key_row *list = NULL;
    size_t count = 0, capacity = 0;
    for (bool row;;) {
        TRY(db_step(q, &row));
        if (!row)
            break;
        list = store_list_grow(a, list, count, &capacity, sizeof *list);
        TRY(store_column_ulid(q, &list[count].team_id));
        list[count].key_version = (uint32_t)db_column_int(q);
        list[count].team_key = store_column_str(q, a);
        count++;
    }
    *ret = list;
    *ret_count = count;
    return OK;
}

static enum err meta_put(struct store_tx *tx, struct str name, struct str value)
{
    static const char sql[] = "INSERT INTO meta (name, value) VALUES (?, ?)"
                              " ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, name);
    db_bind_blob(q, value);
    return db_run(q);
}

static enum err meta_get(struct store_tx *tx, struct str name, struct arena *a, struct str *ret)
{
    static const char sql[] = "SELECT value FROM meta WHERE name = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, name);
    TRY(db_row(q));
    *ret = store_column_str(q, a);
    return OK;
}

enum err store_keyring_put(struct store_tx *tx, struct str keyring)
{
    /* A keyring replaced after a rotation must not stay behind under the old root. */
    tx->touched |= TOUCHED_WIPE;
    return meta_put(tx, STR("keyring"), keyring);
}

enum err store_keyring_get(struct store_tx *tx, struct arena *a, struct str *ret)
{
    return meta_get(tx, STR("keyring"), a, ret);
}

enum err store_instance_put(struct store_tx *tx, struct str instance_id)
{
    return meta_put(tx, STR("instance"), instance_id);
}

enum err store_instance_get(struct store_tx *tx, struct arena *a, struct str *ret)
{
    return meta_get(tx, STR("instance"), a, ret);
}
