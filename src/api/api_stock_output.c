/* What a worker of protocol v1 hands in, by @nexrender/provider-nx: it asks an address (POST
 * /t/{ticket}) where to put a file, puts it there, and says so at another address. Each works once.
 * The output itself is put as any worker does it (api_upload.c); the log here (PUT
 * /t/{ticket}/log).
 */
#include <stdlib.h>

#include "alloc.h"
#include "api_stock.h"
#include "job_ticket.h"
#include "lease_keep.h"
#include "ticket.h"

enum {
    ANSWER_MAX_BYTES = 16 * 1024,
    KINDS = 1 << TICKET_STOCK_OUTPUT | 1 << TICKET_STOCK_LOG | 1 << TICKET_STOCK_DONE,
};

/* --- POST /t/{ticket} --- */

struct ask {
    struct http_request *r;
    uint8_t hash[32];
    struct ticket ticket;
    struct str upload_url, done_url;
};

static enum err ask_op(struct store_tx *tx, void *ctx)
{
    struct ask *k = ctx;
    struct arena *a = http_arena(k->r);
    struct job job;
    TRY(ticket_take_any(tx, k->hash, KINDS, a, &k->ticket, &job));
    if (k->ticket.kind == TICKET_STOCK_DONE)
        return OK;
    bool log = k->ticket.kind == TICKET_STOCK_LOG;
    struct job_ticket t = {.job = &job,
                           .kind = log ? TICKET_STOCK_LOG_PUT : TICKET_OUTPUT_PUT,
                           .base_url = api_base_url(k->r),
                           .extension = log ? STR("/log") : STR_EMPTY};
    TRY(job_ticket_issue(tx, &t, a, &k->upload_url));
    t.kind = TICKET_STOCK_DONE;
    t.extension = STR_EMPTY;
    return job_ticket_issue(tx, &t, a, &k->done_url);
}

static void ask_done(enum err e, void *ctx)
{
    struct ask *k = ctx;
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    if (e != OK) {
        http_fail(k->r, e);
        return;
    }
    json_out_open(&o, '{');
    if (k->ticket.kind != TICKET_STOCK_DONE) {
        json_out_member_str(&o, "upload_url", k->upload_url);
        json_out_member_str(&o, "finilize_url", k->done_url); /* so it is spelt there */
    }
    json_out_close(&o, '}');
    api_reply_out(k->r, 200, &body, &o);
}

void api_ticket_post(struct http_request *r)
{
    struct ask *k = arena_alloc(http_arena(r), sizeof *k);
    struct job job;
    k->r = r;
    enum err e = ticket_hash(r, k->hash);
    if (e == OK)
        e = ticket_look(api_of(r)->store, k->hash, KINDS, http_arena(r), &k->ticket, &job);
    if (e != OK)
        http_fail(r, e);
    else
        api_write(r, ask_op, ask_done, k);
}

/* --- PUT /t/{ticket}/log --- */

struct log {
    struct http_request *r;
    uint8_t hash[32];
    struct ticket ticket;
    struct job job;
    struct lease_keep keep;
    struct buf text;
};

static void log_free(struct log *l)
{
    buf_auto(&l->text);
    free(l);
}

/* More than a job's log may hold is not kept; one byte more says that there was more. */
static enum err piece(void *ctx, struct str bytes)
{
    struct log *l = ctx;
    lease_keep_moved(&l->keep);
    return buf_put(&l->text, str_slice(bytes, 0, l->text.max - l->text.len));
}

static enum err take_op(struct store_tx *tx, void *ctx)
{
    struct log *l = ctx;
    return ticket_take(tx, l->hash, TICKET_STOCK_LOG_PUT, http_arena(l->r), &l->ticket, &l->job);
}

static enum err keep(struct log *l)
{
    struct str text = buf_str(&l->text);
    int64_t accepted = 0;
    TRY(store_write_wait(api_of(l->r)->store, take_op, l));
    while ((size_t)accepted < text.len) {
        size_t from = (size_t)accepted;
        struct worker_piece piece = {
            .lease_id = l->job.lease_id,
            .token_id = l->job.lease_token,
            .text = str_slice(text, from, from + LOG_CHUNK_MAX_BYTES),
            .offset = from,
            .final = text.len - from <= LOG_CHUNK_MAX_BYTES,
        };
        TRY(worker_log_keep(l->r, &piece, &accepted));
        if ((size_t)accepted <= from)
            return ERR_CONFLICT;
    }
    return OK;
}

static void complete(struct http_request *r)
{
    struct log *l = api_work(r);
    enum err e = keep(l);
    log_free(l);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply(r, 201, "application/json", STR("{}"));
}

static void end(struct http_request *r, void *ctx, bool whole)
{
    if (!api_defer_body(r, whole, complete, ctx))
        log_free(ctx);
}

void api_stock_log(struct http_request *r)
{
    uint8_t hash[32];
    struct ticket ticket;
    struct job job;
    enum err e = ticket_hash(r, hash);
    if (e == OK)
        e = ticket_look(api_of(r)->store, hash, 1u << TICKET_STOCK_LOG_PUT, http_arena(r), &ticket,
                        &job);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    struct log *l = xcalloc(1, sizeof *l);
    l->r = r;
    l->keep = lease_keep_of(api_of(r)->store, &job);
    memcpy(l->hash, hash, sizeof hash);
    l->text = buf_make(JOB_LOG_MAX_BYTES + 1);
    http_stream_body(r, &(struct http_sink){.piece = piece, .end = end, .ctx = l});
}
