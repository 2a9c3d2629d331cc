#include "job_end.h"

#include "clock.h"
#include "job_nested.h"
#include "job_payload.h"
#include "store_audit.h"
#include "store_font.h"

const struct actor JOB_END_SYSTEM = {.token_id = {"system", 6}};

enum err job_end_add_delivery(struct store_tx *tx, const struct job *job, enum delivery_kind kind)
{
    int64_t now = clock_unix_ms();
    struct delivery d = {.id = ulid_new(),
                         .job_id = job->id,
                         .team_id = job->team_id,
                         .kind = kind,
                         .state = DELIVERY_DUE,
                         .next_at_ms = now,
                         .updated_at_ms = now,
                         .message = STR_EMPTY};
    return store_delivery_insert(tx, &d);
}

enum err job_end_log(struct store_tx *tx, struct job *job, struct str line)
{
    TRY(store_log_append(tx, ulid_str(&job->id), job->log_bytes, line));
    job->log_bytes += (int64_t)line.len;
    return OK;
}

enum err job_end_has(struct store_tx *tx, const struct job *job, struct arena *a, bool *ret_upload,
                     bool *ret_webhook)
{
    struct job whole = *job;
    struct job_parts parts;
    if (!whole.payload.len)
        TRY(store_job_any(tx, ulid_str(&job->id), true, a, &whole));
    if (job_parts_find(whole.payload, a, &parts) != OK)
        return ERR_TAMPERED;
    *ret_upload = parts.upload.ptr != NULL;
    *ret_webhook = parts.webhook.ptr != NULL;
    return OK;
}

enum err job_end(struct store_tx *tx, struct job *job, enum job_state state, struct str error,
                 const struct actor *actor, struct arena *a)
{
    bool upload, webhook;
    int64_t now = clock_unix_ms();
    if (job_state_final(job->state))
        return ERR_CONFLICT;
    enum err e = job_end_has(tx, job, a, &upload, &webhook);
    if (e == ERR_TAMPERED) /* nobody knows any more who was to be told */
        webhook = false;
    else
        TRY(e);
    job->state = state;
    job->updated_at_ms = now;
    if (state != JOB_CANCELLED) /* else its worker asks under it, and hears that it is cancelled */
        job->lease_id = STR_EMPTY;
    job->lease_expires_at_ms = 0;
    if (state == JOB_FINISHED) {
        job->finished_at_ms = now;
        job->progress = 100;
    } else if (state == JOB_ERROR) {
        job->error_at_ms = now;
        job->error = str_slice(error, 0, JOB_ERROR_MAX_BYTES);
    }
    TRY(store_job_update(tx, job));
    TRY(store_font_job_ended(tx, ulid_str(&job->id)));
    store_count(tx, METRIC_JOBS_ENDED, (size_t)(state - JOB_FINISHED));
    struct audit_record record = {.type = state == JOB_CANCELLED ? AUDIT_JOB_CANCELLED
                                                                 : AUDIT_JOB_ENDED,
                                  .team_id = ulid_str(&job->team_id),
                                  .actor = actor->token_id,
                                  .address = actor->address,
                                  .request_id = actor->request_id,
                                  .subject = ulid_str(&job->id),
                                  .job_id = ulid_str(&job->id)};
    TRY(store_audit(tx, &record));
    if (webhook)
        TRY(job_end_add_delivery(tx, job, DELIVERY_WEBHOOK));
    return job_nested_ended(tx, job, actor, a);
}
