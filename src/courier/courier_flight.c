#include "courier_flight.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "alloc.h"
#include "clock.h"
#include "io.h"
#include "job_address.h"

struct flight *flight_new(struct courier_dispatch *owner, const struct delivery *delivery)
{
    struct flight *f = xcalloc(1, sizeof *f);
    f->owner = owner;
    f->arena = arena_make();
    f->delivery = *delivery;
    f->delivery.message = arena_str(&f->arena, delivery->message);
    f->message = f->host = STR_EMPTY;
    return f;
}

void flight_free(struct flight **f)
{
    if (*f) {
        arena_auto(&(*f)->arena);
        free(*f);
    }
    *f = NULL;
}

void flight_autop(struct flight **f)
{
    flight_free(f);
}

static void fail(struct flight *f, struct str message)
{
    f->state = FLIGHT_ANSWERED;
    f->attempt = JOB_ATTEMPT_FAILED;
    f->message = message;
}

/* Receivers that check signatures would throw an unsigned call away, and say nothing. */
static enum err load_signing(struct flight *f, struct store_tx *tx)
{
    struct str name;
    enum err e = job_signing(tx, &f->job, &f->arena, &f->signing, &name);
    if (e != ERR_NOT_FOUND || !name.len)
        return e;
    fail(f,
         arena_printf(&f->arena,
                      "the secret %.*s, which signs the team's webhooks, does not exist any more",
                      (int)name.len, name.ptr));
    return OK;
}

enum err flight_load(struct flight *f, struct store_tx *tx)
{
    enum job_part part = f->delivery.kind == DELIVERY_UPLOAD ? JOB_PART_UPLOAD : JOB_PART_WEBHOOK;
    struct str missing;
    TRY(store_job_any(tx, ulid_str(&f->delivery.job_id), true, &f->arena, &f->job));
    enum err e = job_bundle(tx, &f->job, part, STR_EMPTY, &f->arena, &f->bundle, &missing);
    if (e == ERR_NOT_FOUND && missing.len) {
        fail(f, arena_printf(&f->arena, "the secret %.*s does not exist any more", (int)missing.len,
                             missing.ptr));
        return OK;
    }
    if (e == ERR_NOT_FOUND) {
        fail(f, STR("the job does not say where to"));
        return OK;
    }
    if (e == ERR_TAMPERED) {
        fail(f, STR(JOB_DAMAGED));
        return OK;
    }
    TRY(e);
    f->host = job_bundle_host(part, &f->bundle, &f->arena);
    return part == JOB_PART_WEBHOOK ? load_signing(f, tx) : OK;
}

static int open_output(struct flight *f, int spool_folder, uint64_t *ret_size)
{
    struct str name = job_spool_name(ulid_str(&f->job.id), &f->arena);
    AUTO(fd) int fd = openat(spool_folder, name.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return -1;
    *ret_size = (uint64_t)st.st_size;
    int opened = fd;
    fd = -1;
    return opened;
}

enum err flight_order(struct flight *f, struct vault *vault, int spool_folder, struct buf *body,
                      struct order *ret, int *ret_fd)
{
    struct job *job = &f->job;
    *ret_fd = -1;
    *ret = (struct order){.job_id = ulid_str(&f->job.id), .bundle = f->bundle};
    if (f->delivery.kind == DELIVERY_WEBHOOK) {
        if (vault)
            TRY(job_address_sign(vault, &job, 1, clock_unix_ms(), &f->arena));
        TRY(job_write_webhook(job, body));
        ret->kind = ORDER_WEBHOOK;
        ret->body = buf_str(body);
        ret->signing = f->signing;
        ret->delivery_id = f->signing.record_count ? ulid_str(&f->delivery.id) : STR_EMPTY;
        return OK;
    }
    ret->kind = ORDER_UPLOAD;
    ret->object_name = f->job.output_name;
    ret->content_type = job_content_type(f->job.output_name);
    *ret_fd = open_output(f, spool_folder, &ret->size_bytes);
    f->size_bytes = ret->size_bytes;
    if (*ret_fd < 0)
        fail(f, STR("the rendered file is not in the spool any more; submit the job again"));
    return OK;
}

/* The processes behind it are gone or restarting: that says nothing about the other server. Whoever
 * the courier died over may be the reason, unless it was told to end. */
static enum job_attempt attempt_of(const struct answer *a, bool stopping)
{
    if (a->outcome == OUTCOME_DONE)
        return JOB_ATTEMPT_DONE;
    if (a->err == ERR_VAULT_DOWN || a->err == ERR_BUSY)
        return JOB_ATTEMPT_PUT_OFF;
    if (a->err == ERR_UNAVAILABLE)
        return stopping ? JOB_ATTEMPT_PUT_OFF : JOB_ATTEMPT_LOST;
    return a->outcome == OUTCOME_RETRY ? JOB_ATTEMPT_RETRY : JOB_ATTEMPT_FAILED;
}

void flight_answer(struct flight *f, const struct answer *a, bool stopping)
{
    f->status = a->status;
    f->state = FLIGHT_ANSWERED;
    f->message = arena_str(&f->arena, a->message);
    if (a->err == ERR_VAULT_DOWN || a->err == ERR_BUSY)
        f->sent = false; /* it did not come to that */
    f->attempt = attempt_of(a, stopping);
    if (f->attempt == JOB_ATTEMPT_LOST)
        f->message = STR("the sending process died before it had an answer, again and again");
    else if (!f->message.len)
        f->message = str_from(err_text(a->err));
}

void flight_settle(struct flight *f, int64_t now_ms)
{
    struct delivery d = f->delivery;
    d.message = f->message;
    job_delivery_step(&d, f->attempt, f->status, now_ms);
    /* What was not an attempt comes again every other second: the job's log is not for that. */
    bool told = (f->attempt != JOB_ATTEMPT_LOST && f->attempt != JOB_ATTEMPT_PUT_OFF) ||
                d.state == DELIVERY_FAILED;
    f->record =
        (struct job_delivered){.delivery = d,
                               .status_line = told ? job_delivery_line(&d, &f->arena) : STR_EMPTY,
                               .used = f->sent ? &f->bundle : NULL,
                               .signed_with = f->sent ? &f->signing : NULL,
                               .host = f->host,
                               .arena = &f->arena};
}

enum err flight_progress_op(struct store_tx *tx, void *ctx)
{
    const struct flight *f = ctx;
    AUTO(arena) struct arena a = arena_make();
    uint64_t whole = f->size_bytes ? f->size_bytes : 1;
    struct str line = arena_printf(&a, "[upload: %d %% of %.1f MiB are there]\n",
                                   (int)(100.0 * (double)f->told / (double)whole),
                                   (double)f->size_bytes / (1024.0 * 1024.0));
    struct job_note note = {.job_id = ulid_str(&f->job.id), .line = line, .arena = &a};
    return job_note_op(tx, &note);
}
