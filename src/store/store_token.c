#include "store_token.h"

#include "store_inner.h"

enum err store_token_insert(struct store_tx *tx, const struct token *t)
{
    static const char sql[] =
        "INSERT INTO tokens (id, team_id, name, role, names, addresses, created_at_ms, "
        "expires_at_ms,"
        " last_used_at_ms, revoked_at_ms, created_by, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, t->id);
    db_bind_text(q, ulid_str(&t->team_id));
    db_bind_text(q, t->name);
    db_bind_int(q, t->role);
    db_bind_text(q, t->names);
    db_bind_text(q, t->addresses);
    db_bind_int(q, t->created_at_ms);
    db_bind_int(q, t->expires_at_ms);
    db_bind_int(q, t->last_used_at_ms);
    db_bind_int(q, t->revoked_at_ms);
    db_bind_text(q, t->created_by);
    db_bind_blob(q, str_bytes(t->hash, sizeof t->hash));
    tx->touched |= TOUCHED_AUTH;
    return db_run(q);
}

#define TOKEN_SELECT                                                                               \
    "SELECT id, team_id, name, role, names, addresses, created_at_ms, expires_at_ms, "             \
    "last_used_at_ms,"                                                                             \
    " revoked_at_ms, suspended_at_ms, created_by, hash FROM tokens"

static enum err read_token(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct token *ret = ret_row;
    struct token t;
    t.id = store_column_str(q, a);
    TRY(store_column_ulid(q, &t.team_id));
    t.name = store_column_str(q, a);
    int64_t role = db_column_int(q);
    if (role < 0 || role >= ROLE_COUNT)
        return ERR_TAMPERED;
    t.role = (enum token_role)role;
    t.names = store_column_str(q, a);
    t.addresses = store_column_str(q, a);
    t.created_at_ms = db_column_int(q);
    t.expires_at_ms = db_column_int(q);
    t.last_used_at_ms = db_column_int(q);
    t.revoked_at_ms = db_column_int(q);
    t.suspended_at_ms = db_column_int(q);
    t.created_by = store_column_str(q, a);
    TRY(store_column_32(q, t.hash));
    *ret = t;
    return OK;
}

enum err store_token_get(struct store_tx *tx, struct str id, struct arena *a, struct token *ret)
{
    static const char sql[] = TOKEN_SELECT " WHERE id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    TRY(db_row(q));
    return read_token(q, a, ret);
}

enum err store_token_list(struct store_tx *tx, struct str team_id, struct arena *a,
                          struct token **ret, size_t *ret_count)
{
    static const char sql[] =
        TOKEN_SELECT " WHERE team_id = ? ORDER BY created_at_ms DESC, id DESC";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct token), read_token, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

enum err store_token_revoke(struct store_tx *tx, struct str team_id, struct str id, int64_t now_ms)
{
    /* Revoking again keeps the first time. */
    static const char sql[] =
        "UPDATE tokens SET revoked_at_ms = CASE revoked_at_ms WHEN 0 THEN ? ELSE revoked_at_ms END"
        " WHERE id = ? AND team_id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, now_ms);
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    tx->touched |= TOUCHED_AUTH;
    return db_run_one(q);
}

enum err store_token_approve(struct store_tx *tx, struct str team_id, struct str id,
                             int64_t *ret_approved)
{
    static const char one[] = "SELECT revoked_at_ms FROM tokens WHERE id = ? AND team_id = ?";
    static const char approve[] =
        "UPDATE tokens SET suspended_at_ms = 0 WHERE team_id = ?"
        " AND suspended_at_ms <> 0 AND revoked_at_ms = 0 AND (? = '' OR id = ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *p = NULL;
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    if (id.len) {
        TRY(db_prepare(tx->db, one, &p));
        db_bind_text(p, id);
        db_bind_text(p, team_id);
        TRY(db_row(p));
        if (db_column_int(p))
            return ERR_CONFLICT;
    }
    TRY(db_prepare(tx->db, approve, &q));
    db_bind_text(q, team_id);
    db_bind_text(q, id);
    db_bind_text(q, id);
    tx->touched |= TOUCHED_AUTH;
    return db_run_counted(q, ret_approved);
}

enum err store_token_used(struct store_tx *tx, struct str id, int64_t now_ms)
{
    static const char sql[] = "UPDATE tokens SET last_used_at_ms = ? WHERE id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, now_ms);
    db_bind_text(q, id);
    return db_run_one(q);
}
