/* A job under a lease: beats, log, output, finish; and what happens when the lease runs out. */
#include "job_run.h"
#include "clock.h"
#include "job_end.h"

enum { SWEEP_JOBS_MAX = 100 }; /* in one transaction; the next sweep takes the rest */

static _Atomic int64_t lease_ms = JOB_LEASE_MS, stock_ms = JOB_STOCK_LEASE_MS;

void job_lease_set_ms(int64_t ms)
{
    ASSERT(ms > 0 && ms <= JOB_LEASE_MS);
    lease_ms = ms;
}

int64_t job_lease_ms(void)
{
    return lease_ms;
}

void job_lease_set_stock_ms(int64_t ms)
{
    ASSERT(ms > 0 && ms <= JOB_STOCK_LEASE_MAX_MS);
    stock_ms = ms;
}

int64_t job_lease_stock_ms(void)
{
    return stock_ms;
}

void job_run_renew(struct job *job, int64_t now_ms)
{
    job->lease_expires_at_ms = now_ms + (job->stock ? stock_ms : lease_ms);
    job->updated_at_ms = now_ms;
}

enum err job_beat_op(struct store_tx *tx, void *ctx)
{
    struct job_beat *b = ctx;
    struct job job;
    int64_t now = clock_unix_ms();
    b->ret_cancel = false;
    enum err e = store_job_leased(tx, b->lease_id, b->token_id, now, b->arena, &job);
    if (e == ERR_LEASE_LOST)
        TRY(store_job_lease_cancelled(tx, b->lease_id, b->token_id, &b->ret_cancel));
    if (b->ret_cancel)
        return OK;
    TRY(e);
    if (b->progress >= 0)
        job.progress = b->progress > 100 ? 100 : b->progress;
    job_run_renew(&job, now);
    return store_job_update(tx, &job);
}

/* Past the limit one line says so; log_bytes then stands beyond the limit, which is how the next
 * chunk knows. */
static enum err append_capped(struct store_tx *tx, struct job *job, struct str text)
{
    int64_t room = JOB_LOG_MAX_BYTES - job->log_bytes;
    if (room < 0 || !text.len)
        return OK;
    if (text.len <= (uint64_t)room)
        return job_end_log(tx, job, text);
    if (room)
        TRY(job_end_log(tx, job, str_slice(text, 0, (size_t)room)));
    return job_end_log(tx, job, STR("\n[the log is longer than is kept; the rest is left out]\n"));
}

static enum err append_chunk(struct store_tx *tx, struct job *job, const struct job_log_chunk *c)
{
    TRY(append_capped(tx, job, c->text));
    if (!c->end.len || job->log_bytes > JOB_LOG_MAX_BYTES)
        return OK;
    TRY(job_end_log(tx, job, c->end));
    if (job->log_bytes <= JOB_LOG_MAX_BYTES) /* full from here on: a gap in the positions */
        job->log_bytes = JOB_LOG_MAX_BYTES + 1;
    return OK;
}

enum err job_log_op(struct store_tx *tx, void *ctx)
{
    struct job_log_chunk *c = ctx;
    struct job job;
    int64_t now = clock_unix_ms();
    TRY(store_job_leased(tx, c->lease_id, c->token_id, now, c->arena, &job));
    if (c->offset == job.log_consumed) {
        TRY(append_chunk(tx, &job, c));
        job.log_consumed += c->consumed;
    }
    job_run_renew(&job, now);
    TRY(store_job_update(tx, &job));
    c->ret_accepted = job.log_consumed;
    return OK;
}

enum err job_output_op(struct store_tx *tx, void *ctx)
{
    const struct job_output *o = ctx;
    struct job job;
    int64_t now = clock_unix_ms();
    enum err e = store_job_any(tx, o->job_id, false, o->arena, &job);
    if (e == ERR_NOT_FOUND)
        return ERR_LEASE_LOST;
    TRY(e);
    if (job.state != JOB_RENDERING || !o->lease_id.len || !str_equal(job.lease_id, o->lease_id) ||
        job.lease_expires_at_ms <= now)
        return ERR_LEASE_LOST;
    job.output_bytes = o->bytes;
    job_run_renew(&job, now);
    return store_job_update(tx, &job);
}

enum err job_run_rendered(struct store_tx *tx, struct job *job, const struct actor *actor,
                          struct arena *a)
{
    bool upload, webhook;
    if (job->output_bytes < 0)
        return ERR_CONFLICT;
    TRY(job_end_has(tx, job, a, &upload, &webhook));
    job->rendered_at_ms = job->updated_at_ms = clock_unix_ms();
    job->progress = 100;
    job->lease_id = STR_EMPTY;
    job->lease_expires_at_ms = 0;
    if (!upload)
        return job_end(tx, job, JOB_FINISHED, STR_EMPTY, actor, a);
    TRY(store_job_update(tx, job));
    return job_end_add_delivery(tx, job, DELIVERY_UPLOAD);
}

enum err job_finish_op(struct store_tx *tx, void *ctx)
{
    const struct job_finish *f = ctx;
    struct job job;
    struct actor actor = JOB_END_SYSTEM;
    if (f->lease_id.len || f->token_id.len) {
        actor.token_id = f->token_id;
        TRY(store_job_leased(tx, f->lease_id, f->token_id, clock_unix_ms(), f->arena, &job));
    } else {
        TRY(store_job_any(tx, f->job_id, false, f->arena, &job));
        if (job_state_final(job.state))
            return ERR_CONFLICT;
    }
    if (f->finished)
        return job_run_rendered(tx, &job, &actor, f->arena);
    if (f->given_back) {
        job.lease_count--; /* that says nothing about the job */
        return job_run_requeue(tx, &job, STR("\n[the worker was stopped and gave the job back]\n"),
                               f->arena);
    }
    struct str error = f->error.len ? f->error : STR("the worker gave no reason");
    return job_end(tx, &job, JOB_ERROR, error, &actor, f->arena);
}

enum err job_run_requeue(struct store_tx *tx, struct job *job, struct str line, struct arena *a)
{
    if (job->lease_count >= JOB_LEASES_MAX) {
        struct str error = arena_printf(
            a, "the job was picked up %d times and no worker finished it: each went silent",
            JOB_LEASES_MAX);
        return job_end(tx, job, JOB_ERROR, error, &JOB_END_SYSTEM, a);
    }
    if (line.len)
        TRY(job_end_log(tx, job, line));
    job->state = JOB_QUEUED;
    job->progress = 0;
    job->output_bytes = -1;
    job->log_consumed = 0;
    job->lease_id = job->lease_token = job->worker = STR_EMPTY;
    job->lease_expires_at_ms = 0;
    job->updated_at_ms = clock_unix_ms();
    return store_job_update(tx, job);
}

static enum err lease_ran_out(struct store_tx *tx, struct job *job, struct job_sweep *s)
{
    TRY(job_run_requeue(
        tx, job, STR("\n[the worker went silent; the job waits for another worker]\n"), s->arena));
    *(job->state == JOB_QUEUED ? &s->ret_requeued : &s->ret_failed) += 1;
    return OK;
}

enum err job_sweep_op(struct store_tx *tx, void *ctx)
{
    struct job_sweep *s = ctx;
    struct job *jobs;
    size_t count;
    s->ret_requeued = s->ret_failed = 0;
    TRY(store_job_expired(tx, s->now_ms, SWEEP_JOBS_MAX, s->arena, &jobs, &count));
    for (size_t i = 0; i < count; i++)
        TRY(lease_ran_out(tx, &jobs[i], s));
    return store_ticket_sweep(tx, s->now_ms);
}
