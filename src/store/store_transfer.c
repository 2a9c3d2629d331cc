/* The addresses of store_template.h. */
#include "store_inner.h"
#include "store_template.h"

/* For so long a used address still answers "gone" instead of "never was". */
enum { KEPT_AFTER_EXPIRY_MS = 24 * 3600 * 1000 };

enum err store_transfer_insert(struct store_tx *tx, const struct transfer *t)
{
    static const char sql[] = "INSERT INTO transfers (hash, kind, team_id, template_id, token_id,"
                              " expires_at_ms, used) VALUES (?, ?, ?, ?, ?, ?, ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_blob(q, str_bytes(t->hash, sizeof t->hash));
    db_bind_int(q, t->kind);
    db_bind_text(q, ulid_str(&t->team_id));
    db_bind_text(q, ulid_str(&t->template_id));
    db_bind_text(q, t->token_id);
    db_bind_int(q, t->expires_at_ms);
    db_bind_int(q, t->used);
    return db_run(q);
}

enum err store_transfer_get(struct store_tx *tx, const uint8_t hash[static 32],
                            enum transfer_kind kind, int64_t now_ms, struct arena *a,
                            struct transfer *ret)
{
    static const char sql[] = "SELECT hash, team_id, template_id, token_id, expires_at_ms, used"
                              " FROM transfers WHERE hash = ? AND kind = ?";
    struct transfer t = {.kind = kind};
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_blob(q, str_bytes(hash, 32));
    db_bind_int(q, kind);
    TRY(db_row(q));
    TRY(store_column_32(q, t.hash));
    TRY(store_column_ulid(q, &t.team_id));
    TRY(store_column_ulid(q, &t.template_id));
    t.token_id = store_column_str(q, a);
    t.expires_at_ms = db_column_int(q);
    t.used = db_column_int(q) != 0;
    if (t.used || t.expires_at_ms <= now_ms)
        return ERR_GONE;
    *ret = t;
    return OK;
}

enum err store_transfer_close(struct store_tx *tx, struct str template_id, enum transfer_kind kind)
{
    static const char sql[] = "UPDATE transfers SET used = 1 WHERE template_id = ? AND kind = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, template_id);
    db_bind_int(q, kind);
    return db_run(q);
}

enum err store_transfer_use(struct store_tx *tx, const uint8_t hash[static 32], bool used)
{
    static const char sql[] = "UPDATE transfers SET used = ? WHERE hash = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, used);
    db_bind_blob(q, str_bytes(hash, 32));
    return db_run(q);
}

enum err store_transfer_sweep(struct store_tx *tx, int64_t now_ms)
{
    static const char sql[] = "DELETE FROM transfers WHERE expires_at_ms < ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, now_ms - KEPT_AFTER_EXPIRY_MS);
    return db_run(q);
}
