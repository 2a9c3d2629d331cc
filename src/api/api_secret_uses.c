/* GET /secrets/jobs?ids=A,B,...: for a list of secrets, how many jobs refer to each. Apart from GET
 * /secrets, which is answered from memory. */
#include "api_secret.h"
#include "job_names.h"
#include "store_job.h"

enum { ANSWER_MAX_BYTES = SECRET_USES_IDS_MAX * 256 };

/* Nothing for an id that is not there, or not for this token: like one of another team. */
static enum err write_uses(struct http_request *r, struct store_tx *tx, struct str id,
                           struct json_out *o)
{
    struct secret_row row;
    struct secret_uses uses;
    struct arena *a = http_arena(r);
    const struct actor *actor = api_actor(r);
    enum err e = store_secret_get(tx, actor->team_id, id, a, &row);
    if (e == ERR_NOT_FOUND || (e == OK && !job_names_match(actor->names, row.name)))
        return OK;
    TRY(e);
    TRY(store_job_secret_uses(tx, actor->team_id, row.name, SECRET_USES_JOBS_MAX, a, &uses));
    json_out_open(o, '{');
    json_out_member_str(o, "id", id);
    json_out_member_int(o, "jobs", uses.jobs);
    json_out_member_int(o, "waiting", uses.waiting);
    json_out_key(o, "newestJob");
    if (uses.newest.len)
        json_out_str(o, uses.newest);
    else
        json_out_null(o);
    json_out_close(o, '}');
    return OK;
}

static bool read_ids(struct http_request *r, struct str *ret)
{
    size_t count = 0;
    struct str one, rest;
    if (!http_query(r, "ids", ret)) {
        api_fail_field(r, "ids", "is required");
        return false;
    }
    for (rest = *ret; rest.ptr; count++) {
        rest = str_split(rest, ',', &one);
        if (!ulid_valid(one) || count == SECRET_USES_IDS_MAX) {
            api_fail_field(r, "ids", "must be a comma list of at most 100 ids of secrets");
            return false;
        }
    }
    return true;
}
_Static_assert(SECRET_USES_IDS_MAX == 100, "told above");

void api_secret_uses(struct http_request *r)
{
    struct str ids, one;
    struct store_tx *tx;
    if (!api_query_only(r, "ids") || !read_ids(r, &ids))
        return;
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    json_out_open(&o, '[');
    while (e == OK && ids.ptr) {
        ids = str_split(ids, ',', &one);
        e = write_uses(r, tx, one, &o);
    }
    json_out_close(&o, ']');
    store_read_end(api_of(r)->store, &tx);
    if (e != OK)
        http_fail(r, e);
    else
        api_reply_out(r, 200, &body, &o);
}
