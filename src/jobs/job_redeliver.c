/* A person has mended what made a delivery fail: it is tried again. */
#include "clock.h"
#include "job_end.h"
#include "store_audit.h"

struct failed {
    struct delivery *list;
    size_t count;
    bool upload; /* the upload has failed for good */
};

/* One that waits for its next attempt counts as well: a person need not wait with it. */
static bool is_stuck(const struct delivery *d)
{
    return d->state == DELIVERY_FAILED || (d->state == DELIVERY_DUE && d->attempts > 0);
}

static enum err find(struct store_tx *tx, const struct job_redeliver *r, struct failed *ret)
{
    bool any = false;
    *ret = (struct failed){.upload = false};
    TRY(store_delivery_of_job(tx, r->job_id, r->arena, &ret->list, &ret->count));
    for (size_t i = 0; i < ret->count; i++) {
        const struct delivery *d = &ret->list[i];
        any = any || is_stuck(d);
        ret->upload = ret->upload || (d->kind == DELIVERY_UPLOAD && d->state == DELIVERY_FAILED);
    }
    return any ? OK : ERR_CONFLICT;
}

static enum err make_due(struct store_tx *tx, struct delivery *d, int64_t now_ms)
{
    d->state = DELIVERY_DUE;
    d->attempts = d->lost = 0;
    d->next_at_ms = d->updated_at_ms = now_ms;
    return store_delivery_update(tx, d);
}

/* The job's end will be told anew: what is still to be said of the old one would not be true. */
static enum err take_back(struct store_tx *tx, struct delivery *d, int64_t now_ms)
{
    if (d->state == DELIVERY_DONE)
        return OK;
    d->state = DELIVERY_DONE;
    d->updated_at_ms = now_ms;
    return store_delivery_update(tx, d);
}

static enum err audit(struct store_tx *tx, const struct job_redeliver *r)
{
    struct audit_record record = {.type = AUDIT_DELIVERY_RETRIED,
                                  .team_id = r->actor->team_id,
                                  .actor = r->actor->token_id,
                                  .address = r->actor->address,
                                  .request_id = r->actor->request_id,
                                  .subject = r->job_id,
                                  .job_id = r->job_id};
    return store_audit(tx, &record);
}

static void reopen(struct job *job)
{
    job->state = JOB_RENDERING;
    job->error = STR_EMPTY;
    job->error_at_ms = 0;
}

enum err job_redeliver_op(struct store_tx *tx, void *ctx)
{
    struct job_redeliver *r = ctx;
    struct job job;
    struct failed failed;
    int64_t now = clock_unix_ms();
    TRY(store_job_get(tx, r->actor->team_id, r->job_id, false, r->arena, &job));
    TRY(find(tx, r, &failed));
    bool again = failed.upload && job.state == JOB_ERROR && job.rendered_at_ms != 0;
    if (again && !r->output_there)
        return ERR_GONE;
    for (size_t i = 0; i < failed.count; i++) {
        struct delivery *d = &failed.list[i];
        if (again && d->kind == DELIVERY_WEBHOOK)
            TRY(take_back(tx, d, now));
        else if (is_stuck(d))
            TRY(make_due(tx, d, now));
    }
    if (again)
        reopen(&job);
    job.updated_at_ms = now;
    TRY(job_end_log(tx, &job, STR("[delivery: to be tried again, as was asked for]\n")));
    TRY(store_job_update(tx, &job));
    TRY(audit(tx, r));
    r->ret_job = job;
    return OK;
}
