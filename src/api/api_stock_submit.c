/* POST /api/v1/jobs: a job of the open-source farm, taken as one of ours. */
#include "api_job.h"
#include "job_stock.h"

enum { ANSWER_MAX_BYTES = 16 * 1024 };

struct submission {
    struct job_prepared prepared;
    struct http_request *r;
};

static enum err submit_op(struct store_tx *tx, void *ctx)
{
    struct submission *s = ctx;
    return job_insert_op(tx, &s->prepared);
}

static void submit_done(enum err e, void *ctx)
{
    struct submission *s = ctx;
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    if (e == OK)
        e = job_stock_write_light(&s->prepared.job, &body);
    if (e != OK)
        http_fail(s->r, e);
    else
        http_reply_json(s->r, 200, &body);
}

static enum err prepare(struct submission *s, struct problems *problems)
{
    struct http_request *r = s->r;
    struct store_tx *tx;
    struct str payload;
    TRY(job_stock_accept(http_body(r), http_arena(r), problems, &payload));
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = job_prepare(tx, api_actor(r), JOB_KIND_RENDER, payload, http_arena(r), problems,
                             &s->prepared);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

void api_stock_submit(struct http_request *r)
{
    struct submission *s = arena_alloc(http_arena(r), sizeof *s);
    struct problems problems;
    s->r = r;
    problems_init(&problems, http_arena(r));
    if (!api_body_is_json(r))
        return;
    if (job_stock_has_actions(http_body(r))) {
        http_reply(
            r, 400, "text/plain; charset=utf-8",
            STR("actions run on a worker and would need their credentials there: submit the "
                "job to /api/v2/jobs and say where its output goes with `upload` and whom to "
                "tell with `webhook`\n"));
        return;
    }
    enum err e = prepare(s, &problems);
    if (e != OK) {
        http_fail_with(r, e, &problems);
        return;
    }
    api_job_output_addresses(r, &s->prepared);
    api_write(r, submit_op, submit_done, s);
}
