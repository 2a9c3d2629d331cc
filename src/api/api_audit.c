/* GET /audit: a team's audit log in pages, either way round, with filters; for the operator any
 * team's, or the instance's own. Records are looked at a few at a time, each few in a snapshot of
 * their own, and at most AUDIT_SCAN_MAX for one answer: X-Audit-Next says where to go on. */
#include "api_audit.h"

#include "clock.h"
#include "encode.h"
#include "job_names.h"
#include "key_rotation.h"
#include <inttypes.h>

enum { LIMIT_DEFAULT = 100, LIST_MAX_BYTES = 96 * 1024 * 1024 };
_Static_assert(AUDIT_EVENT_COUNT <= 64, "a bit each");

struct listing {
    struct http_request *r;
    struct problems problems;
    struct str team_id;
    struct audit_page page; /* what is left */
    uint64_t limit, after, before;
    uint64_t events; /* bits; 0: all */
    int64_t since_ms, until_ms;
    struct str actor, name, job; /* ptr NULL: any */
    size_t found, looked_at;
    int64_t last; /* sequence of the record looked at last */
    bool more;    /* it was not the log's last one */
};

/* --- the query --- */

static void number(struct listing *l, const char *name, uint64_t most, uint64_t *ret)
{
    struct str text;
    if (http_query(l->r, name, &text) && str_to_u64(text, most, ret) != OK)
        problems_add(
            &l->problems, str_from(name),
            arena_printf(http_arena(l->r), "must be a whole number up to %" PRIu64, most).ptr);
}

static void date(struct listing *l, const char *name, int64_t *ret)
{
    struct str text;
    if (http_query(l->r, name, &text) && clock_parse(text, ret) != OK)
        problems_add(&l->problems, str_from(name), "must be an RFC 3339 date and time");
}

static void short_text(struct listing *l, const char *name, size_t most, struct str *ret)
{
    if (http_query(l->r, name, ret) && (ret->len == 0 || ret->len > most))
        problems_addf(&l->problems, str_from(name), "must be 1 to %zu bytes", most);
}

static void events(struct listing *l)
{
    struct str rest, one;
    if (!http_query(l->r, "event", &rest))
        return;
    while (rest.ptr) {
        enum audit_event_type type;
        rest = str_split(rest, ',', &one);
        if (!audit_event_from(one, &type)) {
            problems_add(&l->problems, STR("event"), "must be a list of events, as secret.created");
            return;
        }
        l->events |= UINT64_C(1) << type;
    }
}

static void sort(struct listing *l)
{
    struct str order;
    if (!http_query(l->r, "sort", &order))
        return;
    l->page.newest_first = str_is(order, "newest_first");
    if (!l->page.newest_first && !str_is(order, "oldest_first"))
        problems_add(&l->problems, STR("sort"), "must be oldest_first or newest_first");
}

static bool read_query(struct listing *l)
{
    problems_init(&l->problems, http_arena(l->r));
    number(l, "after", INT64_MAX, &l->after);
    number(l, "before", INT64_MAX, &l->before);
    number(l, "limit", LIST_AUDIT_MAX, &l->limit);
    if (l->limit == 0)
        problems_add(&l->problems, STR("limit"), "must be a whole number of 1 or more");
    events(l);
    short_text(l, "actor", AUDIT_FILTER_MAX_BYTES, &l->actor);
    short_text(l, "name", AUDIT_FILTER_MAX_BYTES, &l->name);
    if (http_query(l->r, "job", &l->job) && !ulid_valid(l->job))
        problems_add(&l->problems, STR("job"), "must be a job's id");
    date(l, "since", &l->since_ms);
    date(l, "until", &l->until_ms);
    sort(l);
    l->page.after = (int64_t)l->after;
    l->page.before = (int64_t)l->before;
    if (l->problems.count > 0)
        http_fail_with(l->r, ERR_INVALID, &l->problems);
    return l->problems.count == 0;
}

static bool filtered(const struct listing *l)
{
    return l->events || l->actor.ptr || l->name.ptr || l->job.ptr || l->since_ms != INT64_MIN ||
           l->until_ms != INT64_MAX;
}

/* --- the records --- */

static bool wanted(const struct listing *l, const struct audit_row *row)
{
    const struct audit_record *f = &row->fields;
    return (!l->events || (l->events >> f->type & 1)) &&
           (!l->actor.ptr || str_equal(l->actor, f->actor)) &&
           (!l->name.ptr || job_names_match(l->name, f->name)) &&
           (!l->job.ptr || str_equal(l->job, f->job_id)) && row->at_ms >= l->since_ms &&
           row->at_ms < l->until_ms;
}

static void write_optional(struct json_out *o, const char *key, struct str v)
{
    if (v.len > 0)
        json_out_member_str(o, key, v);
}

