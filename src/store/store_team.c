#include "store_team.h"

#include "limit.h"
#include "store_inner.h"

bool team_name_valid(struct str name)
{
    if (name.len == 0 || name.len > TEAM_NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && (i == 0 || (c != '-' && c != '_')))
            return false;
    }
    return !str_is(name, "root") && !str_is(name, "operator");
}

static enum err name_taken(struct store_tx *tx, struct str name)
{
    static const char sql[] = "SELECT 1 FROM teams WHERE name = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, name);
    bool row;
    TRY(db_step(q, &row));
    return row ? ERR_TEAM_EXISTS : OK;
}

enum err store_team_insert(struct store_tx *tx, const struct team *team)
{
    static const char sql[] = "INSERT INTO teams (id, name, key_version, put_rotates, secret_count,"
                              " created_at_ms) VALUES (?, ?, ?, ?, 0, ?)";
    ASSERT_WRITING(tx);
    TRY(name_taken(tx, team->name));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&team->id));
    db_bind_text(q, team->name);
    db_bind_int(q, team->key_version);
    db_bind_int(q, team->put_rotates);
    db_bind_int(q, team->created_at_ms);
    TRY(db_run(q));
    tx->touched |= TOUCHED_AUTH;
    return store_team_key_put(tx, ulid_str(&team->id), team->key_version, team->team_key);
}

#define TEAM_SELECT                                                                                \
    "SELECT t.id, t.name, k.team_key, t.key_version, t.put_rotates, t.strict,"                     \
    " t.webhook_signing, t.created_at_ms FROM teams t"                                             \
    " JOIN team_keys k ON k.team_id = t.id AND k.key_version = t.key_version"

static enum err read_team(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct team *ret = ret_row;
    struct team team;
    TRY(store_column_ulid(q, &team.id));
    team.name = store_column_str(q, a);
    team.team_key = store_column_str(q, a);
    team.key_version = (uint32_t)db_column_int(q);
    team.put_rotates = db_column_int(q) != 0;
    team.strict = db_column_int(q) != 0;
    team.webhook_signing = store_column_str(q, a);
    team.created_at_ms = db_column_int(q);
    *ret = team;
    return OK;
}

static enum err team_where(struct store_tx *tx, const char *sql, struct str value, struct arena *a,
                           struct team *ret)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, value);
    TRY(db_row(q));
    return read_team(q, a, ret);
}

enum err store_team_get(struct store_tx *tx, struct str id, struct arena *a, struct team *ret)
{
    static const char sql[] = TEAM_SELECT " WHERE t.id = ?";
    return team_where(tx, sql, id, a, ret);
}

enum err store_team_by_name(struct store_tx *tx, struct str name, struct arena *a, struct team *ret)
{
    static const char sql[] = TEAM_SELECT " WHERE t.name = ?";
    return team_where(tx, sql, name, a, ret);
}

enum err store_team_list(struct store_tx *tx, struct arena *a, struct team **ret, size_t *ret_count)
{
    static const char sql[] = TEAM_SELECT " ORDER BY t.name";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct team), read_team, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

static enum err set_int(struct store_tx *tx, const char *sql, struct str id, int64_t value)
{
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, value);
    db_bind_text(q, id);
    tx->touched |= TOUCHED_AUTH;
    return db_run_one(q);
}

enum err store_team_set_put_rotates(struct store_tx *tx, struct str id, bool rotates)
{
    return set_int(tx, "UPDATE teams SET put_rotates = ? WHERE id = ?", id, rotates);
}

enum err store_team_set_strict(struct store_tx *tx, struct str id, bool strict)
{
    return set_int(tx, "UPDATE teams SET strict = ? WHERE id = ?", id, strict);
}

enum err store_team_set_webhook_signing(struct store_tx *tx, struct str id, struct str secret_name)
{
    static const char sql[] = "UPDATE teams SET webhook_signing = ? WHERE id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, secret_name);
    db_bind_text(q, id);
    tx->touched |= TOUCHED_AUTH;
    return db_run_one(q);
}

enum err store_team_delete(struct store_tx *tx, struct str id)
{
    /* Everything but the audit log refers to its team and goes with it. */
    static const char sql[] = "DELETE FROM teams WHERE id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    tx->touched |= TOUCHED_AUTH | TOUCHED_SECRETS | TOUCHED_WIPE;
    return db_run_one(q);
}
