/* Cancelling one job, or several all or nothing. */
#include <stdlib.h>

#include "api_job.h"
#include "api_output.h"
#include "job_cancel.h"

enum { CANCEL_ANSWER_MAX_BYTES = 256 * 1024 * 1024 }; /* with families: ids alone are bounded */

struct cancellation {
    struct http_request *r;
    struct job_cancel cancel;
};

bool api_job_id_is_good(struct http_request *r, struct str id)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    bool good = id.len == ULID_LEN;
    for (size_t i = 0; i < id.len && good; i++)
        good = id.ptr[i] != '\0' && strchr(digits, id.ptr[i]) != NULL;
    if (!good)
        api_fail_field(r, "id", "must be 26 of 0-9 A-Z without I, L, O, U");
    return good;
}

static enum err cancel_op(struct store_tx *tx, void *ctx)
{
    struct cancellation *c = ctx;
    return job_cancel_op(tx, &c->cancel);
}

static enum err write_jobs(const struct job_cancel *c, struct buf *out)
{
    TRY(buf_put_byte(out, '['));
    for (size_t i = 0; i < c->ret_count; i++) {
        if (i)
            TRY(buf_put_byte(out, ','));
        TRY(job_write(&c->ret_jobs[i], false, out));
    }
    return buf_put_byte(out, ']');
}

static void cancel_done(enum err e, void *ctx)
{
    struct cancellation *c = ctx;
    AUTO(buf) struct buf body = buf_make(CANCEL_ANSWER_MAX_BYTES);
    if (e == OK) {
        api_wake(api_of(c->r)); /* webhooks */
        e = api_output_sign(c->r, c->cancel.ret_jobs, c->cancel.ret_count);
        if (e == OK)
            e = write_jobs(&c->cancel, &body);
    }
    if (e == ERR_CONFLICT)
        http_fail_text(c->r, e,
                       c->cancel.running
                           ? "Only a job that is queued, pending or being rendered can be cancelled"
                           : "Only a job that is queued or pending can be cancelled");
    else if (e != OK)
        http_fail(c->r, e);
    else
        http_reply_json(c->r, 200, &body);
}

static void cancel(struct http_request *r, const struct str *ids, size_t count, bool running)
{
    struct cancellation *c = arena_alloc(http_arena(r), sizeof *c);
    *c = (struct cancellation){.r = r,
                               .cancel = {.actor = api_actor(r),
                                          .ids = ids,
                                          .id_count = count,
                                          .running = running,
                                          .arena = http_arena(r)}};
    api_write(r, cancel_op, cancel_done, c);
}

void api_job_cancel(struct http_request *r)
{
    struct str *id = arena_alloc(http_arena(r), sizeof *id);
    bool running;
    *id = http_param(r, "id");
    if (api_job_flag(r, "running", &running) && api_job_id_is_good(r, *id))
        cancel(r, id, 1, running);
}

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static bool all_different(struct http_request *r, const struct str *ids, size_t count)
{
    struct str *sorted = arena_array(http_arena(r), count, sizeof *sorted);
    memcpy(sorted, ids, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_text);
    for (size_t i = 1; i < count; i++) {
        if (str_equal(sorted[i - 1], sorted[i]))
            return false;
    }
    return true;
}

/* ULIDs have no escapes, so the text between the quotes is the id. */
static bool read_ids(struct http_request *r, struct str array, struct str *ids, size_t *ret_count)
{
    struct json_elements e;
    struct str element;
    size_t count = 0;
    json_elements_init(&e, array);
    while (json_elements_next(&e, &element)) {
        struct str id = str_slice(element, 1, element.len ? element.len - 1 : 0);
        if (count == CANCEL_JOBS_MAX || element.ptr[0] != '"' || !ulid_valid(id))
            return false;
        ids[count++] = id;
    }
    *ret_count = count;
    return count > 0 && all_different(r, ids, count);
}

void api_job_cancel_many(struct http_request *r)
{
    struct body {
        struct str jobs;
    } body = {.jobs = STR_EMPTY};
    static const struct json_field fields[] = {
        JSON_FIELD(struct body, jobs, "jobs", JSON_AS_ARRAY, JSON_REQUIRED, 0),
    };
    struct str *ids = arena_array(http_arena(r), CANCEL_JOBS_MAX, sizeof *ids);
    size_t count = 0;
    bool running;
    if (!api_job_flag(r, "running", &running) || !api_decode(r, fields, ARRAY_LEN(fields), &body))
        return;
    if (read_ids(r, body.jobs, ids, &count))
        cancel(r, ids, count, running);
    else
        api_fail_field(r, "jobs", "must be 1 to 1000 ids of jobs, each once");
}