static void write_row(struct json_out *o, const struct audit_row *row)
{
    const struct audit_record *f = &row->fields;
    AUTO(buf) struct buf mac = buf_make(2 * sizeof row->mac);
    json_out_open(o, '{');
    json_out_member_int(o, "sequence", row->sequence);
    json_out_member_time(o, "at", row->at_ms);
    json_out_member_str(o, "event", str_from(audit_event_code(f->type)));
    write_optional(o, "actor", f->actor);
    write_optional(o, "address", f->address);
    write_optional(o, "requestId", f->request_id);
    write_optional(o, "subject", f->subject);
    write_optional(o, "name", f->name);
    if (f->version != 0)
        json_out_member_int(o, "version", f->version);
    write_optional(o, "job", f->job_id);
    write_optional(o, "field", f->field);
    write_optional(o, "host", f->host);
    if (encode_hex(&mac, str_bytes(row->mac, sizeof row->mac)) == OK)
        json_out_member_str(o, "mac", buf_str(&mac));
    json_out_close(o, '}');
}

enum err api_audit_team(struct http_request *r, struct str *ret_team_id)
{
    struct team team;
    if (http_is_operator(r) && http_param(r, "team").len == 0) {
        *ret_team_id = STR(KEY_ROTATION_INSTANCE);
        return OK;
    }
    TRY(api_team_read(r, &team));
    *ret_team_id = arena_str(http_arena(r), ulid_str(&team.id));
    return OK;
}

char *audit_place_take(struct api *api, char (*places)[ULID_LEN + 1], size_t count,
                       struct str team_id)
{
    char *place = NULL;
    pthread_mutex_lock(&api->places_lock);
    for (size_t i = 0; i < count; i++) {
        if (str_is(team_id, places[i])) {
            place = NULL;
            break;
        }
        if (!places[i][0])
            place = places[i];
    }
    if (place)
        ASSERT(str_to_text(team_id, place, sizeof places[0]) == OK);
    pthread_mutex_unlock(&api->places_lock);
    return place;
}

void audit_place_leave(struct api *api, char *place)
{
    pthread_mutex_lock(&api->places_lock);
    place[0] = 0;
    pthread_mutex_unlock(&api->places_lock);
}

/* The next few records. *ret_end: there are no more behind them. */
static enum err step(struct listing *l, struct json_out *o, bool *ret_end)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_tx *tx;
    struct audit_row *rows;
    size_t count;
    l->page.limit = filtered(l) || l->limit > AUDIT_STEP_RECORDS ? AUDIT_STEP_RECORDS : l->limit;
    TRY(store_read_begin(api_of(l->r)->store, &tx));
    enum err e = store_audit_page(tx, l->team_id, &l->page, &a, &rows, &count);
    store_read_end(api_of(l->r)->store, &tx);
    TRY(e);
    size_t i = 0;
    for (; i < count && l->found < l->limit; i++) {
        l->last = rows[i].sequence;
        l->looked_at++;
        if (wanted(l, &rows[i])) {
            write_row(o, &rows[i]);
            l->found++;
        }
    }
    *(l->page.newest_first ? &l->page.before : &l->page.after) = l->last;
    *ret_end = i == count && count < l->page.limit;
    l->more = !*ret_end;
    return OK;
}

/* `place` is left before the answer goes out: whoever has it may ask for the next page. */
static void answer(struct listing *l, char *place)
{
    AUTO(buf) struct buf body = buf_make(LIST_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    enum err e = OK;
    json_out_open(&o, '[');
    for (bool end = false; e == OK && !end && l->found < l->limit && l->looked_at < AUDIT_SCAN_MAX;)
        e = step(l, &o, &end);
    json_out_close(&o, ']');
    if (place)
        audit_place_leave(api_of(l->r), place);
    if (e != OK) {
        http_fail(l->r, e);
        return;
    }
    if (l->more) {
        struct str next = arena_printf(http_arena(l->r), "%lld", (long long)l->last);
        http_answer_header(l->r, "X-Audit-Next", next.ptr);
    }
    api_reply_out(l->r, 200, &body, &o);
}

/* It may look at AUDIT_SCAN_MAX records. */
static void search(struct http_request *r)
{
    struct listing *l = api_work(r);
    struct api *api = api_of(r);
    char *place = audit_place_take(api, api->searching, AUDIT_SEARCHES_MAX, l->team_id);
    if (place)
        answer(l, place);
    else
        http_fail(r, ERR_BUSY);
}

void api_audit_list(struct http_request *r)
{
    struct listing *l = arena_alloc(http_arena(r), sizeof *l);
    *l = (struct listing){
        .r = r, .limit = LIMIT_DEFAULT, .since_ms = INT64_MIN, .until_ms = INT64_MAX};
    if (!api_query_only(r, "after,before,limit,event,actor,name,job,since,until,sort") ||
        !read_query(l))
        return;
    enum err e = api_audit_team(r, &l->team_id);
    if (e != OK)
        http_fail(r, e);
    else if (filtered(l))
        api_defer_or_fail(r, search, l);
    else
        answer(l, NULL);
}
