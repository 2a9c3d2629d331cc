#include "worker_lease.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "json_decode.h"
#include "json_encode.h"
#include "limit.h"
#include "log.h"
#include "ulid.h"

enum { SMALL_BODY_BYTES = 64 * 1024, CALL_MS = 20000 };
/* A beat every third of the lease, but not so seldom that a job runs on for long after it was
 * cancelled. */
enum { BEAT_MOST_MS = 5000, PAUSE_LEAST_MS = 250, PAUSE_MOST_MS = 8000 };
/* A server may take a minute to see that the connection of a try before is gone, and answers 409
 * meanwhile. */
enum { UPLOAD_TRIES_MAX = 16, FULL_PATIENCE_MS = 30 * 60 * 1000 };

bool lease_over(struct lease *l)
{
    if (!l->lost && clock_monotonic_ms() >= l->ends_at_ms) {
        log_warn("lease_ran_out", kv("job", l->job_id), kv("why", "the server did not answer"));
        l->lost = true;
    }
    return l->lost || l->cancelled || worker_stop_asked(l->stop) > 1;
}

void lease_pause(struct lease *l, int64_t ms)
{
    (void)worker_stop_wait(l->stop, ms, 2);
}

static int64_t pause_after(int failures)
{
    return failures < 5 ? (int64_t)PAUSE_LEAST_MS << failures : PAUSE_MOST_MS;
}

/* The server keeps the lease from some moment after the request was sent. */
static void renewed(struct lease *l, int64_t sent_ms)
{
    int64_t third = l->lease_ms / 3;
    l->ends_at_ms = sent_ms + l->lease_ms;
    l->renew_at_ms = clock_monotonic_ms() + (third < BEAT_MOST_MS ? third : BEAT_MOST_MS);
    l->failures = 0;
}

static enum err unless_over(void *ctx, uint64_t sent, uint64_t received)
{
    struct lease *l = ctx;
    (void)sent, (void)received;
    return lease_over(l) && !l->leaving ? ERR_LEASE_LOST : OK;
}

/* One JSON call under the lease. A status of 409 or 410 means that the lease is gone, one of 401
 * that the token is. */
static enum err call(struct lease *l, const char *path, const char *type, struct str body,
                     struct buf *ret_answer)
{
    int64_t sent_ms = clock_monotonic_ms();
    struct fetch f = {
        .body = body, .body_fd = -1, .total_ms = CALL_MS, .on_progress = unless_over, .ctx = l};
    struct fetch_result r __attribute__((cleanup(fetch_result_auto))) = {0};
    TRY(client_send(l->client, "POST", path, type, &f, &r));
    if (r.status == 409 || r.status == 410 || (r.status >= 401 && r.status <= 404)) {
        l->lost = true;
        return ERR_LEASE_LOST;
    }
    if (r.status < 200 || r.status > 299) {
        log_warn("call_refused", kv("status", r.status), kv("request", r.request_id));
        return r.status >= 500 || r.status == 429 ? ERR_UNREACHABLE : ERR_INVALID;
    }
    renewed(l, sent_ms);
    return ret_answer ? buf_put(ret_answer, buf_str(&r.body)) : OK;
}

struct output {
    struct str url, name;
};
struct answer {
    struct str lease, job, output, fonts;
    int64_t lease_ms;
};
static const struct json_field answer_fields[] = {
    JSON_FIELD(struct answer, lease, "lease", JSON_AS_STR, JSON_REQUIRED, 64),
    JSON_FIELD(struct answer, job, "job", JSON_AS_OBJECT, JSON_REQUIRED, 0),
    JSON_FIELD(struct answer, output, "output", JSON_AS_OBJECT, JSON_REQUIRED, 0),
    JSON_FIELD(struct answer, fonts, "fonts", JSON_AS_ARRAY, JSON_OPTIONAL, 0),
    JSON_FIELD(struct answer, lease_ms, "leaseMs", JSON_AS_INT, JSON_REQUIRED, 24 * 3600 * 1000),
};
static const struct json_field output_fields[] = {
    JSON_FIELD(struct output, url, "url", JSON_AS_STR, JSON_REQUIRED, 4096),
    JSON_FIELD(struct output, name, "name", JSON_AS_STR, JSON_REQUIRED, 256),
};
struct job_id {
    struct str id;
};
static const struct json_field id_fields[] = {
    JSON_FIELD(struct job_id, id, "id", JSON_AS_STR, JSON_REQUIRED, 64),
};

/* These become parts of file names here. */
static bool names_ok(const struct answer *a, const struct output *o, const struct job_id *j)
{
    for (size_t i = 0; i < o->name.len; i++) {
        char c = o->name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && c != '.' && c != '-' && c != '_')
            return false;
    }
    return o->name.len > 0 && ulid_valid(a->lease) && ulid_valid(j->id);
}

