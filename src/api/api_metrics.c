/* GET /metrics: counters, histograms, and what can be looked up now, in Prometheus' text format.
 * Nothing here names a team, a token or a secret. Who may read it: the operator on his socket;
 * on the public server nobody, unless the setting `metrics` says so. */
#include "alloc.h"
#include "api_request.h"
#include "clock.h"
#include "courier_dispatch.h"
#include "hash.h"
#include "spool_room.h"
#include "store_stats.h"
#include "vault_protocol.h"

#include <arpa/inet.h>

enum { PAGE_MAX_BYTES = 1024 * 1024, COURIER_WAIT_MS = 1000 };

/* Everything that is looked up for one page. */
struct page {
    struct http_request *r;
    struct api *api;
    struct buf out;
    struct store_stats stats;
    struct spool_room room;
    bool stats_known, room_known, vault_up, courier_up;
};

/* --- words for the cells of counters --- */

static const char *const refusals[] = {"unknown", "role", "slowed", "metrics"};
static const char *const ended[] = {"finished", "error", "cancelled"};
static const char *const expired[] = {"requeued", "failed"};
static const char *const results[COURIER_RESULT_COUNT] = {"done", "retry", "failed", "lost",
                                                          "put_off"};
static const char *const reloads[] = {"applied", "settings_refused", "certificate_refused"};
static const char *const requests[VAULT_REQUEST_END] = {
#define VAULT_NUMBER(...)
#define VAULT_BYTES(...)
#define VAULT_REQUEST(number, name, handler, ...) [number] = #handler,
#include "vault_protocol.def"
#undef VAULT_NUMBER
#undef VAULT_BYTES
#undef VAULT_REQUEST
};

static struct str one_label(struct page *p, const char *label, const char *const *words,
                            size_t count, size_t cell)
{
    if (cell >= count || !words[cell])
        return STR_EMPTY;
    return arena_printf(http_arena(p->r), "%s=\"%s\"", label, words[cell]);
}

static struct str request_labels(struct page *p, size_t cell)
{
    size_t number = cell / API_STATUS_CLASSES, class = cell % API_STATUS_CLASSES;
    struct arena *a = http_arena(p->r);
    struct str status = class ? arena_printf(a, "%zuxx", class) : STR("none");
    if (metric_get(METRIC_HTTP_REQUESTS, cell) == 0)
        return STR_EMPTY; /* most routes never fail in most ways */
    if (number >= api_route_count())
        return arena_printf(a, "method=\"none\",route=\"none\",status=\"%s\"", status.ptr);
    const struct http_route *route = api_route(number);
    return arena_printf(a, "method=\"%s\",route=\"%s\",status=\"%s\"", route->method,
                        route->pattern + (route->pattern[0] == '!'), status.ptr);
}

static struct str delivery_labels(struct page *p, size_t cell)
{
    size_t kind = cell / COURIER_RESULT_COUNT;
    if (kind > 1)
        return STR_EMPTY;
    return arena_printf(http_arena(p->r), "kind=\"%s\",result=\"%s\"", kind ? "webhook" : "upload",
                        results[cell % COURIER_RESULT_COUNT]);
}

static struct str vault_labels(struct page *p, size_t cell)
{
    size_t number = cell / 2;
    if (number >= ARRAY_LEN(requests) || !requests[number])
        return STR_EMPTY;
    return arena_printf(http_arena(p->r), "request=\"%s\",result=\"%s\"", requests[number],
                        cell % 2 ? "refused" : "ok");
}

static struct str event_label(struct page *p, size_t cell)
{
    if (cell >= AUDIT_EVENT_COUNT)
        return STR_EMPTY;
    return arena_printf(http_arena(p->r), "event=\"%s\"",
                        audit_event_code((enum audit_event_type)cell));
}

