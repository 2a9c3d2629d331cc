/* GET /t/{ticket}: an asset whose address or headers need a secret. The courier fetches it and
 * writes it into a pipe; the worker reads the other end and never meets the credential. What lies
 * in our own spool is answered from there (api_asset_file.c). */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "api_asset_file.h"
#include "clock.h"
#include "io.h"
#include "job_end.h"
#include "lease_keep.h"
#include "policy.h"
#include "ticket.h"

enum { CONTENT_TYPE_MAX = 128, KINDS = 1 << TICKET_ASSET_GET | ASSET_FILE_TICKETS };

struct asset {
    struct http_request *r;
    uint8_t hash[32];
    struct ticket ticket;
    struct job job;
    struct ref_bundle bundle;
    struct str file; /* in the spool; empty: the courier fetches it */
};

/* Outlives the request: the courier's last word comes after the answer has begun. */
struct fetch {
    struct api *api;
    struct http_request *r; /* NULL: it is answered */
    int pipe_out;
    int verdict; /* the answer under way is whole only when a byte is written here */
    struct ulid job_id;
    struct str pointer, message;
    struct arena arena;
};

static void fetch_free(struct fetch *f)
{
    io_close(&f->pipe_out);
    io_close(&f->verdict);
    arena_auto(&f->arena);
    free(f);
}

/* --- what went wrong goes into the job's log --- */

static enum err note_op(struct store_tx *tx, void *ctx)
{
    struct fetch *f = ctx;
    struct job job;
    TRY(store_job_any(tx, ulid_str(&f->job_id), false, &f->arena, &job));
    struct str line = arena_printf(&f->arena, "[asset %.*s: %.*s]\n", (int)f->pointer.len,
                                   f->pointer.ptr, (int)f->message.len, f->message.ptr);
    if (job.log_bytes + (int64_t)line.len > JOB_LOG_MAX_BYTES)
        return OK;
    TRY(job_end_log(tx, &job, line));
    return store_job_update(tx, &job);
}

static void note_done(enum err result, void *ctx)
{
    (void)result; /* a missing line in a log; the worker was told */
    fetch_free(ctx);
}

/* --- the courier's answers, on its thread --- */

static const char *plain_type(struct str type, char ret[static CONTENT_TYPE_MAX])
{
    bool plain = type.len > 0 && str_to_text(type, ret, CONTENT_TYPE_MAX) == OK;
    for (size_t i = 0; plain && i < type.len; i++)
        plain = type.ptr[i] >= ' ' && type.ptr[i] <= '~';
    return plain ? ret : "application/octet-stream";
}

/* The courier closes its pipe at the end and when it had to break off: what it was, its last word
 * tells. */
static void begin_answer(struct fetch *f, const struct answer *head)
{
    char type[CONTENT_TYPE_MAX];
    int ends[2], fd = f->pipe_out;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        http_fail(f->r, ERR_LIMIT);
        io_close(&f->pipe_out);
    } else {
        f->pipe_out = -1; /* it is the answer's from here on */
        f->verdict = ends[1];
        http_reply_pipe(f->r, 200, plain_type(head->content_type, type), fd, head->content_length,
                        ends[0]);
    }
    f->r = NULL;
}

static void answered(const struct answer *answer, void *ctx)
{
    struct fetch *f = ctx;
    if (answer->kind == ANSWER_HEAD) {
        if (f->r)
            begin_answer(f, answer);
        return;
    }
    if (answer->outcome == OUTCOME_DONE && f->verdict >= 0)
        (void)!write(f->verdict, "", 1); /* its reader may be gone */
    io_close(&f->verdict);
    if (f->r) {
        bool ours = answer->err == ERR_ADDRESS_REFUSED || policy_refused(answer->err);
        http_fail(f->r, ours ? answer->err : ERR_UPSTREAM);
        f->r = NULL;
    }
    if (answer->outcome == OUTCOME_DONE || answer->message.len == 0) {
        fetch_free(f);
        return;
    }
    f->message = arena_str(&f->arena, answer->message);
    store_write(f->api->store, note_op, note_done, f);
}

/* --- taking the ticket and sending the order --- */

/* The use is on record before it happens. */
static enum err take_op(struct store_tx *tx, void *ctx)
{
    struct asset *t = ctx;
    struct arena *a = http_arena(t->r);
    struct str missing;
    TRY(ticket_take_any(tx, t->hash, KINDS, a, &t->ticket, &t->job));
    t->file = STR_EMPTY;
    if (t->ticket.kind != TICKET_ASSET_GET)
        return asset_file_name(tx, &t->ticket, a, &t->file);
    TRY(job_bundle(tx, &t->job, JOB_PART_ASSET, t->ticket.pointer, a, &t->bundle, &missing));
    const struct actor worker = {.team_id = ulid_str(&t->job.team_id),
                                 .token_id = t->job.lease_token,
                                 .address = http_peer(t->r),
                                 .request_id = http_request_id(t->r)};
    return job_audit_use(tx, &worker, &t->job, &t->bundle,
                         job_bundle_host(JOB_PART_ASSET, &t->bundle, a));
}

static enum err order(struct asset *t)
{
    struct api *api = api_of(t->r);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ERR_LIMIT;
    struct fetch *f = xcalloc(1, sizeof *f);
    f->api = api;
    f->r = t->r;
    f->pipe_out = ends[0];
    f->verdict = -1;
    f->job_id = t->job.id;
    f->arena = arena_make();
    f->pointer = arena_str(&f->arena, t->ticket.pointer);
    struct order download = {
        .kind = ORDER_DOWNLOAD, .job_id = ulid_str(&t->job.id), .bundle = t->bundle};
    struct courier *courier = api_courier_begin(api);
    enum err e = courier ? courier_send(courier, &download, ends[1], answered, f) : ERR_UNAVAILABLE;
    api_courier_end(api);
    io_close(&ends[1]);
    if (e != OK)
        fetch_free(f);
    return e == ERR_UNAVAILABLE ? ERR_BUSY : e;
}

static void fetch(struct http_request *r)
{
    struct asset *t = api_work(r);
    unsigned attempts = 0;
    enum err e = ticket_look(api_of(r)->store, t->hash, KINDS, http_arena(r), &t->ticket, &t->job);
    if (e == OK) {
        do {
            e = store_write_wait(api_of(r)->store, take_op, t);
        } while (api_try_again(e, &attempts));
    }
    if (e == OK)
        lease_keep_answer(r, &t->job);
    if (e == OK && t->file.len) {
        asset_file_reply(r, t->file);
        return;
    }
    if (e == OK)
        e = order(t);
    if (e != OK)
        http_fail(r, e == ERR_AGAIN ? ERR_BUSY : e);
}

void api_ticket_get(struct http_request *r)
{
    if (str_is(http_method(r), "HEAD")) { /* it would use the address up for nothing */
        http_answer_header(r, "Allow", "GET, PUT, POST");
        http_fail(r, ERR_METHOD);
        return;
    }
    struct asset *t = arena_alloc(http_arena(r), sizeof *t);
    t->r = r;
    enum err e = ticket_hash(r, t->hash);
    if (e != OK)
        http_fail(r, e);
    else
        api_defer_or_fail(r, fetch, t);
}
