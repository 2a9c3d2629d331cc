/* The answers about batches. */
#include "clock.h"
#include "job_address.h"
#include "job_batch.h"
#include "job_cancel.h"

static void write_refused(struct json_out *o, const struct job_batch *b)
{
    json_out_key(o, "errors");
    json_out_open(o, '[');
    for (size_t i = 0; i < b->count; i++) {
        const struct job_batch_item *item = &b->items[i];
        if (item->err == OK)
            continue;
        json_out_open(o, '{');
        json_out_member_int(o, "index", (int64_t)i);
        json_out_member_str(o, "error", item->why);
        json_out_member_str(o, "errorCode", str_from(err_code(item->err)));
        json_out_key(o, "details");
        json_out_open(o, '[');
        for (size_t k = 0; k < item->detail_count; k++) {
            json_out_open(o, '{');
            json_out_member_str(o, "field", item->details[k].field);
            json_out_member_str(o, "message", item->details[k].message);
            json_out_close(o, '}');
        }
        json_out_close(o, ']');
        json_out_close(o, '}');
    }
    json_out_close(o, ']');
}

static void write_accepted(struct json_out *o, const struct job_batch *b)
{
    json_out_key(o, "jobs");
    json_out_open(o, '[');
    for (size_t i = 0; i < b->count; i++) {
        if (b->items[i].err != OK)
            continue;
        json_out_open(o, '{');
        json_out_member_int(o, "index", (int64_t)i);
        job_write_created_members(o, &b->items[i].prepared);
        json_out_close(o, '}');
    }
    json_out_close(o, ']');
}

enum err job_batch_write_created(const struct job_batch *b, struct buf *out)
{
    struct json_out o = json_out_make(out);
    bool none = b->good_count == 0, all = b->good_count == b->count;
    json_out_open(&o, '{');
    if (none) {
        json_out_member_str(&o, "error", STR("None of the jobs was accepted; see errors"));
        json_out_member_str(&o, "code", str_from(err_code(ERR_INVALID)));
    }
    json_out_member_str(&o, "batchId", ulid_str(&b->batch.id));
    json_out_member_str(&o, "status", none ? STR("error") : all ? STR("created") : STR("partial"));
    json_out_member_int(&o, "totalJobs", (int64_t)b->count);
    json_out_member_int(&o, "successCount", (int64_t)b->good_count);
    write_accepted(&o, b);
    if (!all)
        write_refused(&o, b);
    json_out_close(&o, '}');
    return json_out_end(&o);
}

/* What was cancelled counts as an error: nothing came of it. */
struct tally {
    size_t finished, error, cancelled, pending;
};

static struct tally count_up(const struct job *jobs, size_t count)
{
    struct tally t = {0};
    for (size_t i = 0; i < count; i++) {
        t.finished += jobs[i].state == JOB_FINISHED;
        t.error += jobs[i].state == JOB_ERROR || jobs[i].state == JOB_CANCELLED;
        t.cancelled += jobs[i].state == JOB_CANCELLED;
        t.pending += !job_state_final(jobs[i].state);
    }
    return t;
}

static void write_job(struct json_out *o, const struct job *job)
{
    json_out_open(o, '{');
    json_out_member_int(o, "index", job->batch_index);
    json_out_member_str(o, "id", ulid_str(&job->id));
    json_out_member_str(o, "status", str_from(job_state_name(job->state)));
    if (job->output_url.len)
        json_out_member_str(o, "outputUrl", job->output_url);
    if (job_state_final(job->state))
        job_write_stats(o, job);
    json_out_close(o, '}');
}

enum err job_batch_write(struct store_tx *read, struct vault *vault, const struct batch *batch,
                         struct arena *a, struct buf *out)
{
    struct json_out o = json_out_make(out);
    struct job *jobs;
    size_t count;
    TRY(store_batch_jobs(read, ulid_str(&batch->id), a, &jobs, &count));
    TRY(job_address_sign_list(vault, jobs, count, clock_unix_ms(), a));
    struct tally t = count_up(jobs, count);
    bool failed = t.error == count;
    json_out_open(&o, '{');
    json_out_member_str(&o, "batchId", ulid_str(&batch->id));
    json_out_member_str(&o, "status",
                        t.pending ? STR("processing")
                        : failed  ? STR("error")
                                  : STR("finished"));
    json_out_key(&o, "stats");
    json_out_open(&o, '{');
    json_out_member_int(&o, "total", (int64_t)count);
    json_out_member_int(&o, "finished", (int64_t)t.finished);
    json_out_member_int(&o, "error", (int64_t)t.error);
    json_out_member_int(&o, "cancelled", (int64_t)t.cancelled);
    json_out_member_int(&o, "pending", (int64_t)t.pending);
    json_out_close(&o, '}');
    json_out_key(&o, "jobs");
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++)
        write_job(&o, &jobs[i]);
    json_out_close(&o, ']');
    json_out_close(&o, '}');
    return json_out_end(&o);
}

static const char *why_skipped(const struct job *job)
{
    return job_state_final(job->state) ? "it has ended already" : "it is being rendered";
}

static void write_outcomes(struct json_out *o, const struct job_batch_cancel *c)
{
    json_out_key(o, "jobs");
    json_out_open(o, '[');
    for (size_t i = 0; i < c->ret_count; i++) {
        const struct job_batch_outcome *one = &c->ret_outcomes[i];
        json_out_open(o, '{');
        json_out_member_int(o, "index", one->job.batch_index);
        json_out_member_str(o, "id", ulid_str(&one->job.id));
        json_out_member_str(o, "result", one->cancelled ? STR("cancelled") : STR("skipped"));
        json_out_member_str(o, "status", str_from(job_state_name(one->job.state)));
        if (!one->cancelled)
            json_out_member_str(o, "reason", str_from(why_skipped(&one->job)));
        json_out_close(o, '}');
    }
    json_out_close(o, ']');
}

enum err job_batch_write_cancelled(const struct job_batch_cancel *c, struct buf *out)
{
    struct json_out o = json_out_make(out);
    size_t cancelled = 0;
    for (size_t i = 0; i < c->ret_count; i++)
        cancelled += c->ret_outcomes[i].cancelled;
    bool all = cancelled == c->ret_count;
    json_out_open(&o, '{');
    json_out_member_str(&o, "batchId", ulid_str(&c->ret_batch.id));
    json_out_member_str(&o, "status",
                        !cancelled ? STR("unchanged")
                        : all      ? STR("cancelled")
                                   : STR("partial"));
    json_out_member_int(&o, "totalJobs", (int64_t)c->ret_count);
    json_out_member_int(&o, "cancelledCount", (int64_t)cancelled);
    json_out_member_int(&o, "skippedCount", (int64_t)(c->ret_count - cancelled));
    write_outcomes(&o, c);
    json_out_key(&o, "cancelledJobs");
    json_out_open(&o, '[');
    TRY(json_out_end(&o));
    for (size_t i = 0; i < c->ret_cancelled_count; i++) {
        if (i)
            TRY(buf_put_byte(out, ','));
        TRY(job_write(&c->ret_cancelled[i], false, out));
    }
    json_out_close(&o, ']');
    json_out_close(&o, '}');
    return json_out_end(&o);
}
