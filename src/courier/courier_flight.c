#include "courier_flight.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "alloc.h"
#include "clock.h"
#include "io.h"

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
    TRY(e);
    f->host = job_bundle_host(part, &f->bundle, &f->arena);
    return OK;
}

static struct str content_type_of(struct str name)
{
    static const struct {
        const char *extension, *type;
    } types[] = {
        {".mp4", "video/mp4"},
        {".mov", "video/quicktime"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_ends(name, str_from(types[i].extension)))
            return str_from(types[i].type);
    }
    return STR("application/octet-stream");
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

enum err flight_order(struct flight *f, int spool_folder, struct buf *body, struct order *ret,
                      int *ret_fd)
{
    *ret_fd = -1;
    *ret = (struct order){.job_id = ulid_str(&f->job.id), .bundle = f->bundle};
    if (f->delivery.kind == DELIVERY_WEBHOOK) {
        TRY(job_write_webhook(&f->job, body));
        ret->kind = ORDER_WEBHOOK;
        ret->body = buf_str(body);
        return OK;
    }
    ret->kind = ORDER_UPLOAD;
    ret->object_name = f->job.output_name;
    ret->content_type = content_type_of(f->job.output_name);
    *ret_fd = open_output(f, spool_folder, &ret->size_bytes);
    if (*ret_fd < 0)
        fail(f, STR("the rendered file is not in the spool any more; submit the job again"));
    return OK;
}

/* The processes behind it are gone or restarting: that says nothing about the other server. */
static bool is_lost(const struct answer *a)
{
    return a->err == ERR_UNAVAILABLE || a->err == ERR_VAULT_DOWN || a->err == ERR_BUSY;
}

void flight_answer(struct flight *f, const struct answer *a)
{
    f->status = a->status;
    f->state = FLIGHT_ANSWERED;
    f->message = arena_str(&f->arena, a->message);
    if (a->err == ERR_VAULT_DOWN || a->err == ERR_BUSY)
        f->sent = false; /* it did not come to that */
    if (a->outcome == OUTCOME_DONE)
        f->attempt = JOB_ATTEMPT_DONE;
    else if (is_lost(a))
        f->attempt = JOB_ATTEMPT_LOST;
    else
        f->attempt = a->outcome == OUTCOME_RETRY ? JOB_ATTEMPT_RETRY : JOB_ATTEMPT_FAILED;
    if (!f->message.len)
        f->message = f->attempt == JOB_ATTEMPT_LOST
                         ? STR("the sending process ended before it had an answer")
                         : str_from(err_text(a->err));
}

void flight_settle(struct flight *f, int64_t now_ms)
{
    struct delivery d = f->delivery;
    d.message = f->message;
    job_delivery_step(&d, f->attempt, f->status, now_ms);
    /* What was not an attempt comes again every other second: the job's log is not for that. */
    bool told = f->attempt != JOB_ATTEMPT_LOST;
    f->record =
        (struct job_delivered){.delivery = d,
                               .status_line = told ? job_delivery_line(&d, &f->arena) : STR_EMPTY,
                               .used = f->sent ? &f->bundle : NULL,
                               .host = f->host,
                               .arena = &f->arena};
}