/* Empty: no such series. */
static struct str labels_of(struct page *p, enum metric m, size_t cell)
{
    switch (m) {
    case METRIC_HTTP_REQUESTS:
        return request_labels(p, cell);
    case METRIC_AUTH_FAILURES:
        return one_label(p, "reason", refusals, ARRAY_LEN(refusals), cell);
    case METRIC_AUDIT_RECORDS:
        return event_label(p, cell);
    case METRIC_JOBS_ENDED:
        return one_label(p, "state", ended, ARRAY_LEN(ended), cell);
    case METRIC_LEASES_EXPIRED:
        return one_label(p, "result", expired, ARRAY_LEN(expired), cell);
    case METRIC_DELIVERIES:
        return delivery_labels(p, cell);
    case METRIC_VAULT_REQUESTS:
        return vault_labels(p, cell);
    case METRIC_RELOADS:
        return one_label(p, "result", reloads, ARRAY_LEN(reloads), cell);
    case METRIC_RESTARTS:
        return STR("process=\"courier\"");
    default:
        return STR_EMPTY;
    }
}

static enum err write_counter(struct page *p, enum metric m)
{
    const struct metric_info *i = metric_info(m);
    TRY(metric_write_head(&p->out, m));
    for (size_t cell = 0; cell < i->cells; cell++) {
        struct str labels = labels_of(p, m, cell);
        if (labels.len || !i->labels[0])
            TRY(metric_write_sample(&p->out, m, labels, (double)metric_get(m, cell)));
    }
    return OK;
}

/* --- gauges --- */

static enum err write_two(struct page *p, enum metric m, struct str first, int64_t first_value,
                          struct str second, int64_t second_value)
{
    TRY(metric_write_head(&p->out, m));
    TRY(metric_write_sample(&p->out, m, first, (double)first_value));
    return metric_write_sample(&p->out, m, second, (double)second_value);
}

static enum err write_plain(struct page *p, enum metric m, double value)
{
    TRY(metric_write_head(&p->out, m));
    return metric_write_sample(&p->out, m, STR_EMPTY, value);
}

static double queue_age_s(const struct page *p)
{
    int64_t age_ms = clock_unix_ms() - p->stats.oldest_queued_ms;
    return p->stats.oldest_queued_ms && age_ms > 0 ? (double)age_ms / 1000 : 0;
}

/* What cannot be looked up is left out: a gap in a graph, not a wrong number. */
static enum err write_store_gauge(struct page *p, enum metric m)
{
    const struct store_stats *s = &p->stats;
    if (!p->stats_known)
        return OK;
    if (m == METRIC_JOBS)
        return write_two(p, m, STR("state=\"queued\""), s->queued, STR("state=\"rendering\""),
                         s->rendering);
    if (m == METRIC_DELIVERIES_DUE)
        return write_two(p, m, STR("kind=\"upload\""), s->uploads_waiting, STR("kind=\"webhook\""),
                         s->webhooks_waiting);
    return write_plain(p, m, queue_age_s(p));
}

static enum err write_spool_gauge(struct page *p, enum metric m)
{
    const struct spool_room *room = &p->room;
    if (!p->room_known)
        return OK;
    return write_plain(p, m,
                       m == METRIC_SPOOL_USED   ? (double)room->used_bytes
                       : m == METRIC_SPOOL_FREE ? (double)room->free_bytes
                                                : (double)room->full);
}

static enum err write_version(struct page *p)
{
    TRY(metric_write_head(&p->out, METRIC_BUILD_INFO));
    return metric_write_sample(&p->out, METRIC_BUILD_INFO, STR("version=\"" SAFELIGHT_VERSION "\""),
                               1);
}

