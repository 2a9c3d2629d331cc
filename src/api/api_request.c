#include "api_request.h"

#include <time.h>

struct api *api_of(const struct http_request *r)
{
    return http_ctx(r);
}

const struct auth_user *api_user(const struct http_request *r)
{
    const struct auth_user *user = http_user(r);
    ASSERT(user != NULL);
    return user;
}

const struct actor *api_actor(const struct http_request *r)
{
    return &api_user(r)->actor;
}

/* As api_metrics.c names them. */
void api_count_refusal(enum err e)
{
    if (e == ERR_UNAUTHORIZED || e == ERR_FORBIDDEN || e == ERR_RATE)
        metric_add(METRIC_AUTH_FAILURES, e == ERR_UNAUTHORIZED ? 0 : e == ERR_FORBIDDEN ? 1 : 2, 1);
}

struct audit_record api_audit(const struct actor *actor, enum audit_event_type type)
{
    return (struct audit_record){.type = type,
                                 .team_id = actor->team_id,
                                 .actor = actor->token_id,
                                 .address = actor->address,
                                 .request_id = actor->request_id};
}

bool api_body_is_json(struct http_request *r)
{
    struct str type = http_header(r, "Content-Type"), essence;
    str_split(type, ';', &essence);
    essence = str_trim(essence);
    size_t json = sizeof "json" - 1;
    if (essence.len == 0 ||
        (essence.len > json &&
         str_equal_nocase(str_slice(essence, essence.len - json, essence.len), STR("json"))))
        return true;
    http_fail(r, ERR_MEDIA_TYPE);
    return false;
}

bool api_decode(struct http_request *r, const struct json_field *fields, size_t field_count,
                void *ret)
{
    struct problems problems;
    problems_init(&problems, http_arena(r));
    if (!api_body_is_json(r))
        return false;
    enum err e = json_decode(http_body(r), fields, field_count, STR_EMPTY, &problems, ret);
    if (e != OK)
        http_fail_with(r, e, &problems);
    return e == OK;
}

void api_fail_field(struct http_request *r, const char *field, const char *message)
{
    struct problems problems;
    problems_init(&problems, http_arena(r));
    http_fail_with(r, problems_add(&problems, str_from(field), message), &problems);
}

bool api_query_number(struct http_request *r, const char *name, uint64_t least, uint64_t most,
                      uint64_t *ret)
{
    struct str text;
    uint64_t v;
    if (!http_query(r, name, &text))
        return true;
    if (str_to_u64(text, most, &v) != OK || v < least) {
        api_fail_field(r, name, "is not a number in the allowed range");
        return false;
    }
    *ret = v;
    return true;
}

/* Its place in the list; the list's length when it is none of them. */
static unsigned place_of(struct str name, struct str names)
{
    unsigned place = 0;
    for (struct str one; names.len; place++) {
        names = str_split(names, ',', &one);
        if (str_equal(one, name))
            break;
    }
    return place;
}

bool api_query_only(struct http_request *r, const char *names)
{
    uint64_t seen = 0;
    struct str name;
    unsigned count = place_of(STR_EMPTY, str_from(names));
    ASSERT(count < 64);
    for (size_t at = 0; http_query_name(r, &at, &name);) {
        unsigned place = place_of(name, str_from(names));
        struct problems problems;
        problems_init(&problems, http_arena(r));
        if (place == count)
            problems_addf(&problems, STR("query"),
                          "has a parameter that is not known here; known are: %s",
                          count ? names : "none");
        else if (seen >> place & 1)
            problems_add(&problems, name, "stands there more than once");
        seen |= UINT64_C(1) << place;
        if (problems.count > 0) {
            http_fail_with(r, ERR_INVALID, &problems);
            return false;
        }
    }
    return true;
}

void api_reply_out(struct http_request *r, int status, struct buf *body, struct json_out *out)
{
    enum err e = json_out_end(out);
    if (e != OK)
        http_fail(r, e == ERR_TOO_LARGE ? ERR_LIMIT : e);
    else
        http_reply_json(r, status, body);
}

void api_write(struct http_request *r, store_op *op, store_done *done, void *ctx)
{
    http_suspend(r);
    store_write(api_of(r)->store, op, done, ctx);
}

static void run_deferred(struct http_request *r)
{
    api_of(r)->deferred--;
    api_user(r)->run(r);
}

bool api_defer(struct http_request *r, void (*run)(struct http_request *r), void *work)
{
    struct api *api = api_of(r);
    if (api->deferred++ >= API_DEFERRED_MAX) {
        api->deferred--;
        return false;
    }
    struct auth_user *user = http_user(r);
    if (user == NULL) { /* an address without a token */
        user = arena_alloc(http_arena(r), sizeof *user);
        user->role = ROLE_COUNT;
        http_set_user(r, user);
    }
    user->work = work;
    user->run = run;
    http_defer(r, run_deferred);
    return true;
}

void api_defer_or_fail(struct http_request *r, void (*run)(struct http_request *r), void *work)
{
    if (!api_defer(r, run, work))
        http_fail(r, ERR_BUSY);
}

bool api_defer_body(struct http_request *r, bool whole, void (*run)(struct http_request *r),
                    void *work)
{
    if (!whole)
        return false;
    bool deferred = api_defer(r, run, work);
    if (!deferred)
        http_fail(r, ERR_BUSY);
    return deferred;
}

void *api_work(const struct http_request *r)
{
    return api_user(r)->work;
}

bool api_try_again(enum err e, unsigned *attempts)
{
    enum { ATTEMPTS_MAX = 40, PAUSE_MS = 25 };
    if (e != ERR_AGAIN || ++*attempts >= ATTEMPTS_MAX)
        return false;
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    return true;
}

struct str api_base_url(struct http_request *r)
{
    struct api_settings settings;
    api_settings_get(api_of(r), &settings);
    struct str configured = str_from(settings.public_url);
    while (str_ends(configured, STR("/")))
        configured.len--;
    return configured.len > 0 ? arena_str(http_arena(r), configured) : http_base_url(r);
}

void api_wake(const struct api *api)
{
    if (api->wake)
        api->wake(api->wake_ctx);
}
