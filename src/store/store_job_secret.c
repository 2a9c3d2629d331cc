/* Which jobs a secret's name stands in, of store_job.h. */
#include "store_job_row.h"

enum err store_job_secret_add(struct store_tx *tx, const struct job *job, struct str name)
{
    static const char sql[] = "INSERT INTO job_secrets (team_id, name, job_id) VALUES (?, ?, ?)"
                              " ON CONFLICT (team_id, name, job_id) DO NOTHING";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&job->team_id));
    db_bind_text(q, name);
    db_bind_text(q, ulid_str(&job->id));
    return db_run(q);
}

/* Ids sort by time. The states that wait stand in the text: 3 is the first that is an end. */
#define USERS_HEAD                                                                                 \
    "SELECT " JOB_COLUMNS " FROM job_secrets s JOIN jobs j ON j.id = s.job_id"                     \
    " WHERE s.team_id = ? AND s.name = ? AND j.team_id = s.team_id"
#define USERS_TAIL " ORDER BY s.job_id DESC LIMIT ?"
_Static_assert(JOB_FINISHED == 3, "stored");

enum err store_job_secret_users(struct store_tx *tx, struct str team_id, struct str name,
                                bool waiting, size_t limit, struct arena *a, struct job **ret,
                                size_t *ret_count)
{
    static const char all[] = USERS_HEAD USERS_TAIL;
    static const char some[] = USERS_HEAD " AND j.state < 3" USERS_TAIL;
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, waiting ? some : all, &q));
    db_bind_text(q, team_id);
    db_bind_text(q, name);
    db_bind_int(q, (int64_t)limit);
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct job), store_job_read, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

enum err store_job_secret_uses(struct store_tx *tx, struct str team_id, struct str name,
                               size_t limit, struct arena *a, struct secret_uses *ret)
{
    static const char sql[] =
        "SELECT COUNT(*), COALESCE(SUM(CASE WHEN j.state < 3 THEN 1 ELSE 0 END), 0),"
        " COALESCE(MAX(j.id), '') FROM (SELECT job_id FROM job_secrets WHERE team_id = ?"
        " AND name = ? ORDER BY job_id DESC LIMIT ?) s JOIN jobs j ON j.id = s.job_id";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team_id);
    db_bind_text(q, name);
    db_bind_int(q, (int64_t)limit);
    TRY(db_row(q));
    ret->jobs = db_column_int(q);
    ret->waiting = db_column_int(q);
    ret->newest = store_column_str(q, a);
    return OK;
}