static enum err understand(struct lease *l)
{
    struct problems problems;
    struct answer a = {.lease_ms = 0};
    struct output o = {STR_EMPTY, STR_EMPTY};
    struct job_id j = {STR_EMPTY};
    problems_init(&problems, &l->arena);
    TRY(json_decode(buf_str(&l->answer), answer_fields, ARRAY_LEN(answer_fields), STR_EMPTY,
                    &problems, &a));
    TRY(json_decode(a.output, output_fields, ARRAY_LEN(output_fields), STR_EMPTY, &problems, &o));
    TRY(json_decode(a.job, id_fields, ARRAY_LEN(id_fields), STR_EMPTY, &problems, &j));
    if (!names_ok(&a, &o, &j))
        return ERR_INVALID;
    l->id = a.lease;
    l->job = a.job;
    l->fonts = a.fonts.len ? a.fonts : STR("[]");
    l->job_id = j.id;
    l->output_url = o.url;
    l->output_name = o.name;
    l->lease_ms = a.lease_ms;
    return OK;
}

struct refusal {
    struct str code;
};
static const struct json_field refusal_fields[] = {
    JSON_FIELD(struct refusal, code, "code", JSON_AS_STR, JSON_OPTIONAL, 64),
};

/* What a status other than 200 means; a 503 says more by its code. */
static enum err refused(struct lease *l, const struct fetch_result *r)
{
    struct problems problems;
    struct refusal f = {STR_EMPTY};
    if (r->status == 204)
        return ERR_NOT_FOUND;
    if (r->status == 401 || r->status == 403)
        return ERR_FORBIDDEN;
    problems_init(&problems, &l->arena);
    if (r->status == 503 && json_decode(buf_str(&r->body), refusal_fields,
                                        ARRAY_LEN(refusal_fields), STR_EMPTY, &problems, &f) == OK)
        for (int e = 0; e < ERR_COUNT; e++)
            if (f.code.len && str_is(f.code, err_code((enum err)e)))
                return (enum err)e;
    return ERR_UNREACHABLE;
}

