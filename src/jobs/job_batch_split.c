/* The frame of a batch. Each job is cut out and the rest is scanned as a document of its own with
 * `null` in their places: together with the scan of each job that is the scan of the whole. */
#include "job_batch.h"
#include "json_decode.h"
#include "json_escapes.h"

struct cut {
    struct str jobs; /* the array */
    struct str *list;
    size_t count;
};

/* json_raw_is() takes scanned text only. UNSAFE: the key stands between its quotes in the body. */
static bool is_jobs(struct str key)
{
    if (str_find(key, '\\') == key.len)
        return str_is(key, "jobs");
    return json_valid(str_bytes(key.ptr - 1, key.len + 2), JSON_LIMITS_DEFAULT) == OK &&
           json_raw_is(key, true, STR("jobs"));
}

static bool find_jobs(struct str body, struct str *ret)
{
    struct json_members m;
    struct str key;
    json_members_init(&m, body);
    while (json_members_next(&m, &key, ret)) {
        if (is_jobs(key))
            return true;
    }
    return false;
}

static enum err scan_frame(struct str body, const struct cut *c, struct problems *problems)
{
    AUTO(buf) struct buf frame = buf_make(body.len + 5 * c->count + 1);
    size_t done = 0;
    for (size_t i = 0; i < c->count; i++) {
        size_t begin = (size_t)(c->list[i].ptr - body.ptr);
        TRY(buf_put(&frame, str_slice(body, done, begin)));
        TRY(buf_put(&frame, STR("null")));
        done = begin + c->list[i].len;
    }
    TRY(buf_put(&frame, str_slice(body, done, body.len)));
    AUTOP(json_scan) struct json_scan *scan = json_scan_new(buf_str(&frame), JSON_LIMITS_DEFAULT);
    struct json_token token;
    enum err e;
    do
        e = json_scan_next(scan, &token);
    while (e == OK && token.type != JSON_END);
    if (e == OK)
        return OK;
    (void)problems_addf(problems, STR_EMPTY, "not valid JSON outside of the jobs: %s",
                        json_scan_why(scan));
    return ERR_JSON;
}

static enum err cut_out(struct str array, struct arena *a, struct cut *c)
{
    struct json_elements e;
    struct str element;
    c->list = arena_array(a, BATCH_JOBS_MAX, sizeof *c->list);
    json_elements_init(&e, array);
    while (json_elements_next(&e, &element)) {
        if (c->count == BATCH_JOBS_MAX)
            return ERR_LIMIT;
        c->list[c->count++] = element;
    }
    return OK;
}

enum err job_batch_split(struct str body, struct arena *a, struct problems *problems,
                         struct str **ret_jobs, size_t *ret_count)
{
    struct cut c = {.count = 0};
    struct str jobs;
    body = str_trim(body);
    bool found = find_jobs(body, &jobs);
    bool array = found && jobs.ptr[0] == '[';
    bool too_many = array && cut_out(jobs, a, &c) == ERR_LIMIT;
    TRY(scan_frame(body, &c, problems));
    if (body.ptr[0] != '{')
        return problems_add(problems, STR_EMPTY, "must be an object");
    if (!array || !c.count || too_many)
        return problems_addf(problems, STR("jobs"), "is required: an array of 1 to %d jobs",
                             BATCH_JOBS_MAX);
    *ret_jobs = c.list;
    *ret_count = c.count;
    return OK;
}
