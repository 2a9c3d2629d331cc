/* One request from its first line to its answer: what the library calls, in this order:
 * request_line, run (head complete), run (each piece of body), run (end of body), completed.
 * An answer given in the first of these calls ends the connection, so it is kept for the last one
 * unless a body is announced that nobody wants to read. */
#include <stdlib.h>
#include <sys/socket.h>

#include "alloc.h"
#include "clock.h"
#include "http_internal.h"
#include "log.h"

static struct http_conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    ASSERT(info && info->socket_context);
    return info->socket_context;
}

static size_t parameters_of(const char *target)
{
    size_t count = 0;
    const char *at = strchr(target, '?');
    for (; at; at = strchr(at + 1, '&'))
        count++;
    return count;
}

/* Beside the library, which could neither read so many parameters nor say so. */
static void refuse_parameters(struct http_request *r)
{
    http_fail_raw(r, ERR_URI_TOO_LONG);
    http_reaper_linger(&r->server->reaper, r->conn->fd);
    shutdown(r->conn->fd, SHUT_RDWR);
}

void *http_run_request_line(void *server, const char *target, struct MHD_Connection *mhd)
{
    struct http_request *r = xcalloc(1, sizeof *r);
    r->server = server;
    r->mhd = mhd;
    r->conn = conn_of(mhd);
    r->arena = arena_make();
    r->arena_here = &r->arena;
    r->id = ulid_new();
    r->began_us = clock_monotonic_us();
    r->target_len = strlen(target);
    r->parameters = parameters_of(target);
    if (r->parameters > HTTP_QUERY_PARAMETERS_MAX)
        refuse_parameters(r);
    if (r->target_len <= HTTP_TARGET_MAX_BYTES) {
        struct str whole = arena_str(&r->arena, str_bytes(target, r->target_len));
        r->query = str_split(whole, '?', &r->target);
    } else {
        r->target = STR_EMPTY;
    }
    if (atomic_load_explicit(&r->conn->phase, memory_order_relaxed) == HTTP_CONN_IDLE)
        http_conn_enter(r->conn, HTTP_CONN_HEAD);
    return r;
}

/* --- handing the answer over --- */

/* The socket stays open for a while after the library closes it: bytes that are still arriving
 * would otherwise make the kernel throw the answer away. */
static void linger(struct http_request *r)
{
    http_reaper_linger(&r->server->reaper, r->conn->fd);
}

