#include "store_session.h"

#include "store_inner.h"

enum err store_session_insert(struct store_tx *tx, const struct session_row *s)
{
    static const char sql[] =
        "INSERT INTO console_sessions (id, team_id, token_id, created_at_ms, seen_at_ms, address,"
        " user_agent, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&s->id));
    db_bind_text(q, ulid_str(&s->team_id));
    db_bind_text(q, s->token_id);
    db_bind_int(q, s->created_at_ms);
    db_bind_int(q, s->seen_at_ms);
    db_bind_text(q, s->address);
    db_bind_text(q, s->user_agent);
    db_bind_blob(q, str_bytes(s->hash, sizeof s->hash));
    return db_run(q);
}

#define SESSION_SELECT                                                                             \
    "SELECT s.id, s.team_id, s.token_id, s.created_at_ms, s.seen_at_ms, s.address, s.user_agent,"  \
    " s.hash, t.name, t.role, t.expires_at_ms, t.revoked_at_ms"                                    \
    " FROM console_sessions s JOIN tokens t ON t.id = s.token_id"

static enum err read_session(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct session_row *ret = ret_row, s;
    TRY(store_column_ulid(q, &s.id));
    TRY(store_column_ulid(q, &s.team_id));
    s.token_id = store_column_str(q, a);
    s.created_at_ms = db_column_int(q);
    s.seen_at_ms = db_column_int(q);
    s.address = store_column_str(q, a);
    s.user_agent = store_column_str(q, a);
    TRY(store_column_32(q, s.hash));
    s.token_name = store_column_str(q, a);
    int64_t role = db_column_int(q);
    if (role < 0 || role >= ROLE_COUNT)
        return ERR_TAMPERED;
    s.token_role = (enum token_role)role;
    s.token_expires_at_ms = db_column_int(q);
    s.token_revoked_at_ms = db_column_int(q);
    *ret = s;
    return OK;
}

enum err store_session_get(struct store_tx *tx, struct str id, struct arena *a,
                           struct session_row *ret)
{
    static const char sql[] = SESSION_SELECT " WHERE s.id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    TRY(db_row(q));
    return read_session(q, a, ret);
}

static enum err read_all(struct db_stmt *q, struct arena *a, struct session_row **ret,
                         size_t *ret_count)
{
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct session_row), read_session, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

enum err store_session_list(struct store_tx *tx, struct str team_id, struct str token_id,
                            struct arena *a, struct session_row **ret, size_t *ret_count)
{
    static const char of_team[] = SESSION_SELECT " WHERE s.team_id = ? ORDER BY s.id DESC";
    static const char of_token[] =
        SESSION_SELECT " WHERE s.team_id = ? AND s.token_id = ? ORDER BY s.id DESC";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, token_id.len ? of_token : of_team, &q));
    db_bind_text(q, team_id);
    if (token_id.len)
        db_bind_text(q, token_id);
    return read_all(q, a, ret, ret_count);
}

enum err store_session_over(struct store_tx *tx, int64_t now_ms, int64_t max_ms, int64_t idle_ms,
                            size_t limit, struct arena *a, struct session_row **ret,
                            size_t *ret_count)
{
    static const char sql[] =
        SESSION_SELECT " WHERE s.created_at_ms <= ? OR s.seen_at_ms <= ? OR t.revoked_at_ms <> 0"
                       " OR (t.expires_at_ms <> 0 AND t.expires_at_ms <= ?) LIMIT ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, now_ms - max_ms);
    db_bind_int(q, now_ms - idle_ms);
    db_bind_int(q, now_ms);
    db_bind_int(q, (int64_t)limit);
    return read_all(q, a, ret, ret_count);
}

enum err store_session_delete(struct store_tx *tx, struct str id)
{
    static const char sql[] = "DELETE FROM console_sessions WHERE id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    tx->touched |= TOUCHED_AUTH;
    return db_run_one(q);
}

enum err store_session_seen(struct store_tx *tx, struct str id, int64_t now_ms)
{
    static const char sql[] = "UPDATE console_sessions SET seen_at_ms = ? WHERE id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, now_ms);
    db_bind_text(q, id);
    return db_run_one(q);
}
