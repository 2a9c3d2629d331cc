/* A server's life: the library's daemon with its threads, the reaper, the pump, the deferred
 * work, started and stopped together. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "http_internal.h"
#include "io.h"
#include "limit.h"
#include "log.h"

enum { LISTEN_BACKLOG = 1024, STOP_STEP_MS = 10, STOP_HURRY_MS = 1000 };

/* --- connections --- */

static void peer_text(struct MHD_Connection *mhd, char ret[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *addr = info ? info->client_addr : NULL;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(ret, "unix", sizeof "unix");
    if (addr && addr->sa_family == AF_INET) {
        memcpy(&v4, addr, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, ret, INET6_ADDRSTRLEN);
    } else if (addr && addr->sa_family == AF_INET6) {
        memcpy(&v6, addr, sizeof v6);
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        inet_ntop(mapped ? AF_INET : AF_INET6, v6.sin6_addr.s6_addr + (mapped ? 12 : 0), ret,
                  INET6_ADDRSTRLEN);
    }
}

static bool peer_is_us(int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return false;
    return who.uid == geteuid() || who.uid == 0;
}

static void on_connection(void *ctx, struct MHD_Connection *mhd, void **socket_ctx,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = ctx;
    struct http_conn *c = *socket_ctx;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (c)
            http_reaper_remove(&s->reaper, c);
        free(c);
        *socket_ctx = NULL;
        return;
    }
    c = xcalloc(1, sizeof *c);
    c->server = s;
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    peer_text(mhd, c->peer);
    if (s->tls)
        http_tls_bind(
            s->tls, MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session);
    c->refused = s->options.operator_socket && !peer_is_us(c->fd);
    if (c->refused)
        log_warn("operator_peer_refused");
    http_conn_enter(c, HTTP_CONN_HEAD);
    http_reaper_add(&s->reaper, c);
    *socket_ctx = c;
}

/* MHD_quiesce_daemon would do this, but races with its own threads in 0.9.75 and aborts. */
static enum MHD_Result accept_policy(void *ctx, const struct sockaddr *addr, socklen_t len)
{
    const struct http_server *s = ctx;
    (void)addr;
    (void)len;
    return atomic_load(&s->stopping) ? MHD_NO : MHD_YES;
}

/* --- listening --- */

static enum err address_parse(const char *text, uint16_t port, struct sockaddr_storage *ret,
                              socklen_t *ret_len)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(ret, &v4, sizeof v4);
        *ret_len = sizeof v4;
        return OK;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(ret, &v6, sizeof v6);
        *ret_len = sizeof v6;
        return OK;
    }
    return ERR_INVALID;
}

static enum err listen_on(const struct http_options *o, int *ret)
{
    struct sockaddr_storage addr;
    socklen_t len;
    TRY(address_parse(o->address ? o->address : "", o->port, &addr, &len));
    AUTO(fd) int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&addr, len) != 0)
        return errno == EADDRINUSE ? ERR_IN_USE : ERR_IO;
    if (listen(fd, LISTEN_BACKLOG) != 0)
        return errno == EADDRINUSE ? ERR_IN_USE : ERR_IO;
    *ret = fd;
    fd = -1;
    return OK;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        return 0;
    if (addr.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&addr)->sin_port);
    return addr.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&addr)->sin6_port) : 0;
}

/* --- the library --- */

/* Targets are decoded by the router, once. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *mhd, char *text)
{
    (void)ctx;
    (void)mhd;
    return strlen(text);
}

/* Before 1.0 strictness 1 adds only two checks, which http_check.c makes too, and answers them
 * with HTML or not at all; 0 leaves them to us. From 1.0 on 1 is what refuses malformed heads. */
static int strictness(void)
{
    return MHD_get_version()[0] == '0' ? 0 : 1;
}

