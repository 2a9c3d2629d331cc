#include "api_access.h"

#include "api_request.h"
#include "log.h"

static void count(const struct http_outcome *o)
{
    size_t route = o->route ? o->route->number : api_route_count();
    size_t class = o->status >= 100 && o->status < 600 ? (size_t)o->status / 100 : 0;
    metric_add(METRIC_HTTP_REQUESTS, route * API_STATUS_CLASSES + class, 1);
    metric_observe(METRIC_HTTP_SECONDS, o->duration_us > 0 ? (uint64_t)o->duration_us : 0);
}

/* Machines ask for these every few seconds. */
static bool is_probe(const struct http_route *route)
{
    return route && (route->handle == api_health || route->handle == api_ready ||
                     route->handle == api_metrics || route->handle == api_stock_health);
}

/* The pattern, not the path: a one-time address is as good as a token, and names are the team's. */
static void write_line(const struct http_request *r, const struct http_outcome *o)
{
    const struct auth_user *user = http_user(r);
    struct str pattern = o->route ? str_from(o->route->pattern) : STR("none");
    struct str token = user && user->actor.token_id.len ? user->actor.token_id : STR("-");
    enum log_level level = is_probe(o->route) ? LOG_DEBUG : LOG_INFO;
    log_write(
        level, "request_done", kv("method", o->route ? http_method(r) : STR("-")),
        kv("route", str_starts(pattern, STR("!")) ? str_slice(pattern, 1, pattern.len) : pattern),
        kv("status", o->status), kv("us", o->duration_us), kv("bytes", o->bytes),
        kv("aborted", o->cut), kv("token", token), kv("address", http_peer(r)));
}

void api_access_finished(const struct http_request *r, const struct http_outcome *o)
{
    count(o);
    if (atomic_load_explicit(&api_of(r)->access_log, memory_order_relaxed))
        write_line(r, o);
}
