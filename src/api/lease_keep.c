#include "lease_keep.h"

#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "jobs.h"
#include "ticket.h"

struct renewal {
    struct ulid job_id, lease_id;
    struct arena arena;
};

struct lease_keep lease_keep_of(struct store *store, const struct job *job)
{
    int64_t lease_ms = job->stock ? job_lease_stock_ms() : job_lease_ms();
    int64_t every_ms = lease_ms / 3;
    int64_t left_ms = job->lease_expires_at_ms - clock_unix_ms();
    int64_t passed_ms = lease_ms - left_ms; /* since it began, or since its last renewal */
    struct lease_keep k = {.store = store,
                           .job_id = job->id,
                           .every_ms = every_ms,
                           .due_ms = clock_monotonic_ms() + every_ms - passed_ms};
    if (ulid_from(job->lease_id, &k.lease_id) != OK) /* none: nothing to keep */
        k.due_ms = INT64_MAX;
    return k;
}

static enum err renew_op(struct store_tx *tx, void *ctx)
{
    struct renewal *w = ctx;
    struct job job;
    int64_t now = clock_unix_ms();
    TRY(store_job_any(tx, ulid_str(&w->job_id), false, &w->arena, &job));
    if (!ticket_lease_runs(tx, &job, ulid_str(&w->lease_id), now, &w->arena))
        return ERR_LEASE_LOST;
    job_run_renew(&job, now);
    return store_job_update(tx, &job);
}

static void renewed(enum err result, void *ctx)
{
    struct renewal *w = ctx;
    (void)result; /* what the lease was needed for will find out */
    arena_auto(&w->arena);
    free(w);
}

void lease_keep_moved(struct lease_keep *k)
{
    int64_t now = clock_monotonic_ms();
    if (now < k->due_ms)
        return;
    k->due_ms = now + k->every_ms;
    struct renewal *w = xcalloc(1, sizeof *w);
    *w = (struct renewal){.job_id = k->job_id, .lease_id = k->lease_id, .arena = arena_make()};
    store_write(k->store, renew_op, renewed, w);
}

static void moved(void *ctx)
{
    lease_keep_moved(ctx);
}

static void done(void *ctx, bool whole)
{
    (void)whole;
    free(ctx);
}

void lease_keep_answer(struct http_request *r, const struct job *job)
{
    struct lease_keep *k = xcalloc(1, sizeof *k);
    *k = lease_keep_of(api_of(r)->store, job);
    http_answer_watch(r, &(struct http_watch){.moved = moved, .done = done, .ctx = k});
}
