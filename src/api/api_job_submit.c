/* Submitting: POST /jobs and /jobs/join, and the same as a dry run. */
#include "api_job.h"
#include "api_output.h"

enum { ANSWER_MAX_BYTES = 4 * 1024 * 1024 };

struct submission {
    struct job_prepared prepared;
    struct http_request *r;
};

void api_job_output_addresses(struct http_request *r, struct job_prepared *p)
{
    if (p->job.output_url.len == 0)
        p->job.output_url = job_address_bare(api_base_url(r), p->job.output_name, http_arena(r));
    for (size_t i = 0; i < p->child_count; i++)
        api_job_output_addresses(r, &p->children[i]);
}

bool api_job_flag(struct http_request *r, const char *name, bool *ret)
{
    struct str text;
    *ret = false;
    if (!http_query(r, name, &text))
        return true;
    *ret = str_is(text, "true");
    if (*ret || str_is(text, "false"))
        return true;
    api_fail_field(r, name, "must be true or false");
    return false;
}

static enum err submit_op(struct store_tx *tx, void *ctx)
{
    struct submission *s = ctx;
    return job_insert_op(tx, &s->prepared);
}

static void fail(struct http_request *r, enum err e, const struct problems *problems)
{
    if (e == ERR_NOT_FOUND)
        http_fail_text(r, e, JOB_NO_TEMPLATE);
    else
        http_fail_with(r, e, problems);
}

static void submit_done(enum err e, void *ctx)
{
    struct submission *s = ctx;
    struct problems none;
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    problems_init(&none, http_arena(s->r));
    if (e == OK)
        e = api_output_sign_new(s->r, &s->prepared);
    if (e == OK)
        e = job_write_created(&s->prepared, &body);
    if (e != OK)
        fail(s->r, e, &none);
    else
        http_reply_json(s->r, 201, &body);
}

static void answer_dry(struct submission *s)
{
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    enum err e = job_write_checked(&s->prepared, &body);
    if (e != OK)
        http_fail(s->r, e);
    else
        http_reply_json(s->r, 200, &body);
}

bool api_job_no_false_dry_run(struct http_request *r, bool offered)
{
    static const char *const words[] = {"dryRun", "dryrun", "dry_run", "dry-run", "DryRun"};
    struct str value;
    for (size_t i = offered ? 1 : 0; i < ARRAY_LEN(words); i++) {
        if (http_query(r, words[i], &value)) {
            api_fail_field(r, "dryRun",
                           offered ? "is written dryRun, and is true or false"
                                   : "is offered for one job at a time, not for a batch");
            return false;
        }
    }
    return true;
}

static void submit(struct http_request *r, enum job_kind kind)
{
    struct submission *s = arena_alloc(http_arena(r), sizeof *s);
    struct problems problems;
    struct store_tx *tx;
    bool dry;
    s->r = r;
    problems_init(&problems, http_arena(r));
    if (!api_job_no_false_dry_run(r, true) || !api_job_flag(r, "dryRun", &dry) ||
        !api_body_is_json(r))
        return;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = job_prepare(tx, api_actor(r), kind, http_body(r), http_arena(r), &problems,
                        &s->prepared);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e != OK) {
        fail(r, e, &problems);
        return;
    }
    api_job_output_addresses(r, &s->prepared);
    if (dry)
        answer_dry(s);
    else
        api_write(r, submit_op, submit_done, s);
}

void api_job_submit(struct http_request *r)
{
    submit(r, JOB_KIND_RENDER);
}

void api_job_join(struct http_request *r)
{
    submit(r, JOB_KIND_JOIN);
}
