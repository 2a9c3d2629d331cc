#include "job_cancel.h"

#include "job_batch.h"
#include "job_end.h"
#include "job_nested.h"

bool job_cancel_possible(const struct job *job, bool running)
{
    if (job->state == JOB_QUEUED || job->state == JOB_PENDING)
        return true;
    return running && job->state == JOB_RENDERING && !job->rendered_at_ms;
}

static void add(struct job_cancel *c, const struct job *job, size_t *capacity)
{
    if (c->ret_count == *capacity) {
        size_t more = *capacity ? 2 * *capacity : 64;
        struct job *grown = arena_array(c->arena, more, sizeof *grown);
        if (c->ret_count)
            memcpy(grown, c->ret_jobs, c->ret_count * sizeof *grown);
        c->ret_jobs = grown;
        *capacity = more;
    }
    c->ret_jobs[c->ret_count++] = *job;
}

/* The end of one takes along who waits for it. Who renders is not taken along, unless that was
 * asked for. */
static enum err end_family(struct store_tx *tx, struct job_cancel *c, const struct job *job,
                           struct job *family, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct job now;
        bool named = str_equal(ulid_str(&family[i].id), ulid_str(&job->id));
        if (!named && !(c->running && family[i].state == JOB_RENDERING))
            continue;
        TRY(store_job_any(tx, ulid_str(&family[i].id), false, c->arena, &now));
        if (job_cancel_possible(&now, c->running))
            TRY(job_end(tx, &now, JOB_CANCELLED, STR_EMPTY, c->actor, c->arena));
    }
    return OK;
}

static enum err cancel_one(struct store_tx *tx, struct job_cancel *c, struct str id,
                           size_t *capacity)
{
    struct job job, *family;
    size_t count;
    TRY(store_job_get(tx, c->actor->team_id, id, false, c->arena, &job));
    if (job.state == JOB_CANCELLED) /* with one before it in the list */
        return OK;
    TRY(job_nested_family(tx, &job, c->arena, &family, &count));
    TRY(end_family(tx, c, &job, family, count));
    for (size_t i = 0; i < count; i++) {
        struct job now;
        if (job_state_final(family[i].state))
            continue;
        TRY(store_job_any(tx, ulid_str(&family[i].id), false, c->arena, &now));
        if (now.state == JOB_CANCELLED)
            add(c, &now, capacity);
    }
    return OK;
}

enum err job_cancel_op(struct store_tx *tx, void *ctx)
{
    struct job_cancel *c = ctx;
    size_t capacity = 0;
    c->ret_jobs = NULL;
    c->ret_count = 0;
    for (size_t i = 0; i < c->id_count; i++) {
        struct job job;
        TRY(store_job_get(tx, c->actor->team_id, c->ids[i], false, c->arena, &job));
    }
    for (size_t i = 0; i < c->id_count; i++) {
        struct job job;
        TRY(store_job_get(tx, c->actor->team_id, c->ids[i], false, c->arena, &job));
        if (!job_cancel_possible(&job, c->running))
            return ERR_CONFLICT;
    }
    for (size_t i = 0; i < c->id_count; i++)
        TRY(cancel_one(tx, c, c->ids[i], &capacity));
    return OK;
}

enum err job_batch_cancel_op(struct store_tx *tx, void *ctx)
{
    struct job_batch_cancel *b = ctx;
    struct job *jobs;
    size_t count, waiting = 0;
    struct str team_id = b->actor->team_id;
    TRY(store_batch_get(tx, team_id, b->id, &b->ret_batch));
    TRY(store_batch_jobs(tx, b->id, b->arena, &jobs, &count));
    struct str *ids = arena_array(b->arena, count + 1, sizeof *ids);
    b->ret_outcomes = arena_array(b->arena, count + 1, sizeof *b->ret_outcomes);
    b->ret_count = count;
    for (size_t i = 0; i < count; i++) {
        b->ret_outcomes[i].cancelled = job_cancel_possible(&jobs[i], b->running);
        if (b->ret_outcomes[i].cancelled)
            ids[waiting++] = ulid_str(&jobs[i].id);
    }
    struct job_cancel c = {.actor = b->actor,
                           .ids = ids,
                           .id_count = waiting,
                           .running = b->running,
                           .arena = b->arena};
    TRY(job_cancel_op(tx, &c));
    b->ret_cancelled = c.ret_jobs;
    b->ret_cancelled_count = c.ret_count;
    for (size_t i = 0; i < count; i++)
        TRY(store_job_get(tx, team_id, ulid_str(&jobs[i].id), false, b->arena,
                          &b->ret_outcomes[i].job));
    return OK;
}
