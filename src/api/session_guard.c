#include "session_guard.h"

#include "alloc.h"
#include "api.h"
#include "auth.h"
#include "origin.h"
#include "session_text.h"

/* The result borrows from *settings. */
static struct origin_self self_of(const struct http_request *r, struct api_settings *settings)
{
    api_settings_get(http_ctx(r), settings);
    struct str host = http_header(r, "Host"), name;
    bool v6 = str_starts(host, STR("["));
    str_split(v6 ? str_slice(host, 1, host.len) : host, v6 ? ']' : ':', &name);
    return (struct origin_self){.public_url = str_from(settings->public_url),
                                .host = host,
                                .tls = http_is_tls(r),
                                .certified = http_tls_names(r, name)};
}

static bool changes(const struct http_request *r)
{
    struct str method = http_method(r);
    return !str_is(method, "GET") && !str_is(method, "HEAD");
}

enum err session_guard_host(const struct http_request *r)
{
    struct api_settings settings;
    struct origin_self self = self_of(r, &settings);
    return origin_check_host(&self);
}

enum err session_guard_origin(const struct http_request *r)
{
    struct api_settings settings;
    struct origin_self self = self_of(r, &settings);
    struct origin_given given = {.origin = http_header(r, "Origin"),
                                 .fetch_site = http_header(r, "Sec-Fetch-Site"),
                                 .changes = changes(r)};
    /* An empty header is one that says nothing good. */
    if (given.origin.len == 0 && http_has_header(r, "Origin"))
        return ERR_ORIGIN;
    TRY(origin_check_host(&self));
    TRY(origin_check(&self, &given));
    return origin_check_secure(&self, &given);
}

static bool may_stand(const struct http_request *r, const struct http_route *route)
{
    enum scope scope = (enum scope)route->scope;
    struct str path = http_path(r);
    if (http_is_operator(r) || scope == SCOPE_NONE || scope == SCOPE_OPERATOR ||
        scope == SCOPE_WORKER || scope == SCOPE_FARM)
        return false;
    return str_starts(path, STR("/api/v2/")) || str_starts(path, STR("/api/v3/")) ||
           str_starts(path, STR("/console/"));
}

struct str session_guard_cookie(const struct http_request *r, const struct http_route *route)
{
    struct str cookie;
    if (!may_stand(r, route) || http_has_header(r, "Authorization"))
        return STR_EMPTY;
    return http_cookie(r, SESSION_COOKIE, &cookie) == 1 ? cookie : STR_EMPTY;
}

static bool asks_who(const struct http_request *r)
{
    return !changes(r) && str_is(http_path(r), "/console/session");
}

enum err session_guard_check(const struct http_request *r, struct str cookie)
{
    struct session_text text;
    char csrf[SESSION_CSRF_LEN + 1];
    struct str given = http_header(r, "X-Safelight-CSRF");
    TRY(session_guard_origin(r));
    if (asks_who(r) || session_text_parse(cookie, &text) != OK)
        return OK; /* what is no session is refused, and counted, by auth_check */
    session_text_csrf(cookie, csrf);
    bool same =
        given.len == SESSION_CSRF_LEN && equal_constant_time(csrf, given.ptr, SESSION_CSRF_LEN);
    wipe(csrf, sizeof csrf);
    return same ? OK : ERR_CSRF;
}

bool session_guard_background(const struct http_request *r)
{
    return http_has_header(r, "X-Safelight-Background");
}