enum err lease_take(const struct client *client, const struct lease_wish *wish,
                    struct worker_stop *stop, struct lease *ret)
{
    int64_t sent_ms = clock_monotonic_ms();
    AUTO(buf) struct buf body = buf_make(SMALL_BODY_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    json_out_member_str(&o, "worker", str_from(wish->worker));
    if (wish->engines)
        json_out_member_str(&o, "engines", str_from(wish->engines));
    if (wish->tags)
        json_out_member_str(&o, "tags", str_from(wish->tags));
    json_out_close(&o, '}');
    TRY(json_out_end(&o));
    *ret = (struct lease){.client = client,
                          .stop = stop,
                          .arena = arena_make(),
                          .answer = buf_make(LEASE_ANSWER_MAX_BYTES)};
    struct fetch f = {.body = buf_str(&body),
                      .body_fd = -1,
                      .total_ms = CALL_MS,
                      .body_max_bytes = ret->answer.max};
    struct fetch_result r __attribute__((cleanup(fetch_result_auto))) = {0};
    TRY(client_send(client, "POST", "/worker/lease", "application/json", &f, &r));
    if (r.status != 200)
        return refused(ret, &r);
    TRY(buf_put(&ret->answer, buf_str(&r.body)));
    TRY(understand(ret));
    renewed(ret, sent_ms);
    return OK;
}

void lease_auto(struct lease *l)
{
    buf_auto(&l->answer);
    arena_auto(&l->arena);
}

static struct str lease_path(struct lease *l, const char *what)
{
    return arena_printf(&l->arena, "/worker/leases/%.*s/%s", (int)l->id.len, l->id.ptr, what);
}

struct beat {
    bool cancel;
};
static const struct json_field beat_fields[] = {
    JSON_FIELD(struct beat, cancel, "cancel", JSON_AS_BOOL, JSON_OPTIONAL, 0),
};

void lease_beat(struct lease *l, int64_t progress, bool now)
{
    if (lease_over(l) || (!now && clock_monotonic_ms() < l->renew_at_ms))
        return;
    AUTO(buf) struct buf answer = buf_make(SMALL_BODY_BYTES);
    struct str body = progress < 0
                          ? STR("{}")
                          : arena_printf(&l->arena, "{\"progress\":%lld}", (long long)progress);
    enum err e = call(l, lease_path(l, "heartbeat").ptr, "application/json", body, &answer);
    if (e != OK) {
        l->renew_at_ms = clock_monotonic_ms() + pause_after(l->failures++);
        return;
    }
    struct problems problems;
    struct beat b = {false};
    problems_init(&problems, &l->arena);
    if (json_decode(buf_str(&answer), beat_fields, ARRAY_LEN(beat_fields), STR_EMPTY, &problems,
                    &b) == OK)
        l->cancelled = b.cancel;
}

struct accepted {
    int64_t accepted;
};
static const struct json_field accepted_fields[] = {
    JSON_FIELD(struct accepted, accepted, "accepted", JSON_AS_INT, JSON_REQUIRED, INT64_MAX),
};

enum err lease_log(struct lease *l, uint64_t offset, struct str bytes, bool final,
                   uint64_t *ret_accepted)
{
    AUTO(buf) struct buf answer = buf_make(SMALL_BODY_BYTES);
    struct str path = arena_printf(&l->arena, "%s?offset=%llu%s", lease_path(l, "log").ptr,
                                   (unsigned long long)offset, final ? "&final=1" : "");
    TRY(call(l, path.ptr, "text/plain", bytes, &answer));
    struct problems problems;
    struct accepted a = {0};
    problems_init(&problems, &l->arena);
    TRY(json_decode(buf_str(&answer), accepted_fields, ARRAY_LEN(accepted_fields), STR_EMPTY,
                    &problems, &a));
    *ret_accepted = (uint64_t)a.accepted;
    return OK;
}

static enum err beat_while_sending(void *ctx, uint64_t sent, uint64_t received)
{
    struct lease *l = ctx;
    (void)sent, (void)received;
    lease_beat(l, -1, false);
    return lease_over(l) ? ERR_LEASE_LOST : OK;
}

/* One try; ret_status 0: no answer. `again`: an earlier try may have arrived after all. */
static enum err put_output(struct lease *l, const char *url, int fd, uint64_t size, bool again,
                           int *ret_status)
{
    struct fetch f = {.body_fd = fd, .body_len = size, .on_progress = beat_while_sending, .ctx = l};
    struct fetch_result r __attribute__((cleanup(fetch_result_auto))) = {0};
    enum err e = client_send(l->client, "PUT", url, NULL, &f, &r);
    *ret_status = r.status;
    if (e == OK && ((r.status >= 200 && r.status <= 299) || (r.status == 410 && again)))
        return OK;
    if (e == OK && r.status == 503)
        e = ERR_STORE_FULL;
    else if (e == OK)
        e = r.status >= 500 || r.status == 409 || r.status == 429 ? ERR_UNREACHABLE : ERR_INVALID;
    return e;
}

enum err lease_upload(struct lease *l, const char *path)
{
    /* Not blocking: an engine may leave a FIFO there. */
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return ERR_NOT_FOUND;
    struct str url = arena_str(&l->arena, l->output_url);
    int64_t until_ms = clock_monotonic_ms() + FULL_PATIENCE_MS;
    enum err e = ERR_UNREACHABLE;
    int said = -1;
    /* What was rendered is worth waiting for: a server without room counts no tries. */
    for (int try = 0, broken = 0; broken < UPLOAD_TRIES_MAX && !lease_over(l); try++) {
        int status;
        e = put_output(l, url.ptr, fd, (uint64_t)st.st_size, try > 0, &status);
        if (e == OK)
            return OK;
        if (status != said)
            log_warn("output_not_taken", kv("status", status), kv("error", err_code(e)));
        said = status;
        if (e == ERR_INVALID || e == ERR_LEASE_LOST ||
            (e == ERR_STORE_FULL && clock_monotonic_ms() > until_ms))
            return e;
        broken += e != ERR_STORE_FULL;
        lease_pause(l, pause_after(try));
        lease_beat(l, -1, false);
    }
    return lease_over(l) ? ERR_LEASE_LOST : e;
}

/* One way out of the lease. */
static enum err leave(struct lease *l, const char *state, const char *error)
{
    AUTO(buf) struct buf body = buf_make(SMALL_BODY_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    json_out_member_str(&o, "state", str_from(state));
    if (error)
        json_out_member_str(&o, "error", str_from(error));
    json_out_close(&o, '}');
    TRY(json_out_end(&o));
    return call(l, lease_path(l, "finish").ptr, "application/json", buf_str(&body), NULL);
}

enum err lease_finish(struct lease *l, const char *error)
{
    for (int try = 0; !lease_over(l); try++) {
        enum err e = leave(l, error ? "error" : "finished", error);
        if (e == OK || e == ERR_INVALID)
            return e;
        lease_pause(l, pause_after(try));
    }
    return ERR_LEASE_LOST;
}

enum err lease_give_back(struct lease *l)
{
    l->leaving = true;
    return leave(l, "queued", NULL);
}
