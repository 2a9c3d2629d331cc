/* POST /worker/leases/{lease}/log: a worker's words are masked before anything keeps them. */
#include "api_worker.h"

#include "clock.h"
#include "order.h"

static enum err read_job(struct http_request *r, struct str lease_id, struct str token_id,
                         struct worker_job *ret)
{
    struct api *api = api_of(r);
    struct arena *a = http_arena(r);
    struct job leased;
    struct store_tx *tx;
    TRY(store_read_begin(api->store, &tx));
    enum err e = store_job_leased(tx, lease_id, token_id, clock_unix_ms(), a, &leased);
    if (e == OK)
        e = store_job_any(tx, ulid_str(&leased.id), true, a, &ret->job);
    if (e == OK)
        e = job_bundle(tx, &ret->job, JOB_PART_ALL, STR_EMPTY, a, &ret->all, &ret->gone);
    store_read_end(api->store, &tx);
    return e;
}

enum err worker_job(struct http_request *r, struct str lease_id, struct str token_id,
                    struct worker_job *ret)
{
    unsigned attempts = 0;
    enum err e;
    if (!ulid_valid(lease_id))
        return ERR_LEASE_LOST;
    do {
        e = read_job(r, lease_id, token_id, ret);
    } while (api_try_again(e, &attempts));
    return e == ERR_AGAIN ? ERR_BUSY : e;
}

enum err worker_mask(struct http_request *r, const struct worker_job *job, struct str text,
                     bool final, struct buf *out, size_t *ret_consumed)
{
    if (job->all.record_count == 0) { /* it knows no value */
        *ret_consumed = text.len;
        return buf_put(out, text);
    }
    struct api *api = api_of(r);
    struct courier *courier = api_courier_begin(api);
    enum err e = ERR_UNAVAILABLE;
    if (courier)
        e = courier_mask(courier, &job->all, ulid_str(&job->job.id), text, final, out,
                         ret_consumed);
    api_courier_end(api);
    return e == ERR_UNAVAILABLE ? ERR_BUSY : e; /* not the store: the courier starts anew */
}

/* What is stored of a chunk. A value that fills a whole chunk, again and again, has no place where
 * it could be cut without laying a piece of it bare: there the log ends. */
static enum err mask_chunk(struct http_request *r, const struct worker_piece *c,
                           const struct worker_job *job, struct buf *out, struct job_log_chunk *log)
{
    struct str text = c->text;
    size_t consumed = 0;
    if (job->gone.len) {
        log->consumed = (int64_t)text.len;
        log->end = arena_printf(http_arena(r),
                                "\n[the secret %.*s was deleted while the job ran: the rest of the "
                                "log cannot be masked and is left out]\n",
                                (int)job->gone.len, job->gone.ptr);
        return OK;
    }
    TRY(worker_mask(r, job, text, c->final, out, &consumed));
    if (consumed == 0 && text.len == LOG_CHUNK_MAX_BYTES) {
        consumed = text.len;
        log->end = STR("***\n[nothing but values of secrets for 1 MiB: the rest is left out]\n");
    }
    /* Within what was compressed before nothing says where text begins again. */
    if (job->all.record_count && str_search(text, STR(ORDER_COMPRESSED), 0) < text.len)
        log->end = STR("[compressed data cannot be masked: the rest of the log is left out]\n");
    log->consumed = (int64_t)consumed;
    log->text = buf_str(out);
    return OK;
}

enum err worker_log_keep(struct http_request *r, const struct worker_piece *c,
                         int64_t *ret_accepted)
{
    AUTO(buf) struct buf masked = buf_make(2 * LOG_CHUNK_MAX_BYTES);
    struct worker_job job;
    TRY(worker_job(r, c->lease_id, c->token_id, &job));
    struct job_log_chunk log = {.lease_id = c->lease_id,
                                .token_id = c->token_id,
                                .offset = (int64_t)c->offset,
                                .text = STR_EMPTY,
                                .end = STR_EMPTY,
                                .arena = http_arena(r)};
    /* A repeat stores nothing and is told how far it got. */
    if ((int64_t)c->offset == job.job.log_consumed)
        TRY(mask_chunk(r, c, &job, &masked, &log));
    TRY(store_write_wait(api_of(r)->store, job_log_op, &log));
    *ret_accepted = log.ret_accepted;
    return OK;
}

static void log_chunk(struct http_request *r)
{
    int64_t accepted;
    AUTO(buf) struct buf body = buf_make(256);
    struct json_out o = json_out_make(&body);
    enum err e = worker_log_keep(r, api_work(r), &accepted);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    json_out_open(&o, '{');
    json_out_member_int(&o, "accepted", accepted);
    json_out_close(&o, '}');
    api_reply_out(r, 200, &body, &o);
}

void api_worker_log(struct http_request *r)
{
    struct worker_piece *c = arena_alloc(http_arena(r), sizeof *c);
    struct str text;
    if (!http_query(r, "offset", &text) || str_to_u64(text, INT64_MAX / 2, &c->offset) != OK) {
        api_fail_field(r, "offset", "must say how many bytes of the log came before");
        return;
    }
    c->lease_id = http_param(r, "lease");
    c->token_id = api_actor(r)->token_id;
    c->text = http_body(r);
    c->final = http_query(r, "final", &text) && str_is(text, "1");
    api_defer_or_fail(r, log_chunk, c);
}