static enum err start_daemon(struct http_server *s)
{
    const struct http_options *o = &s->options;
    struct MHD_OptionItem more[8];
    size_t n = 0;
    if (o->threads > 1)
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)o->threads, 0};
    if (s->tls) {
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                            (void *)(uintptr_t)HTTP_TLS_PRIORITIES};
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
                                            (void *)(uintptr_t)http_tls_callback()};
    }
    more[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    unsigned most = o->connections_max ? o->connections_max : HTTP_CONNECTIONS_MAX;
    /* No MHD_USE_ERROR_LOG: its messages may hold request text. */
    s->daemon = MHD_start_daemon(
        flags | (s->tls ? MHD_USE_TLS : 0), 0, accept_policy, s, http_run, s,
        MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_CONNECTION_LIMIT, most,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_MEMORY_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((s->reaper.idle_ms + 999) / 1000),
        MHD_OPTION_STRICT_FOR_CLIENT, strictness(), MHD_OPTION_URI_LOG_CALLBACK,
        http_run_request_line, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, http_run_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, s, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    if (s->daemon)
        return OK;
    s->listen_fd = -1; /* the library has closed it */
    return ERR_IO;
}

static enum err start_parts(struct http_server *s)
{
    const struct http_options *o = &s->options;
    if (o->tls_cert)
        TRY(http_tls_open(o->tls_cert, o->tls_key ? o->tls_key : o->tls_cert, &s->tls));
    if (o->listen_fd < 0)
        TRY(listen_on(o, &s->listen_fd));
    else if (listen(s->listen_fd = o->listen_fd, LISTEN_BACKLOG) != 0)
        return ERR_IO;
    s->port = port_of(s->listen_fd);
    TRY(http_reaper_start(&s->reaper));
    TRY(http_pump_start(&s->pump));
    TRY(http_defer_start(&s->defer));
    return start_daemon(s);
}

static void stop_parts(struct http_server *s)
{
    http_defer_stop(&s->defer);
    if (s->daemon)
        MHD_stop_daemon(s->daemon); /* closes listen_fd */
    else
        io_close(&s->listen_fd);
    http_pump_stop(&s->pump);
    http_reaper_stop(&s->reaper);
    http_tls_close(&s->tls);
    router_free(&s->router);
    free(s);
}

static int64_t or_default(int64_t wanted, int64_t otherwise)
{
    return wanted ? wanted : otherwise;
}

enum err http_start(const struct http_options *options, struct http_server **ret)
{
    struct http_server *s = xcalloc(1, sizeof *s);
    s->options = *options;
    s->listen_fd = s->pump.epoll_fd = s->pump.stop_fd = -1;
    s->router = router_new(options->routes, options->route_count);
    s->reaper.head_ms = or_default(options->head_deadline_ms, HTTP_HEAD_DEADLINE_MS);
    s->reaper.body_ms = or_default(options->body_progress_ms, HTTP_BODY_PROGRESS_MS);
    s->reaper.idle_ms = or_default(options->idle_ms, HTTP_IDLE_MS);
    enum err e = start_parts(s);
    if (e != OK) {
        stop_parts(s);
        return e;
    }
    *ret = s;
    return OK;
}

uint16_t http_port(const struct http_server *s)
{
    return s->port;
}

unsigned http_open_requests(const struct http_server *s)
{
    return atomic_load_explicit(&s->open_requests, memory_order_relaxed);
}

enum err http_tls_expiry(struct http_server *s, int64_t *ret_unix_s)
{
    if (!s->tls)
        return ERR_NOT_FOUND;
    *ret_unix_s = http_tls_ends_at(s->tls);
    return OK;
}

enum err http_reload_tls(struct http_server *s)
{
    return s->tls ? http_tls_reload(s->tls) : ERR_INVALID;
}

static bool wait_until_idle(struct http_server *s, int64_t most_ms)
{
    const struct timespec step = {0, STOP_STEP_MS * 1000000L};
    for (int64_t waited = 0; atomic_load(&s->open_requests) > 0; waited += STOP_STEP_MS) {
        if (waited >= most_ms)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

void http_stop(struct http_server **server)
{
    struct http_server *s = TAKE(*server);
    if (!s)
        return;
    atomic_store(&s->stopping, true);
    if (!wait_until_idle(s, HTTP_STOP_MS)) {
        http_reaper_hurry(&s->reaper); /* whoever is still sending a body */
        if (!wait_until_idle(s, STOP_HURRY_MS)) {
            /* A suspended request may still be answered by somebody: its memory must stay. */
            log_error("http_stop_gave_up", kv("requests", atomic_load(&s->open_requests)));
            return;
        }
    }
    stop_parts(s);
}
