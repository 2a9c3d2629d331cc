#include "store_batch.h"

#include "store_job_row.h"

enum err store_batch_insert(struct store_tx *tx, const struct batch *batch)
{
    static const char sql[] =
        "INSERT INTO batches (id, team_id, total, created_at_ms) VALUES (?, ?, ?, ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&batch->id));
    db_bind_text(q, ulid_str(&batch->team_id));
    db_bind_int(q, batch->total);
    db_bind_int(q, batch->created_at_ms);
    return db_run(q);
}

enum err store_batch_get(struct store_tx *tx, struct str team_id, struct str id, struct batch *ret)
{
    static const char sql[] =
        "SELECT id, team_id, total, created_at_ms FROM batches WHERE id = ? AND team_id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    db_bind_text(q, team_id);
    TRY(db_row(q));
    struct batch batch;
    TRY(store_column_ulid(q, &batch.id));
    TRY(store_column_ulid(q, &batch.team_id));
    batch.total = db_column_int(q);
    batch.created_at_ms = db_column_int(q);
    *ret = batch;
    return OK;
}

enum err store_batch_jobs(struct store_tx *tx, struct str batch_id, struct arena *a,
                          struct job **ret, size_t *ret_count)
{
    static const char sql[] = "SELECT " JOB_COLUMNS " FROM jobs j"
                              " WHERE j.batch_id = ? AND j.batch_id <> ''"
                              " ORDER BY j.batch_index";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, batch_id);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct job), store_job_read, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}
