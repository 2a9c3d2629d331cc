/* Which job comes next. Each queued job has a row under the tag '' and one under each of its tags;
 * a worker looks at the front of one range for each pair of its engines and tags, so that a million
 * waiting jobs that do not fit it cost nothing. */
#include "store_job_row.h"

struct candidate {
    bool found;
    int64_t rank;
    struct ulid job_id;
};

static int64_t rank_of(const struct job *job)
{
    return job->priority == INT64_MIN ? INT64_MAX : -job->priority;
}

static enum err for_tag(struct store_tx *tx, const char *sql, const struct job *job, struct str tag)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&job->team_id));
    db_bind_text(q, job->engine);
    db_bind_text(q, tag);
    db_bind_int(q, rank_of(job));
    db_bind_text(q, ulid_str(&job->id));
    return db_run(q);
}

static enum err for_each_tag(struct store_tx *tx, const char *sql, const struct job *job)
{
    TRY(for_tag(tx, sql, job, STR_EMPTY));
    struct str rest = job->tags, tag;
    while (store_comma_next(&rest, &tag))
        TRY(for_tag(tx, sql, job, tag));
    return OK;
}

enum err store_queue_add(struct store_tx *tx, const struct job *job)
{
    /* The same tag twice is one row. */
    static const char sql[] = "INSERT INTO queue (team_id, engine, tag, rank, job_id)"
                              " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    return for_each_tag(tx, sql, job);
}

enum err store_queue_remove(struct store_tx *tx, const struct job *job)
{
    static const char sql[] = "DELETE FROM queue WHERE team_id = ? AND engine = ? AND tag = ?"
                              " AND rank = ? AND job_id = ?";
    return for_each_tag(tx, sql, job);
}

static bool before(const struct candidate *a, const struct candidate *b)
{
    if (!b->found || a->rank != b->rank)
        return !b->found || a->rank < b->rank;
    return str_compare(ulid_str(&a->job_id), ulid_str(&b->job_id)) < 0;
}

static enum err look(struct store_tx *tx, const struct lease_request *r, struct str engine,
                     struct str tag, struct candidate *best)
{
    static const char any[] = "SELECT rank, job_id FROM queue"
                              " WHERE team_id = ? AND engine = ? AND tag = ?"
                              " ORDER BY rank, job_id LIMIT 1";
    static const char not_exposed[] =
        "SELECT q.rank, q.job_id FROM queue q CROSS JOIN jobs j ON j.id = q.job_id"
        " WHERE q.team_id = ? AND q.engine = ? AND q.tag = ? AND j.exposes = 0"
        " ORDER BY q.rank, q.job_id LIMIT 1";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, r->not_exposed ? not_exposed : any, &q));
    db_bind_text(q, r->team_id);
    db_bind_text(q, engine);
    db_bind_text(q, tag);
    bool row;
    TRY(db_step(q, &row));
    if (!row)
        return OK;
    struct candidate c = {.found = true, .rank = db_column_int(q)};
    TRY(store_column_ulid(q, &c.job_id));
    if (before(&c, best))
        *best = c;
    return OK;
}

static enum err look_with_tags(struct store_tx *tx, const struct lease_request *r,
                               struct str engine, struct candidate *best)
{
    struct str rest = r->tags, tag;
    if (!store_comma_next(&rest, &tag))
        return look(tx, r, engine, STR_EMPTY, best);
    do
        TRY(look(tx, r, engine, tag, best));
    while (store_comma_next(&rest, &tag));
    return OK;
}

enum err store_job_lease(struct store_tx *tx, const struct lease_request *r, struct arena *a,
                         struct job *ret)
{
    ASSERT_WRITING(tx);
    struct candidate best = {.found = false};
    TRY(look_with_tags(tx, r, STR_EMPTY, &best));
    struct str rest = r->stock ? STR_EMPTY : r->engines, engine;
    if (!r->stock)
        TRY(look_with_tags(tx, r, STR(JOB_ENGINE_OWN), &best));
    if (!r->stock || r->mogrt)
        TRY(look_with_tags(tx, r, STR(JOB_ENGINE_MOGRT), &best));
    while (store_comma_next(&rest, &engine))
        TRY(look_with_tags(tx, r, engine, &best));
    if (!best.found)
        return ERR_NOT_FOUND;
    struct job job;
    TRY(store_job_get(tx, r->team_id, ulid_str(&best.job_id), true, a, &job));
    job.state = JOB_RENDERING;
    job.progress = 0;
    job.started_at_ms = job.updated_at_ms = r->now_ms;
    job.rendered_at_ms = 0;
    job.lease_id = arena_str(a, r->lease_id);
    job.lease_expires_at_ms = r->now_ms + r->lease_ms;
    job.lease_count++;
    job.lease_token = arena_str(a, r->token_id);
    job.worker = arena_str(a, r->worker);
    job.log_consumed = 0;
    job.stock = r->stock;
    TRY(store_job_update(tx, &job));
    *ret = job;
    return OK;
}
