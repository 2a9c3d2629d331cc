/* The open-source farm's protocol v1, for its workers and clients: picking up a job, and looking at
 * jobs (docs/PROTOCOL-worker.md). What a worker says of its job is api_stock_update.c, its output
 * api_stock_output.c, submitting api_stock_submit.c. */
#include "api_stock.h"
#include "job_cancel.h"
#include "job_stock.h"
#include "spool_room.h"

enum { SELECTOR_MAX_BYTES = 256, NAME_MAX_BYTES = 128, LIGHT_MAX_BYTES = 16 * 1024 };

/* What web pages ask before they ask. */
void api_stock_options(struct http_request *r)
{
    http_answer_header(r, "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS");
    http_answer_header(r, "Access-Control-Allow-Headers",
                       "Authorization, Content-Type, nexrender-secret, nexrender-name");
    http_answer_header(r, "Access-Control-Max-Age", "86400");
    http_reply(r, 200, "text/plain; charset=utf-8", STR("ok"));
}

void api_stock_health(struct http_request *r)
{
    http_reply(r, 200, "text/plain; charset=utf-8", STR("ok"));
}

/* --- picking up --- */

struct str api_stock_worker_name(struct http_request *r)
{
    return str_slice(http_header(r, "nexrender-name"), 0, NAME_MAX_BYTES);
}

static enum err pick(struct http_request *r, struct job_lease *l, struct buf *out)
{
    l->actor = api_actor(r);
    l->worker = api_stock_worker_name(r);
    l->engines = STR_EMPTY;
    l->base_url = api_base_url(r);
    l->stock = true;
    l->mogrt = job_stock_takes_mogrt(http_header(r, "User-Agent"));
    l->arena = http_arena(r);
    TRY(spool_room_for_job(api_of(r)));
    return worker_lease(r, l, job_stock_write, out);
}

static void pickup(struct http_request *r)
{
    struct job_lease *l = arena_alloc(http_arena(r), sizeof *l);
    AUTO(buf) struct buf out = buf_make(LEASE_ANSWER_MAX_BYTES);
    l->tags = http_param(r, "tags");
    enum err e = pick(r, l, &out);
    if (e != OK)
        http_fail(r, e);
    else if (!l->found)
        http_reply(r, 200, "application/json", STR("{}"));
    else
        http_reply_json(r, 200, &out);
}

/* Its answer would be thrown away, and with it the job. */
static bool only_looks(struct http_request *r)
{
    if (!str_is(http_method(r), "HEAD"))
        return false;
    http_answer_header(r, "Allow", "GET, OPTIONS");
    http_fail(r, ERR_METHOD);
    return true;
}

void api_stock_pickup(struct http_request *r)
{
    if (only_looks(r))
        return;
    if (http_param(r, "tags").len > SELECTOR_MAX_BYTES)
        api_fail_field(r, "tags", "must be at most 256 bytes");
    else
        api_defer_or_fail(r, pickup, NULL);
}

/* Worker 1.8 asks for all jobs and takes one that is queued: it is shown the one that is now its
 * own, and only one without values, since lists are looked at by others, too. */
static void pickup_by_list(struct http_request *r)
{
    struct job_lease *l = arena_alloc(http_arena(r), sizeof *l);
    AUTO(buf) struct buf out = buf_make(LEASE_ANSWER_MAX_BYTES);
    l->tags = STR_EMPTY;
    l->not_exposed = true;
    enum err e = buf_put(&out, STR("["));
    if (e == OK)
        e = pick(r, l, &out);
    if (e == OK && !l->found) { /* what a job that failed left behind */
        buf_reset(&out);
        e = buf_put(&out, STR("["));
    }
    if (e == OK)
        e = buf_put(&out, STR("]"));
    if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &out);
}

/* --- looking --- */

/* A worker sees the jobs that it holds. */
static bool may_see(struct http_request *r, const struct job *job)
{
    return api_user(r)->role != ROLE_WORKER || str_equal(job->lease_token, api_actor(r)->token_id);
}

static enum err list(struct http_request *r, struct buf *out)
{
    struct job *jobs;
    size_t count;
    bool first = true;
    struct store_tx *tx;
    struct job_query q = {.team_id = api_actor(r)->team_id,
                          .limit = LIST_JOBS_MAX,
                          .sort = JOB_NEWEST_FIRST,
                          .tags = STR_EMPTY};
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = store_job_list(tx, &q, http_arena(r), &jobs, &count);
    store_read_end(api_of(r)->store, &tx);
    TRY(e);
    TRY(buf_put(out, STR("[")));
    for (size_t i = 0; i < count; i++) {
        if (!may_see(r, &jobs[i]))
            continue;
        if (!first)
            TRY(buf_put(out, STR(",")));
        first = false;
        TRY(job_stock_write_light(&jobs[i], out));
    }
    return buf_put(out, STR("]"));
}

void api_stock_status_list(struct http_request *r)
{
    AUTO(buf) struct buf out = buf_make(LIST_JOBS_MAX * LIGHT_MAX_BYTES);
    enum err e = list(r, &out);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &out);
}

void api_stock_list(struct http_request *r)
{
    if (api_user(r)->role != ROLE_WORKER)
        api_stock_status_list(r);
    else if (!only_looks(r))
        api_defer_or_fail(r, pickup_by_list, NULL);
}

void api_stock_get(struct http_request *r)
{
    struct store_tx *tx;
    struct job job;
    struct str id = http_param(r, "uid");
    AUTO(buf) struct buf out = buf_make(LIGHT_MAX_BYTES);
    enum err e = ulid_valid(id) ? store_read_begin(api_of(r)->store, &tx) : ERR_NOT_FOUND;
    if (e == OK) {
        e = store_job_get(tx, api_actor(r)->team_id, id, false, http_arena(r), &job);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e == OK && !may_see(r, &job))
        e = ERR_NOT_FOUND;
    if (e == OK)
        e = job_stock_write_light(&job, &out);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &out);
}

/* --- taking back --- */

struct removal {
    struct http_request *r;
    struct str id;
    struct job_cancel cancel;
};

static enum err remove_op(struct store_tx *tx, void *ctx)
{
    struct removal *m = ctx;
    return job_cancel_op(tx, &m->cancel);
}

static void remove_done(enum err e, void *ctx)
{
    struct removal *m = ctx;
    AUTO(buf) struct buf body = buf_make(LIGHT_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    if (e != OK) {
        http_fail(m->r, e);
        return;
    }
    api_wake(api_of(m->r));
    json_out_open(&o, '{');
    json_out_member_str(&o, "id", m->id);
    json_out_member_bool(&o, "removed", true);
    json_out_close(&o, '}');
    api_reply_out(m->r, 200, &body, &o);
}

/* Nothing that happened is forgotten: the job is cancelled. */
void api_stock_remove(struct http_request *r)
{
    struct removal *m = arena_alloc(http_arena(r), sizeof *m);
    m->r = r;
    m->id = http_param(r, "uid");
    m->cancel = (struct job_cancel){
        .actor = api_actor(r), .ids = &m->id, .id_count = 1, .arena = http_arena(r)};
    if (!ulid_valid(m->id))
        http_fail(r, ERR_NOT_FOUND);
    else
        api_write(r, remove_op, remove_done, m);
}
