/* What a worker of protocol v1 says of its job. It sends whole jobs, also with the values it was
 * given: only its state, its progress and its error come as far as this. */
#include "clock.h"
#include "job_end.h"
#include "job_run.h"
#include "job_stock.h"

/* Without an output there is nothing to deliver, whatever the worker says. */
static enum err finish(struct store_tx *tx, struct job *job, const struct actor *actor,
                       struct arena *a)
{
    static const char no_output[] =
        "the worker says that it finished, but it handed in no output: look at the log of "
        "@nexrender/action-upload there";
    if (job->output_bytes < 0)
        return job_end(tx, job, JOB_ERROR, str_from(no_output), actor, a);
    return job_run_rendered(tx, job, actor, a);
}

static enum err apply(struct store_tx *tx, const struct job_stock_update *u, struct job *job)
{
    const struct actor actor = {.team_id = u->team_id, .token_id = u->token_id};
    switch (u->word) {
    case STOCK_QUEUED:
        job->lease_count--; /* that says nothing about the job */
        return job_run_requeue(
            tx, job, STR("\n[the worker gave the job back; it waits for another worker]\n"),
            u->arena);
    case STOCK_FINISHED:
        return finish(tx, job, &actor, u->arena);
    case STOCK_ERROR:
        return job_end(tx, job, JOB_ERROR,
                       u->error.len ? u->error : STR("the worker gave no reason"), &actor,
                       u->arena);
    case STOCK_ALIVE:
        break;
    }
    if (u->progress >= 0)
        job->progress = u->progress > 100 ? 100 : u->progress;
    job_run_renew(job, clock_unix_ms());
    return store_job_update(tx, job);
}

#define MARK "/lease-"

enum { MARK_BYTES = 8 }; /* of the random part: 40 bits */

static struct str mark_of(struct str lease_id)
{
    return str_slice(lease_id, lease_id.len - MARK_BYTES, lease_id.len);
}

struct str job_stock_executor(const struct job *job, struct arena *a)
{
    struct str mark = mark_of(job->lease_id);
    struct str worker = job->worker.len ? job->worker : STR("worker");
    return arena_printf(a, "%.*s" MARK "%.*s", (int)worker.len, worker.ptr, (int)mark.len,
                        mark.ptr);
}

/* Is that another lease's? A program that does not send back what it was given says nothing. */
static bool is_anothers(struct str executor, struct str lease_id)
{
    size_t tail = sizeof MARK - 1 + MARK_BYTES;
    if (executor.len < tail)
        return false;
    struct str end = str_slice(executor, executor.len - tail, executor.len);
    return str_starts(end, STR(MARK)) &&
           !str_equal(str_slice(end, sizeof MARK - 1, tail), mark_of(lease_id));
}

/* Whoever had it last may say so again, and is told how it ended. */
static bool is_over(const struct job *job)
{
    return job_state_final(job->state) || job->rendered_at_ms != 0;
}

enum err job_stock_update_op(struct store_tx *tx, void *ctx)
{
    struct job_stock_update *u = ctx;
    struct job job;
    TRY(store_job_get(tx, u->team_id, u->job_id, false, u->arena, &job));
    if (!job.stock || !str_equal(job.lease_token, u->token_id) || !str_equal(job.worker, u->worker))
        return ERR_LEASE_LOST;
    if (!is_over(&job)) {
        if (job.state != JOB_RENDERING || job.lease_expires_at_ms <= clock_unix_ms() ||
            is_anothers(u->executor, job.lease_id))
            return ERR_LEASE_LOST;
        TRY(apply(tx, u, &job));
    }
    u->ret_job = job;
    return OK;
}
