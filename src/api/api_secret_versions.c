/* GET /secrets/{id}/versions and /secrets/{id}/jobs: what a secret was, and what needs it. */
#include "api_job.h"
#include "api_secret.h"
#include "job_names.h"
#include "job_uses.h"

enum {
    VERSIONS_ANSWER_MAX_BYTES = 1024 * 1024,
    USERS_ANSWER_MAX_BYTES = 16 * 1024 * 1024,
    USERS_LIMIT_DEFAULT = 50,
};
_Static_assert((size_t)LIST_SECRET_JOBS_MAX * 2 * JOB_USES_FIELDS_BYTES < USERS_ANSWER_MAX_BYTES,
               "every answer fits");

enum err api_secret_find(struct http_request *r, struct store_tx *tx, struct secret_row *ret)
{
    const struct actor *actor = api_actor(r);
    struct str id = http_param(r, "id");
    if (!ulid_valid(id))
        return ERR_NOT_FOUND;
    TRY(store_secret_get(tx, actor->team_id, id, http_arena(r), ret));
    return job_names_match(actor->names, ret->name) ? OK : ERR_NOT_FOUND;
}

static enum err read_versions(struct http_request *r, uint32_t before, size_t limit,
                              struct secret_row *ret_secret, struct secret_version **ret,
                              size_t *ret_count)
{
    struct store_tx *tx;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = api_secret_find(r, tx, ret_secret);
    if (e == OK)
        e = store_secret_versions(tx, api_actor(r)->team_id, http_param(r, "id"), before, limit,
                                  http_arena(r), ret, ret_count);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

void api_secret_versions(struct http_request *r)
{
    uint64_t before = 0, limit = LIST_VERSIONS_MAX;
    struct secret_row secret;
    struct secret_version *versions = NULL;
    size_t count = 0;
    if (!api_query_only(r, "before,limit") ||
        !api_query_number(r, "before", 1, UINT32_MAX, &before) ||
        !api_query_number(r, "limit", 1, LIST_VERSIONS_MAX, &limit))
        return;
    enum err e = read_versions(r, (uint32_t)before, limit, &secret, &versions, &count);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(VERSIONS_ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++) {
        json_out_open(&o, '{');
        json_out_member_int(&o, "version", versions[i].version);
        json_out_member_time(&o, "createdAt", versions[i].created_at_ms);
        json_out_member_bool(&o, "current", versions[i].version == secret.version);
        json_out_close(&o, '}');
    }
    json_out_close(&o, ']');
    api_reply_out(r, 200, &body, &o);
}

static enum err write_users(struct http_request *r, bool waiting, size_t limit, struct buf *out)
{
    struct store_tx *tx;
    struct secret_row secret;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = api_secret_find(r, tx, &secret);
    if (e == OK)
        e = job_write_users(tx,
                            &(struct job_users){.team_id = api_actor(r)->team_id,
                                                .name = secret.name,
                                                .waiting = waiting,
                                                .limit = limit},
                            out);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

void api_secret_jobs(struct http_request *r)
{
    uint64_t limit = USERS_LIMIT_DEFAULT;
    bool waiting;
    AUTO(buf) struct buf body = buf_make(USERS_ANSWER_MAX_BYTES);
    if (!api_query_only(r, "limit,waiting") ||
        !api_query_number(r, "limit", 1, LIST_SECRET_JOBS_MAX, &limit) ||
        !api_job_flag(r, "waiting", &waiting))
        return;
    enum err e = write_users(r, waiting, limit, &body);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &body);
}
