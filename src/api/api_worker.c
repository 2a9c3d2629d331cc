/* A worker's calls: lease, heartbeat, finish (docs/PROTOCOL-worker.md). The log is
 * api_worker_log.c, the one-time addresses are api_upload.c and api_asset.c. */
#include "api_worker.h"

#include "json_decode.h"
#include "spool_room.h"

enum {
    LEASE_TEXT_MAX_BYTES = 256,
    LEASE_TRIES_MAX = 8, /* jobs that turn out to be unopenable in one call */
    FINISH_ERROR_MAX_BYTES = 64 * 1024,
};

static bool optional_json(struct http_request *r, const struct json_field *fields, size_t count,
                          void *ret)
{
    return http_body(r).len == 0 || api_decode(r, fields, count, ret);
}

/* --- lease --- */

struct lease_body {
    struct str worker, engines, tags;
};

/* Names the secrets, as a person will look for one of them. */
static enum err end_unopenable(struct http_request *r, const struct job_lease *l, enum err why)
{
    enum { NAMES_MAX = 5 };
    struct arena *a = http_arena(r);
    struct str names = STR_EMPTY;
    for (size_t i = 0; i < l->exposed.record_count && i < NAMES_MAX; i++) {
        struct str name = l->exposed.records[i].context.name;
        names = arena_printf(a, "%.*s%s%.*s", (int)names.len, names.ptr, i ? ", " : "",
                             (int)name.len, name.ptr);
    }
    struct job_finish f = {
        .job_id = ulid_str(&l->job.id),
        .error = why == ERR_TOO_LARGE
                     ? STR("the job is too large once its secrets are put in")
                     : arena_printf(a, "a secret could not be opened for this job (%.*s): %s",
                                    (int)names.len, names.ptr, err_text(why)),
        .arena = a,
    };
    return store_write_wait(api_of(r)->store, job_finish_op, &f);
}

/* What goes by itself: the job waits for the next call. */
static bool passes(enum err e)
{
    return e == ERR_VAULT_DOWN || e == ERR_LIMIT || e == ERR_BUSY;
}

enum err worker_lease(struct http_request *r, struct job_lease *l, worker_write *write,
                      struct buf *out)
{
    struct api *api = api_of(r);
    enum err e;
    for (int i = 0; i < LEASE_TRIES_MAX; i++) {
        unsigned attempts = 0;
        do {
            e = store_write_wait(api->store, job_lease_op, l);
        } while (api_try_again(e, &attempts));
        TRY(e);
        if (!l->found)
            return OK;
        e = write(l, api->vault, out);
        if (e == OK)
            return OK;
        if (passes(e)) { /* should that fail, too, it comes back when the lease has run out */
            (void)!store_write_wait(api->store, job_lease_undo_op, l);
            return e;
        }
        buf_reset(out);
        TRY(end_unopenable(r, l, e));
    }
    l->found = false;
    return OK;
}

static void lease(struct http_request *r)
{
    const struct lease_body *body = api_work(r);
    struct job_lease *l = arena_alloc(http_arena(r), sizeof *l);
    *l = (struct job_lease){.actor = api_actor(r),
                            .worker = body->worker,
                            .engines = body->engines,
                            .tags = body->tags,
                            .base_url = api_base_url(r),
                            .arena = http_arena(r)};
    AUTO(buf) struct buf out = buf_make(LEASE_ANSWER_MAX_BYTES);
    enum err e = spool_room_for_job(api_of(r));
    if (e == OK)
        e = worker_lease(r, l, job_write_lease, &out);
    if (e != OK)
        http_fail(r, e);
    else if (!l->found)
        http_reply_empty(r, 204);
    else
        http_reply_json(r, 200, &out);
}

void api_worker_lease(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct lease_body, worker, "worker", JSON_AS_STR, JSON_NULLABLE,
                   LEASE_TEXT_MAX_BYTES),
        JSON_FIELD(struct lease_body, engines, "engines", JSON_AS_STR, JSON_NULLABLE,
                   LEASE_TEXT_MAX_BYTES),
        JSON_FIELD(struct lease_body, tags, "tags", JSON_AS_STR, JSON_NULLABLE,
                   LEASE_TEXT_MAX_BYTES),
    };
    struct lease_body *body = arena_alloc(http_arena(r), sizeof *body);
    if (optional_json(r, fields, ARRAY_LEN(fields), body))
        api_defer_or_fail(r, lease, body);
}

