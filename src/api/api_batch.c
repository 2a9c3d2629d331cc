/* Batches: submit, show, cancel. */
#include "api_job.h"
#include "api_output.h"
#include "job_batch.h"

enum { BATCH_ANSWER_MAX_BYTES = 256 * 1024 * 1024 }; /* with the first warnings of each job */

/* --- POST /batches --- */

struct batch_submission {
    struct job_batch batch;
    struct http_request *r;
};

static enum err insert_op(struct store_tx *tx, void *ctx)
{
    struct batch_submission *s = ctx;
    return job_batch_insert_op(tx, &s->batch);
}

static void answer_created(struct batch_submission *s, int status)
{
    AUTO(buf) struct buf body = buf_make(BATCH_ANSWER_MAX_BYTES);
    enum err e = OK;
    for (size_t i = 0; i < s->batch.count && e == OK; i++) {
        if (s->batch.items[i].err == OK)
            e = api_output_sign_new(s->r, &s->batch.items[i].prepared);
    }
    if (e == OK)
        e = job_batch_write_created(&s->batch, &body);
    if (e != OK)
        http_fail(s->r, e);
    else
        http_reply_json(s->r, status, &body);
}

static void insert_done(enum err e, void *ctx)
{
    struct batch_submission *s = ctx;
    if (e == ERR_NOT_FOUND)
        http_fail_text(s->r, ERR_AGAIN, "A template went away meanwhile; nothing was accepted");
    else if (e != OK)
        http_fail(s->r, e);
    else
        answer_created(s, 201);
}

static enum err prepare(struct batch_submission *s, struct problems *problems)
{
    struct http_request *r = s->r;
    struct store_tx *tx;
    struct str *jobs;
    size_t count;
    TRY(job_batch_split(http_body(r), http_arena(r), problems, &jobs, &count));
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = job_batch_prepare(tx, jobs, count, problems, &s->batch);
    store_read_end(api_of(r)->store, &tx);
    TRY(e);
    for (size_t i = 0; i < s->batch.count; i++) {
        if (s->batch.items[i].err == OK)
            api_job_output_addresses(r, &s->batch.items[i].prepared);
    }
    return OK;
}

static void submit_batch(struct http_request *r)
{
    struct batch_submission *s = api_work(r);
    struct problems problems;
    problems_init(&problems, http_arena(r));
    enum err e = prepare(s, &problems);
    if (e != OK)
        http_fail_with(r, e, &problems);
    else if (s->batch.good_count == 0)
        answer_created(s, 400);
    else
        store_write(api_of(r)->store, insert_op, insert_done, s);
}

void api_batch_submit(struct http_request *r)
{
    struct batch_submission *s = arena_alloc(http_arena(r), sizeof *s);
    s->r = r;
    s->batch.actor = api_actor(r);
    s->batch.arena = http_arena(r);
    if (api_job_no_false_dry_run(r, false) && api_body_is_json(r))
        api_defer_or_fail(r, submit_batch, s);
}

/* --- GET /batches/{id} --- */

void api_batch_get(struct http_request *r)
{
    struct store_tx *tx;
    struct batch batch;
    struct str id = http_param(r, "id");
    AUTO(buf) struct buf body = buf_make(BATCH_ANSWER_MAX_BYTES);
    if (!api_job_id_is_good(r, id))
        return;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = store_batch_get(tx, api_actor(r)->team_id, id, &batch);
        if (e == OK)
            e = job_batch_write(tx, api_of(r)->vault, &batch, http_arena(r), &body);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &body);
}

/* --- POST /batches/{id}/cancel --- */

struct batch_cancellation {
    struct http_request *r;
    struct job_batch_cancel cancel;
};

static enum err cancel_op(struct store_tx *tx, void *ctx)
{
    struct batch_cancellation *c = ctx;
    return job_batch_cancel_op(tx, &c->cancel);
}

static void cancel_done(enum err e, void *ctx)
{
    struct batch_cancellation *c = ctx;
    AUTO(buf) struct buf body = buf_make(BATCH_ANSWER_MAX_BYTES);
    if (e == OK) {
        api_wake(api_of(c->r)); /* webhooks */
        e = api_output_sign(c->r, c->cancel.ret_cancelled, c->cancel.ret_cancelled_count);
        if (e == OK)
            e = job_batch_write_cancelled(&c->cancel, &body);
    }
    if (e != OK)
        http_fail(c->r, e);
    else
        http_reply_json(c->r, 200, &body);
}

void api_batch_cancel(struct http_request *r)
{
    struct batch_cancellation *c = arena_alloc(http_arena(r), sizeof *c);
    c->r = r;
    c->cancel = (struct job_batch_cancel){
        .actor = api_actor(r), .id = http_param(r, "id"), .arena = http_arena(r)};
    if (api_job_flag(r, "running", &c->cancel.running) && api_job_id_is_good(r, c->cancel.id))
        api_write(r, cancel_op, cancel_done, c);
}