static enum err write_gauge(struct page *p, enum metric m)
{
    int64_t expiry;
    switch (m) {
    case METRIC_BUILD_INFO:
        return write_version(p);
    case METRIC_START_TIME:
        return write_plain(p, m, (double)p->api->began_unix_ms / 1000);
    case METRIC_HTTP_OPEN:
        return write_plain(p, m, http_open_requests(p->api->open_server));
    case METRIC_JOBS:
    case METRIC_QUEUE_AGE:
    case METRIC_DELIVERIES_DUE:
        return write_store_gauge(p, m);
    case METRIC_SPOOL_USED:
    case METRIC_SPOOL_FREE:
    case METRIC_SPOOL_FULL:
        return write_spool_gauge(p, m);
    case METRIC_STORE_WRITABLE:
        return write_plain(p, m, store_health(p->api->store).writable);
    case METRIC_VAULT_UP:
        return write_plain(p, m, p->vault_up);
    case METRIC_COURIER_UP:
        return write_plain(p, m, p->courier_up);
    case METRIC_TLS_EXPIRY:
        if (api_tls_expiry(p->api, &expiry) != OK)
            return OK;
        return write_plain(p, m, (double)expiry);
    default:
        return ERR_INTERNAL;
    }
}

/* --- the page --- */

static void look(struct page *p)
{
    struct store_tx *tx;
    struct vault_status vault;
    if (store_read_begin(p->api->store, &tx) == OK) {
        p->stats_known = store_stats(tx, &p->stats) == OK;
        store_read_end(p->api->store, &tx);
    }
    p->room_known = spool_room_look(p->api, &p->room) == OK;
    p->vault_up = vault_status(p->api->vault, &vault) == OK && vault.unlocked;
    p->courier_up = api_courier_answers(p->api, COURIER_WAIT_MS);
}

static enum err write_page(struct page *p)
{
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        enum metric_kind kind = metric_info(m)->kind;
        enum err e = kind == METRIC_KIND_COUNTER ? write_counter(p, m)
                     : kind == METRIC_KIND_GAUGE ? write_gauge(p, m)
                                                 : metric_write_histogram(&p->out, m);
        TRY(e);
    }
    return OK;
}

/* The store, the vault and the courier are asked: any may be slow just when somebody looks. */
static void write_metrics(struct http_request *r)
{
    struct page p = {.r = r, .api = api_of(r), .out = buf_make(PAGE_MAX_BYTES)};
    look(&p);
    enum err e = write_page(&p);
    if (e != OK)
        http_fail(r, e);
    else
        http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&p.out));
    buf_auto(&p.out);
}

static bool is_loopback(struct str peer)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (str_to_text(peer, text, sizeof text) != OK)
        return false;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* A proxy on this machine asks from loopback for whoever asks it. */
static bool is_forwarded(const struct http_request *r)
{
    static const char *const marks[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (http_header(r, marks[i]).len)
            return true;
    return false;
}

static bool has_token(const struct http_request *r, const struct api_settings *s)
{
    static const uint8_t none[HASH_BYTES];
    struct str header = http_authorization(r), scheme;
    struct str token = str_trim(str_split(header, ' ', &scheme));
    uint8_t hash[HASH_BYTES];
    hash_sha256(token, hash);
    bool set = !equal_constant_time(s->metrics_token, none, sizeof none);
    bool same = equal_constant_time(s->metrics_token, hash, sizeof hash);
    wipe(hash, sizeof hash);
    return set && same && str_equal_nocase(scheme, STR("Bearer"));
}

static enum err check_reader(const struct http_request *r)
{
    struct api_settings s;
    if (http_is_operator(r))
        return OK;
    api_settings_get(api_of(r), &s);
    if (s.metrics == API_METRICS_LOOPBACK)
        return is_loopback(http_peer(r)) && !is_forwarded(r) ? OK : ERR_NOT_FOUND;
    if (s.metrics != API_METRICS_TOKEN)
        return ERR_NOT_FOUND;
    if (has_token(r, &s))
        return OK;
    metric_add(METRIC_AUTH_FAILURES, 3, 1);
    return ERR_UNAUTHORIZED;
}

void api_metrics(struct http_request *r)
{
    enum err e = check_reader(r);
    if (e != OK)
        http_fail(r, e);
    else
        api_defer_or_fail(r, write_metrics, NULL);
}
