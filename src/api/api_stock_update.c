/* PUT /api/v1/jobs/{uid}: what a worker of protocol v1 says of its job. It sends the whole job that
 * it was given, with the values in it: only three members are looked at, the rest goes with the
 * request's memory. */
#include "api_stock.h"
#include "job_stock.h"

enum {
    STATE_MAX_BYTES = 64,
    ERROR_MAX_BYTES = 64 * 1024,
    ANSWER_MAX_BYTES = 16 * 1024,
    PROGRESS_MAX = 100,
};

struct update {
    struct http_request *r;
    struct said {
        struct str state, error; /* error: raw */
        struct str executor,
            job_executor; /* raw; the whole job has one, its short form the other */
        double progress;
    } said;
    struct job_stock_update op;
};
static const struct json_field FIELDS[] = {
    JSON_FIELD(struct said, state, "state", JSON_AS_STR, JSON_NULLABLE, STATE_MAX_BYTES),
    JSON_FIELD(struct said, error, "error", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct said, executor, "executor", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct said, job_executor, "jobExecutor", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct said, progress, "renderProgress", JSON_AS_NUMBER, JSON_NULLABLE, 0),
};

/* --- the error, in whatever form --- */

static enum err put_string(struct str raw, struct buf *out)
{
    AUTO(buf) struct buf text = buf_make(raw.len + 1);
    TRY(json_unescape(str_slice(raw, 1, raw.len - 1), &text));
    if (out->len)
        TRY(buf_put(out, STR("\n\n")));
    return buf_put(out, buf_str(&text));
}

static bool is_string(struct str raw)
{
    return raw.len >= 2 && raw.ptr[0] == '"';
}

/* A string, a list of them, or an object with a message (an Error is {} once it is JSON). */
static enum err read_error(struct str raw, struct buf *out)
{
    if (is_string(raw))
        return put_string(raw, out);
    if (raw.len && raw.ptr[0] == '[') {
        struct json_elements e;
        struct str element;
        json_elements_init(&e, raw);
        while (json_elements_next(&e, &element)) {
            if (is_string(element))
                TRY(put_string(element, out));
        }
    } else if (raw.len && raw.ptr[0] == '{') {
        struct json_members m;
        struct str key, value;
        json_members_init(&m, raw);
        while (json_members_next(&m, &key, &value)) {
            if (str_is(key, "message") && is_string(value))
                TRY(put_string(value, out));
        }
    }
    return OK;
}

/* Of a text that is too long the undecided end is left out with the rest: a value that was cut in
 * two could not be recognised. */
static enum err mask(struct http_request *r, const struct worker_job *job, struct str text,
                     struct buf *out)
{
    size_t consumed;
    if (job->gone.len)
        return buf_printf(out,
                          "the worker's error cannot be shown: the secret %.*s was deleted while "
                          "the job ran, so its value cannot be masked",
                          (int)job->gone.len, job->gone.ptr);
    return worker_mask(r, job, str_slice(text, 0, ERROR_MAX_BYTES), text.len <= ERROR_MAX_BYTES,
                       out, &consumed);
}

static enum err held_job(struct update *u, struct job *ret)
{
    struct http_request *r = u->r;
    struct store_tx *tx;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = store_job_get(tx, u->op.team_id, u->op.job_id, false, http_arena(r), ret);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

static enum err read_and_mask(struct update *u, struct buf *masked)
{
    struct job job;
    struct worker_job whole;
    AUTO(buf) struct buf text = buf_make(STOCK_UPDATE_MAX_BYTES);
    TRY(held_job(u, &job));
    TRY(read_error(u->said.error, &text));
    if (text.len == 0)
        return OK;
    enum err e = worker_job(u->r, job.lease_id, u->op.token_id, &whole);
    if (e == ERR_LEASE_LOST) /* nothing of it will be kept */
        return OK;
    TRY(e);
    return mask(u->r, &whole, buf_str(&text), masked);
}

/* --- the call --- */

/* Its end is a mark of ours in plain characters; the name before it may be anything. */
static struct str executor_of(const struct said *said)
{
    struct str raw = said->executor.len ? said->executor : said->job_executor;
    return is_string(raw) ? str_slice(raw, 1, raw.len - 1) : STR_EMPTY;
}

static enum err run(struct update *u, struct buf *out)
{
    AUTO(buf) struct buf masked = buf_make(4 * ERROR_MAX_BYTES);
    if (u->op.word == STOCK_ERROR)
        TRY(read_and_mask(u, &masked));
    u->op.error = arena_str(http_arena(u->r), buf_str(&masked));
    TRY(store_write_wait(api_of(u->r)->store, job_stock_update_op, &u->op));
    api_wake(api_of(u->r));
    return job_stock_write_light(&u->op.ret_job, out);
}

static void update(struct http_request *r)
{
    struct update *u = api_work(r);
    AUTO(buf) struct buf out = buf_make(ANSWER_MAX_BYTES);
    enum err e = run(u, &out);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &out);
}

static int64_t progress_of(double said)
{
    if (!(said >= 0))
        return -1;
    return said > PROGRESS_MAX ? PROGRESS_MAX : (int64_t)said;
}

void api_stock_update(struct http_request *r)
{
    struct update *u = arena_alloc(http_arena(r), sizeof *u);
    struct str id = http_param(r, "uid");
    u->r = r;
    u->said.state = STR_EMPTY;
    u->said.progress = -1;
    if (!api_decode(r, FIELDS, ARRAY_LEN(FIELDS), &u->said))
        return;
    u->op = (struct job_stock_update){.team_id = api_actor(r)->team_id,
                                      .token_id = api_actor(r)->token_id,
                                      .job_id = id,
                                      .worker = api_stock_worker_name(r),
                                      .executor = executor_of(&u->said),
                                      .word = STOCK_ALIVE,
                                      .progress = progress_of(u->said.progress),
                                      .arena = http_arena(r)};
    if (u->said.state.len && !job_stock_word_from(u->said.state, &u->op.word))
        api_fail_field(r, "state", "must be a state of protocol v1");
    else if (!ulid_valid(id))
        http_fail(r, ERR_NOT_FOUND);
    else
        api_defer_or_fail(r, update, u);
}