static enum MHD_Result hand_over(struct http_request *r)
{
    struct MHD_Response *response = TAKE(r->response);
    if (!response)
        return MHD_NO;
    if (r->phase == HTTP_PHASE_HEAD)
        linger(r);
    enum MHD_Result done = MHD_queue_response(r->mhd, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return done;
}

/* After anything that may have answered. `last`: the body has ended. */
static enum MHD_Result settle(struct http_request *r, bool last)
{
    if (atomic_load_explicit(&r->answer_state, memory_order_acquire) == HTTP_ANSWERED) {
        if (!last && !r->must_close && !r->body_announced) {
            r->phase = HTTP_PHASE_ANSWER;
            return MHD_YES;
        }
        return hand_over(r);
    }
    if (!r->suspend_wanted) {
        log_error("http_no_answer", kv("route", r->match.route ? r->match.route->pattern : "-"));
        http_fail(r, ERR_INTERNAL);
        return hand_over(r);
    }
    r->suspend_wanted = false;
    /* Suspended first, then told: whoever answers resumes only what is suspended, and an answer
     * that came in between is seen here. */
    struct MHD_Connection *mhd = r->mhd;
    MHD_suspend_connection(mhd);
    int running = HTTP_RUNNING;
    if (!atomic_compare_exchange_strong(&r->answer_state, &running, HTTP_SUSPENDED))
        MHD_resume_connection(mhd);
    return MHD_YES;
}

/* --- the head --- */

static bool find_route(struct http_request *r)
{
    enum err e = router_split(r->target, &r->arena, &r->path);
    unsigned allowed = 0;
    if (e == OK)
        e = router_find(r->server->router, &r->path, r->method, &r->match, &allowed);
    if (e == ERR_METHOD)
        http_answer_header(r, "Allow", router_allow(allowed, &r->arena).ptr);
    if (e != OK)
        http_fail(r, e);
    return e == OK;
}

static uint64_t body_limit(const struct http_request *r)
{
    const struct http_route *route = r->match.route;
    return route->body == HTTP_BODY_NONE ? HTTP_NONE_BODY_MAX_BYTES : route->body_max_bytes;
}

/* false: answered. */
static bool accept_head(struct http_request *r, const char *url, const char *method,
                        const char *version)
{
    if (!http_check_head(r, method, url, version))
        return false;
    if (r->conn->refused) {
        r->must_close = true;
        http_fail(r, ERR_FORBIDDEN);
        return false;
    }
    if (r->server->stopping) {
        r->must_close = true;
        http_fail(r, ERR_BUSY);
        return false;
    }
    if (!find_route(r))
        return false;
    if (!r->server->options.authorise(r, r->match.route)) {
        ASSERT(atomic_load(&r->answer_state) == HTTP_ANSWERED);
        return false;
    }
    if (r->content_length > 0 && (uint64_t)r->content_length > body_limit(r)) {
        http_fail(r, ERR_TOO_LARGE);
        return false;
    }
    return true;
}

static void begin_body(struct http_request *r)
{
    struct http_conn *c = r->conn;
    atomic_store_explicit(&c->body_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&c->body_announced,
                          r->content_length < 0 ? UINT64_MAX : (uint64_t)r->content_length,
                          memory_order_relaxed);
    http_conn_enter(c, r->body_announced ? HTTP_CONN_BODY : HTTP_CONN_WORK);
    r->phase = HTTP_PHASE_BODY;
    if (r->match.route->body != HTTP_BODY_BUFFER)
        return;
    r->body = buf_make(body_limit(r) ? (size_t)body_limit(r) : 1);
    enum { RESERVE_MAX = 64 * 1024 };
    size_t known = r->content_length > 0 ? (size_t)r->content_length : 0;
    if (known && buf_reserve(&r->body, known < RESERVE_MAX ? known : RESERVE_MAX) != OK)
        http_fail(r, ERR_TOO_LARGE);
}

static enum MHD_Result run_head(struct http_request *r, const char *url, const char *method,
                                const char *version)
{
    if (!r->counted) {
        r->counted = true;
        atomic_fetch_add(&r->server->open_requests, 1);
        if (!accept_head(r, url, method, version)) {
            http_conn_enter(r->conn, HTTP_CONN_WORK);
            return settle(r, false);
        }
        if (r->match.route->body != HTTP_BODY_STREAM) {
            begin_body(r);
            return MHD_YES;
        }
        r->match.route->handle(r);
    }
    /* A stream's handler has run, now or before it was suspended. */
    if (r->has_sink && atomic_load(&r->answer_state) == HTTP_RUNNING) {
        begin_body(r);
        return MHD_YES;
    }
    http_conn_enter(r->conn, HTTP_CONN_WORK);
    return settle(r, false);
}

/* --- the body --- */

static void end_sink(struct http_request *r, bool complete)
{
    if (!r->has_sink)
        return;
    r->has_sink = false;
    r->sink.end(r, r->sink.ctx, complete);
}

/* The library takes no answer in the middle of a body, so this one goes out beside it, and the
 * connection with it. */
static enum MHD_Result refuse_body(struct http_request *r, enum err e)
{
    r->gone = true;
    end_sink(r, false);
    http_fail_raw(r, e);
    r->status = err_status(e);
    linger(r);
    return MHD_NO;
}

static enum MHD_Result run_body(struct http_request *r, const char *upload, size_t *upload_len)
{
    struct str piece = str_bytes(upload, *upload_len);
    enum err e = OK;
    if (!CHECKED_ADD(r->body_bytes, piece.len, &r->body_bytes) || r->body_bytes > body_limit(r))
        e = ERR_TOO_LARGE;
    else if (r->match.route->body == HTTP_BODY_BUFFER)
        e = buf_put(&r->body, piece);
    else if (r->match.route->body == HTTP_BODY_STREAM)
        e = r->sink.piece(r->sink.ctx, piece);
    /* UNSAFE: casts away const; this is the library's receive buffer, and what is consumed below
     * is not read again. It would otherwise stand there until the next request overwrites it. */
    wipe((char *)(uintptr_t)piece.ptr, piece.len);
    *upload_len = 0;
    atomic_store_explicit(&r->conn->body_bytes, r->body_bytes, memory_order_relaxed);
    return e == OK ? MHD_YES : refuse_body(r, e);
}

/* A body can take minutes to arrive: a token that was revoked meanwhile does nothing any more. */
static bool still_allowed(struct http_request *r)
{
    return !r->body_announced || r->server->options.authorise(r, r->match.route);
}

static enum MHD_Result run_end(struct http_request *r)
{
    if (r->phase == HTTP_PHASE_BODY) {
        r->phase = HTTP_PHASE_ANSWER;
        http_conn_enter(r->conn, HTTP_CONN_WORK);
        if (r->match.route->body == HTTP_BODY_STREAM)
            end_sink(r, still_allowed(r));
        else if (atomic_load(&r->answer_state) == HTTP_RUNNING && still_allowed(r))
            r->match.route->handle(r);
    }
    return settle(r, true);
}

enum MHD_Result http_run(void *server, struct MHD_Connection *mhd, const char *url,
                         const char *method, const char *version, const char *upload,
                         size_t *upload_len, void **request)
{
    struct http_request *r = *request;
    (void)server;
    (void)mhd;
    if (!r)
        return MHD_NO;
    enum MHD_Result result = MHD_NO;
    log_request(ulid_str(&r->id));
    if (!*upload_len)
        result = r->phase == HTTP_PHASE_HEAD ? run_head(r, url, method, version) : run_end(r);
    else if (r->phase == HTTP_PHASE_BODY)
        result = run_body(r, upload, upload_len);
    log_request(STR_EMPTY); /* this thread has other connections too */
    return result;
}

static void tell_end(const struct http_request *r, enum MHD_RequestTerminationCode how)
{
    const struct http_outcome outcome = {.route = r->match.route,
                                         .status = r->status,
                                         .cut = how != MHD_REQUEST_TERMINATED_COMPLETED_OK,
                                         .duration_us = clock_monotonic_us() - r->began_us,
                                         .bytes = r->answer_bytes};
    if (!r->server->options.finished)
        return;
    log_request(ulid_str(&r->id));
    r->server->options.finished(r, &outcome);
    log_request(STR_EMPTY);
}

/* A connection that waited for its answer is read before the answer is asked for, and when the peer
 * has ended its half by then the library drops both. The peer is still listening. */
static bool answer_half_closed(struct http_request *r)
{
    linger(r);
    return http_answer_raw(r);
}

void http_run_completed(void *server, struct MHD_Connection *mhd, void **request,
                        enum MHD_RequestTerminationCode how)
{
    struct http_request *r = TAKE(*request);
    struct http_server *s = server;
    (void)mhd;
    if (!r)
        return;
    if (how == MHD_REQUEST_TERMINATED_WITH_ERROR && r->response && !r->gone &&
        answer_half_closed(r))
        how = MHD_REQUEST_TERMINATED_COMPLETED_OK;
    if (r->counted)
        tell_end(r, how);
    r->gone = true;
    end_sink(r, false);
    http_conn_enter(r->conn, HTTP_CONN_IDLE);
    if (r->response)
        MHD_destroy_response(r->response);
    if (r->watch.done)
        r->watch.done(r->watch.ctx, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    buf_auto(&r->body);
    arena_auto(&r->arena);
    bool counted = r->counted;
    wipe(r, sizeof *r);
    free(r);
    if (counted)
        atomic_fetch_sub(&s->open_requests, 1);
}
