#include "store_job.h"

#include "store_job_row.h"

static enum err insert_payload(struct store_tx *tx, const struct job *job)
{
    static const char sql[] = "INSERT INTO payloads (job_id, payload) VALUES (?, ?)";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&job->id));
    db_bind_blob(q, job->payload);
    return db_run(q);
}

/* The columns that an update may change, in the order of both statements. */
static void bind_changeable(struct db_stmt *q, const struct job *j)
{
    db_bind_int(q, j->state);
    db_bind_text(q, j->output_url);
    db_bind_int(q, j->progress);
    db_bind_int(q, j->updated_at_ms);
    db_bind_int(q, j->started_at_ms);
    db_bind_int(q, j->finished_at_ms);
    db_bind_int(q, j->error_at_ms);
    db_bind_int(q, j->rendered_at_ms);
    db_bind_text(q, j->error);
    db_bind_text(q, j->lease_id);
    db_bind_int(q, j->lease_expires_at_ms);
    db_bind_int(q, j->lease_count);
    db_bind_text(q, j->lease_token);
    db_bind_text(q, j->worker);
    db_bind_int(q, j->output_bytes);
    db_bind_int(q, j->log_bytes);
    db_bind_int(q, j->log_consumed);
    db_bind_int(q, j->waiting);
    db_bind_int(q, j->stock);
}

enum err store_job_insert(struct store_tx *tx, const struct job *job)
{
    static const char sql[] =
        "INSERT INTO jobs (state, output_url, progress, updated_at_ms, started_at_ms,"
        " finished_at_ms, error_at_ms, rendered_at_ms, error, lease_id, lease_expires_at_ms,"
        " lease_count, lease_token, worker, output_bytes, log_bytes, log_consumed, waiting, stock,"
        " id, team_id, template_id, output_name, tags, engine, submitted_by, priority,"
        " total_assets, created_at_ms, kind, parent_id, parent_asset, batch_id, batch_index,"
        " exposes, missing_fonts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    bind_changeable(q, job);
    db_bind_text(q, ulid_str(&job->id));
    db_bind_text(q, ulid_str(&job->team_id));
    db_bind_text(q, job->template_id);
    db_bind_text(q, job->output_name);
    db_bind_text(q, job->tags);
    db_bind_text(q, job->engine);
    db_bind_text(q, job->submitted_by);
    db_bind_int(q, job->priority);
    db_bind_int(q, job->total_assets);
    db_bind_int(q, job->created_at_ms);
    db_bind_int(q, job->kind);
    db_bind_text(q, job->parent_id);
    db_bind_int(q, job->parent_asset);
    db_bind_text(q, job->batch_id);
    db_bind_int(q, job->batch_index);
    db_bind_int(q, job->exposes);
    db_bind_text(q, job->missing_fonts);
    TRY(db_run(q));
    TRY(insert_payload(tx, job));
    return job->state == JOB_QUEUED ? store_queue_add(tx, job) : OK;
}

static enum err read_payload(struct store_tx *tx, struct arena *a, struct job *job)
{
    static const char sql[] = "SELECT payload FROM payloads WHERE job_id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&job->id));
    TRY(db_row(q));
    job->payload = store_column_str(q, a);
    return OK;
}

enum err store_job_any(struct store_tx *tx, struct str id, bool with_payload, struct arena *a,
                       struct job *ret)
{
    static const char sql[] = "SELECT " JOB_COLUMNS " FROM jobs j WHERE j.id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, id);
    TRY(db_row(q));
    struct job job;
    TRY(store_job_read(q, a, &job));
    if (with_payload)
        TRY(read_payload(tx, a, &job));
    *ret = job;
    return OK;
}

enum err store_job_get(struct store_tx *tx, struct str team_id, struct str id, bool with_payload,
                       struct arena *a, struct job *ret)
{
    struct job job;
    TRY(store_job_any(tx, id, false, a, &job));
    if (!str_equal(ulid_str(&job.team_id), team_id))
        return ERR_NOT_FOUND;
    if (with_payload)
        TRY(read_payload(tx, a, &job));
    *ret = job;
    return OK;
}

