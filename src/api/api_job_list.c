/* GET /jobs with all its query parameters. */
#include "api_output.h"
#include "clock.h"
#include "jobs.h"

enum { LIST_ANSWER_MAX_BYTES = 64 * 1024 * 1024 };

struct listing {
    struct http_request *r;
    struct problems problems;
    struct job_query query;
    bool minimal;
};

static void number(struct listing *l, const char *name, uint64_t least, uint64_t most,
                   uint64_t *ret)
{
    struct str text;
    uint64_t v;
    if (!http_query(l->r, name, &text))
        return;
    if (str_to_u64(text, most, &v) != OK || v < least)
        problems_addf(&l->problems, str_from(name), "must be a number from %llu to %llu",
                      (unsigned long long)least, (unsigned long long)most);
    else
        *ret = v;
}

static void date(struct listing *l, const char *name, int64_t *ret)
{
    struct str text;
    if (http_query(l->r, name, &text) && clock_parse(text, ret) != OK)
        problems_add(&l->problems, str_from(name), "must be an RFC 3339 date and time");
}

static void states(struct listing *l, const char *name, unsigned *ret)
{
    struct str rest, one;
    if (!http_query(l->r, name, &rest))
        return;
    while (rest.ptr) {
        enum job_state state;
        rest = str_split(rest, ',', &one);
        if (!job_state_from(str_trim(one), &state)) {
            problems_add(&l->problems, str_from(name),
                         "must be a list of queued, pending, render:dorender, finished, error, "
                         "manually_cancelled");
            return;
        }
        *ret |= 1u << state;
    }
}

static void sort(struct listing *l)
{
    static const struct {
        const char *name;
        enum job_sort sort;
    } sorts[] = {{"oldest_first", JOB_OLDEST_FIRST},
                 {"newest_first", JOB_NEWEST_FIRST},
                 {"random", JOB_RANDOM},
                 {"priority", JOB_BY_PRIORITY}};
    struct str text;
    if (!http_query(l->r, "sort", &text))
        return;
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        if (str_is(text, sorts[i].name)) {
            l->query.sort = sorts[i].sort;
            return;
        }
    }
    problems_add(&l->problems, STR("sort"),
                 "must be oldest_first, newest_first, random or priority");
}

static bool tag_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_';
}

static void tags(struct listing *l)
{
    struct str text;
    if (!http_query(l->r, "tags", &text))
        return;
    bool good = text.len > 0 && text.len <= JOB_TAGS_MAX_BYTES, begun = false;
    for (size_t i = 0; i < text.len && good; i++) {
        good = tag_char(text.ptr[i]) || (begun && text.ptr[i] == ',');
        begun = text.ptr[i] != ',';
    }
    if (good && begun)
        l->query.tags = text;
    else
        problems_add(&l->problems, STR("tags"), "must be tags of A-Z a-z 0-9 - _ with commas");
}

static void minimal(struct listing *l)
{
    struct str text;
    if (!http_query(l->r, "minimal", &text))
        return;
    l->minimal = str_is(text, "true");
    if (!l->minimal && !str_is(text, "false"))
        problems_add(&l->problems, STR("minimal"), "must be true or false");
}

static enum err write_list(const struct listing *l, struct buf *out)
{
    struct http_request *r = l->r;
    struct job *jobs;
    size_t count;
    struct store_tx *tx;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = store_job_list(tx, &l->query, http_arena(r), &jobs, &count);
    store_read_end(api_of(r)->store, &tx);
    TRY(e);
    TRY(api_output_sign(r, jobs, count));
    TRY(buf_put_byte(out, '['));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            TRY(buf_put_byte(out, ','));
        TRY(job_write(&jobs[i], l->minimal, out));
    }
    return buf_put_byte(out, ']');
}

void api_job_list(struct http_request *r)
{
    struct listing l = {.r = r,
                        .query = {.team_id = api_actor(r)->team_id,
                                  .limit = LIST_JOBS_MAX,
                                  .sort = JOB_OLDEST_FIRST}};
    problems_init(&l.problems, http_arena(r));
    number(&l, "from", 0, INT64_MAX, &l.query.from);
    number(&l, "limit", 1, LIST_JOBS_MAX, &l.query.limit);
    date(&l, "from_date", &l.query.from_ms);
    date(&l, "to_date", &l.query.to_ms);
    states(&l, "states", &l.query.states);
    states(&l, "exclude_states", &l.query.exclude_states);
    sort(&l);
    tags(&l);
    minimal(&l);
    if (l.problems.count > 0) {
        http_fail_with(r, ERR_INVALID, &l.problems);
        return;
    }
    AUTO(buf) struct buf body = buf_make(LIST_ANSWER_MAX_BYTES);
    enum err e = write_list(&l, &body);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply_json(r, 200, &body);
}
