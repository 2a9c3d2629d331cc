/* Deliveries: when to try again, what is recorded of an attempt, and what it means for the job. */
#include "clock.h"
#include "job_end.h"
#include "store_audit.h"
#include "store_secret.h"

enum {
    UPLOAD_ATTEMPTS_MAX = 296,    /* after 1, 2, 4 ... 256 s, then every 5 minutes: 24 hours */
    WEBHOOK_ATTEMPTS_MAX = 1 + 3, /* contract: 3 retries */
    LOST_GAP_MS = 2 * 1000,       /* the courier is started again meanwhile */
};

static _Atomic int64_t gap_max_ms = UPLOAD_GAP_MAX_MS;

void job_delivery_set_gap_max_ms(int64_t ms)
{
    ASSERT(ms > 0 && ms <= UPLOAD_GAP_MAX_MS);
    gap_max_ms = ms;
}

/* attempts: how many there have been, at least 1. */
static int64_t gap_ms(const struct delivery *d)
{
    unsigned doublings = (unsigned)(d->attempts - 1) * (d->kind == DELIVERY_WEBHOOK ? 2 : 1);
    int64_t most = gap_max_ms, gap = doublings < 20 ? (int64_t)1000 << doublings : most;
    return gap < most ? gap : most;
}

void job_delivery_step(struct delivery *d, enum job_attempt attempt, int64_t status, int64_t now_ms)
{
    int64_t most = d->kind == DELIVERY_WEBHOOK ? WEBHOOK_ATTEMPTS_MAX : UPLOAD_ATTEMPTS_MAX;
    d->updated_at_ms = now_ms;
    d->lost = attempt == JOB_ATTEMPT_LOST ? d->lost + 1 : 0;
    if (attempt == JOB_ATTEMPT_LOST || attempt == JOB_ATTEMPT_PUT_OFF) {
        d->next_at_ms = now_ms + LOST_GAP_MS;
        d->state = d->lost >= DELIVERY_LOST_MAX ? DELIVERY_FAILED : DELIVERY_DUE;
        return;
    }
    d->attempts++;
    d->next_at_ms = now_ms;
    /* A receiver that answers 404 today may be deployed in a moment. */
    if (attempt == JOB_ATTEMPT_FAILED && d->kind == DELIVERY_WEBHOOK && status != 0)
        attempt = JOB_ATTEMPT_RETRY;
    if (attempt == JOB_ATTEMPT_DONE)
        d->state = DELIVERY_DONE;
    else if (attempt == JOB_ATTEMPT_FAILED || d->attempts >= most)
        d->state = DELIVERY_FAILED;
    else
        d->next_at_ms = now_ms + gap_ms(d);
}

struct str job_delivery_line(const struct delivery *d, struct arena *a)
{
    const char *what = d->kind == DELIVERY_WEBHOOK ? "webhook" : "upload";
    bool named = str_starts(d->message, str_from(what));
    int64_t wait_s = (d->next_at_ms - d->updated_at_ms + 999) / 1000;
    struct str next = STR_EMPTY;
    if (d->state == DELIVERY_FAILED)
        next = STR("; it is not tried again by itself: mend the cause, then retry-delivery");
    if (d->state == DELIVERY_FAILED && d->kind == DELIVERY_UPLOAD)
        next =
            STR("; it is not tried again by itself: mend the cause, then retry-delivery, or fetch "
                "the file with job output");
    else if (d->state == DELIVERY_DUE)
        next = arena_printf(a, "; tried again in %d s", (int)wait_s);
    return arena_printf(a, "[%s%s%.*s (attempt %d%.*s)]\n", named ? "" : what, named ? "" : ": ",
                        (int)d->message.len, d->message.ptr, (int)d->attempts, (int)next.len,
                        next.ptr);
}

enum err job_audit_use(struct store_tx *tx, const struct actor *actor, const struct job *job,
                       const struct ref_bundle *b, struct str host)
{
    int64_t now = clock_unix_ms();
    for (size_t i = 0; i < b->use_count; i++) {
        if (b->uses[i].literal)
            continue;
        const struct seal_context *c = &b->records[b->uses[i].record].context;
        struct audit_record record = {.type = AUDIT_SECRET_USED,
                                      .team_id = ulid_str(&job->team_id),
                                      .actor = actor->token_id,
                                      .address = actor->address,
                                      .request_id = actor->request_id,
                                      .subject = c->secret_id,
                                      .name = c->name,
                                      .version = c->version,
                                      .job_id = ulid_str(&job->id),
                                      .field = b->uses[i].pointer,
                                      .host = host};
        TRY(store_audit(tx, &record));
    }
    for (size_t i = 0; i < b->record_count; i++) {
        enum err e = store_secret_used(tx, b->records[i].context.secret_id, now);
        if (e != OK && e != ERR_NOT_FOUND) /* deleted since: its use is in the audit log */
            return e;
    }
    return OK;
}

/* An upload decides the job; a webhook only leaves its line in the log. */
static enum err settle(struct store_tx *tx, struct job *job, const struct job_delivered *d)
{
    const struct delivery *delivery = &d->delivery;
    if (delivery->kind == DELIVERY_UPLOAD && !job_state_final(job->state)) {
        if (delivery->state == DELIVERY_DONE)
            return job_end(tx, job, JOB_FINISHED, STR_EMPTY, &JOB_END_SYSTEM, d->arena);
        if (delivery->state == DELIVERY_FAILED)
            return job_end(tx, job, JOB_ERROR, delivery->message, &JOB_END_SYSTEM, d->arena);
    }
    return store_job_update(tx, job);
}

/* Was it taken back while the attempt was under way (job_redeliver.c)? */
static enum err is_taken_back(struct store_tx *tx, const struct delivery *d, struct arena *a,
                              bool *ret)
{
    struct delivery *list;
    size_t count;
    *ret = false;
    TRY(store_delivery_of_job(tx, ulid_str(&d->job_id), a, &list, &count));
    for (size_t i = 0; i < count; i++)
        if (str_equal(ulid_str(&list[i].id), ulid_str(&d->id)))
            *ret = list[i].state == DELIVERY_DONE;
    return OK;
}

enum err job_delivered_op(struct store_tx *tx, void *ctx)
{
    const struct job_delivered *d = ctx;
    struct job job;
    bool taken_back;
    TRY(store_job_any(tx, ulid_str(&d->delivery.job_id), false, d->arena, &job));
    if (d->used)
        TRY(job_audit_use(tx, &JOB_END_SYSTEM, &job, d->used, d->host));
    if (d->signed_with)
        TRY(job_audit_use(tx, &JOB_END_SYSTEM, &job, d->signed_with, d->host));
    if (d->status_line.len)
        TRY(job_end_log(tx, &job, d->status_line));
    TRY(is_taken_back(tx, &d->delivery, d->arena, &taken_back));
    if (taken_back)
        return store_job_update(tx, &job);
    TRY(store_delivery_update(tx, &d->delivery));
    return settle(tx, &job, d);
}

enum err job_note_op(struct store_tx *tx, void *ctx)
{
    const struct job_note *n = ctx;
    struct job job;
    TRY(store_job_any(tx, n->job_id, false, n->arena, &job));
    TRY(job_end_log(tx, &job, n->line));
    return store_job_update(tx, &job);
}

struct str job_content_type(struct str output_name)
{
    static const struct {
        const char *end, *type;
    } types[] = {
        {".mp4", "video/mp4"},
        {".mov", "video/quicktime"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_ends(output_name, str_from(types[i].end)))
            return str_from(types[i].type);
    }
    return STR(JOB_CONTENT_TYPE_UNKNOWN);
}