enum err store_job_leased(struct store_tx *tx, struct str lease_id, struct str token_id,
                          int64_t now_ms, struct arena *a, struct job *ret)
{
    static const char sql[] =
        "SELECT " JOB_COLUMNS " FROM jobs j WHERE j.lease_id = ? AND j.lease_id <> ''";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, lease_id);
    bool row;
    TRY(db_step(q, &row));
    if (!row)
        return ERR_LEASE_LOST;
    struct job job;
    TRY(store_job_read(q, a, &job));
    if (job.state != JOB_RENDERING || !str_equal(job.lease_token, token_id) ||
        job.lease_expires_at_ms <= now_ms)
        return ERR_LEASE_LOST;
    *ret = job;
    return OK;
}

enum err store_job_lease_cancelled(struct store_tx *tx, struct str lease_id, struct str token_id,
                                   bool *ret)
{
    static const char sql[] = "SELECT id FROM jobs WHERE lease_id = ? AND lease_id <> ''"
                              " AND lease_token = ? AND state = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, lease_id);
    db_bind_text(q, token_id);
    db_bind_int(q, JOB_CANCELLED);
    return db_step(q, ret);
}

static enum err stored_state(struct store_tx *tx, const struct job *job, int64_t *ret)
{
    static const char sql[] = "SELECT state FROM jobs WHERE id = ? AND team_id = ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&job->id));
    db_bind_text(q, ulid_str(&job->team_id));
    TRY(db_row(q));
    *ret = db_column_int(q);
    return OK;
}

enum err store_job_update(struct store_tx *tx, const struct job *job)
{
    static const char sql[] =
        "UPDATE jobs SET state = ?, output_url = ?, progress = ?, updated_at_ms = ?,"
        " started_at_ms = ?, finished_at_ms = ?, error_at_ms = ?, rendered_at_ms = ?, error = ?,"
        " lease_id = ?, lease_expires_at_ms = ?, lease_count = ?, lease_token = ?, worker = ?,"
        " output_bytes = ?, log_bytes = ?, log_consumed = ?, waiting = ?, stock = ? WHERE id = ?";
    ASSERT_WRITING(tx);
    int64_t old;
    TRY(stored_state(tx, job, &old));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    bind_changeable(q, job);
    db_bind_text(q, ulid_str(&job->id));
    TRY(db_run(q));
    if (old != JOB_QUEUED && job->state == JOB_QUEUED)
        return store_queue_add(tx, job);
    if (old == JOB_QUEUED && job->state != JOB_QUEUED)
        return store_queue_remove(tx, job);
    return OK;
}

enum err store_job_children(struct store_tx *tx, struct str parent_id, struct arena *a,
                            struct job **ret, size_t *ret_count)
{
    static const char sql[] = "SELECT " JOB_COLUMNS " FROM jobs j"
                              " WHERE j.parent_id = ? AND j.parent_id <> ''"
                              " ORDER BY j.parent_asset";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, parent_id);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct job), store_job_read, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

enum err store_job_expired(struct store_tx *tx, int64_t now_ms, size_t limit, struct arena *a,
                           struct job **ret, size_t *ret_count)
{
    /* The states stand in the text so that the partial index serves; 2 is JOB_RENDERING. */
    static const char sql[] = "SELECT " JOB_COLUMNS " FROM jobs j"
                              " WHERE j.state = 2 AND j.rendered_at_ms = 0"
                              " AND j.lease_expires_at_ms <= ?"
                              " ORDER BY j.lease_expires_at_ms LIMIT ?";
    _Static_assert(JOB_RENDERING == 2, "stored");
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, now_ms);
    db_bind_int(q, (int64_t)limit);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct job), store_job_read, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}