/* --- heartbeat --- */

struct beat {
    struct http_request *r;
    struct beat_body {
        int64_t progress;
    } body;
    struct job_beat beat;
};

static enum err beat_op(struct store_tx *tx, void *ctx)
{
    struct beat *b = ctx;
    return job_beat_op(tx, &b->beat);
}

static void beat_done(enum err e, void *ctx)
{
    struct beat *b = ctx;
    AUTO(buf) struct buf body = buf_make(256);
    struct json_out o = json_out_make(&body);
    if (e != OK) {
        http_fail(b->r, e);
        return;
    }
    json_out_open(&o, '{');
    json_out_member_int(&o, "leaseMs", job_lease_ms());
    json_out_member_bool(&o, "cancel", b->beat.ret_cancel);
    json_out_close(&o, '}');
    api_reply_out(b->r, 200, &body, &o);
}

void api_worker_heartbeat(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct beat_body, progress, "progress", JSON_AS_INT, JSON_OPTIONAL, 100),
    };
    struct beat *b = arena_alloc(http_arena(r), sizeof *b);
    b->r = r;
    b->body.progress = -1;
    if (!optional_json(r, fields, ARRAY_LEN(fields), &b->body))
        return;
    b->beat = (struct job_beat){.lease_id = http_param(r, "lease"),
                                .token_id = api_actor(r)->token_id,
                                .progress = b->body.progress,
                                .arena = http_arena(r)};
    api_write(r, beat_op, beat_done, b);
}

/* --- finish --- */

struct finish_body {
    struct str state, error;
};

/* Masked whole, then cut: a cut before could leave half a value unrecognised. */
static enum err mask_error(struct http_request *r, struct str error, struct buf *out)
{
    struct worker_job job;
    size_t consumed;
    TRY(worker_job(r, http_param(r, "lease"), api_actor(r)->token_id, &job));
    if (job.gone.len)
        return buf_printf(out,
                          "the worker's error cannot be shown: the secret %.*s was deleted "
                          "while the job ran, so its value cannot be masked",
                          (int)job.gone.len, job.gone.ptr);
    return worker_mask(r, &job, error, true, out, &consumed);
}

static void finish(struct http_request *r)
{
    const struct finish_body *body = api_work(r);
    struct str lease_id = http_param(r, "lease");
    AUTO(buf) struct buf error = buf_make(2 * FINISH_ERROR_MAX_BYTES);
    bool failed = str_is(body->state, "error");
    enum err e = failed ? mask_error(r, body->error, &error) : OK;
    struct job_finish f = {.lease_id = lease_id,
                           .token_id = api_actor(r)->token_id,
                           .finished = str_is(body->state, "finished"),
                           .given_back = str_is(body->state, "queued"),
                           .error = buf_str(&error),
                           .arena = http_arena(r)};
    if (e == OK)
        e = store_write_wait(api_of(r)->store, job_finish_op, &f);
    if (e == ERR_CONFLICT)
        http_fail_text(r, e, "The job has no output yet: upload it before finishing");
    else if (e != OK)
        http_fail(r, e);
    else {
        api_wake(api_of(r));
        http_reply(r, 200, "application/json", STR("{}"));
    }
}

void api_worker_finish(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct finish_body, state, "state", JSON_AS_STR, JSON_REQUIRED, 16),
        JSON_FIELD(struct finish_body, error, "error", JSON_AS_STR, JSON_NULLABLE,
                   FINISH_ERROR_MAX_BYTES),
    };
    struct finish_body *body = arena_alloc(http_arena(r), sizeof *body);
    if (!api_decode(r, fields, ARRAY_LEN(fields), body))
        return;
    if (!str_is(body->state, "finished") && !str_is(body->state, "error") &&
        !str_is(body->state, "queued"))
        api_fail_field(r, "state", "must be finished, error or queued");
    else
        api_defer_or_fail(r, finish, body);
}
