/* The one-time addresses of store_job.h. */
#include "store_inner.h"
#include "store_job.h"

/* For so long a used address still answers "gone" instead of "never was". */
enum { KEPT_AFTER_EXPIRY_MS = 24 * 3600 * 1000 };

enum err store_ticket_insert(struct store_tx *tx, const struct ticket *t)
{
    static const char sql[] = "INSERT INTO tickets (hash, kind, team_id, job_id, lease_id, pointer,"
                              " expires_at_ms, uses_left) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_blob(q, str_bytes(t->hash, sizeof t->hash));
    db_bind_int(q, t->kind);
    db_bind_text(q, ulid_str(&t->team_id));
    db_bind_text(q, ulid_str(&t->job_id));
    db_bind_text(q, t->lease_id);
    db_bind_text(q, t->pointer);
    db_bind_int(q, t->expires_at_ms);
    db_bind_int(q, t->uses_left);
    return db_run(q);
}

static enum err find(struct store_tx *tx, const uint8_t hash[static 32], struct arena *a,
                     struct ticket *ret)
{
    static const char sql[] = "SELECT hash, kind, team_id, job_id, lease_id, pointer,"
                              " expires_at_ms, uses_left FROM tickets WHERE hash = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_blob(q, str_bytes(hash, 32));
    TRY(db_row(q));
    TRY(store_column_32(q, ret->hash));
    int64_t kind = db_column_int(q);
    if (kind < TICKET_OUTPUT_PUT || kind > TICKET_KIND_LAST)
        return ERR_TAMPERED;
    ret->kind = (enum ticket_kind)kind;
    TRY(store_column_ulid(q, &ret->team_id));
    TRY(store_column_ulid(q, &ret->job_id));
    ret->lease_id = store_column_str(q, a);
    ret->pointer = store_column_str(q, a);
    ret->expires_at_ms = db_column_int(q);
    ret->uses_left = db_column_int(q);
    return OK;
}

enum err store_ticket_look(struct store_tx *tx, const uint8_t hash[static 32], int64_t now_ms,
                           struct arena *a, struct ticket *ret)
{
    struct ticket t;
    TRY(find(tx, hash, a, &t));
    if (t.uses_left <= 0 || t.expires_at_ms <= now_ms)
        return ERR_GONE;
    *ret = t;
    return OK;
}

enum err store_ticket_take(struct store_tx *tx, const uint8_t hash[static 32], int64_t now_ms,
                           struct arena *a, struct ticket *ret)
{
    static const char sql[] =
        "UPDATE tickets SET uses_left = uses_left - 1 WHERE hash = ? AND uses_left > 0";
    ASSERT_WRITING(tx);
    struct ticket t;
    TRY(store_ticket_look(tx, hash, now_ms, a, &t));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_blob(q, str_bytes(hash, 32));
    int64_t changed;
    TRY(db_run_counted(q, &changed));
    if (!changed)
        return ERR_GONE;
    t.uses_left--;
    *ret = t;
    return OK;
}

enum err store_ticket_sweep(struct store_tx *tx, int64_t now_ms)
{
    static const char sql[] = "DELETE FROM tickets WHERE expires_at_ms < ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, now_ms - KEPT_AFTER_EXPIRY_MS);
    return db_run(q);
}
