/* What the http*.c files share; nobody else includes this. A request belongs to its connection's
 * thread until it is suspended; from then on to whoever answers it. */
#ifndef API_HTTP_INTERNAL_H
#define API_HTTP_INTERNAL_H

#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http.h"
#include "router.h"
#include "ulid.h"

enum {
    HTTP_HEADERS_MAX = 100,                   /* fields of a request; clients send about ten */
    HTTP_CONNECTION_MEMORY_BYTES = 32 * 1024, /* a head of 16 KiB, its table, and room to read */
    HTTP_NONE_BODY_MAX_BYTES = 4096,          /* a body where none is wanted; thrown away */
    HTTP_IDLE_MS = 75 * 1000,                 /* keep-alive without a request; as nginx */
    HTTP_STOP_MS = 10 * 1000,                 /* open requests may end within this */
    HTTP_DEFER_THREADS = 8,
    HTTP_DEFER_QUEUE_MAX = 4096, /* waiting work; beyond: 503 BUSY */
    HTTP_LINGER_MS = 2000,       /* reading on after an early refusal, so that it arrives */
    HTTP_LINGER_MAX = 256,       /* connections lingering at once; beyond: closed hard */
};

enum http_conn_phase { HTTP_CONN_IDLE, HTTP_CONN_HEAD, HTTP_CONN_BODY, HTTP_CONN_WORK };

/* One accepted socket, registered with the reaper. */
struct http_conn {
    struct http_conn *prev, *next;
    struct http_server *server;
    int fd;
    bool refused; /* operator socket: not our user */
    char peer[INET6_ADDRSTRLEN];
    _Atomic int phase;               /* enum http_conn_phase */
    _Atomic int64_t since_ms;        /* when the phase began */
    _Atomic uint64_t body_bytes;     /* of the present body */
    _Atomic uint64_t body_announced; /* UINT64_MAX: chunked */
    uint64_t mark_bytes;             /* the reaper's: progress at mark_ms */
    int64_t mark_ms;
    uint64_t seen_bytes; /* the reaper's: progress at its last look */
    unsigned still;      /* looks without any */
};

/* Watches all connections of a server; http_reaper.c. */
struct http_reaper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct http_conn *conns;
    bool running, stop;
    int64_t head_ms, body_ms, idle_ms, tick_ms;
    struct {
        int fd;
        int64_t until_ms;
    } lingering[HTTP_LINGER_MAX];
    size_t lingering_count;
};

/* Threads for work that blocks; http_defer.c. */
struct http_defer_pool {
    pthread_t threads[HTTP_DEFER_THREADS];
    size_t thread_count;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct http_request *first, *last;
    size_t waiting;
    bool running, stop;
};

/* Wakes answers that wait for a pipe; http_stream.c. */
struct http_pump {
    pthread_t thread;
    int epoll_fd, stop_fd;
    bool running;
};

struct http_tls; /* http_tls.c */

struct http_server {
    struct http_options options;
    struct MHD_Daemon *daemon;
    struct router *router;
    struct http_reaper reaper;
    struct http_defer_pool defer;
    struct http_pump pump;
    struct http_tls *tls;
    int listen_fd;
    uint16_t port;
    _Atomic bool stopping;
    _Atomic unsigned open_requests;
};

struct http_field {
    struct str name, value;
};

struct http_answer_field {
    struct http_answer_field *next;
    const char *name, *value;
};

enum http_phase {
    HTTP_PHASE_HEAD, /* the head is not read yet */
    HTTP_PHASE_BODY,
    HTTP_PHASE_ANSWER, /* the handler has run; an answer is there or awaited */
};

enum http_answer_state { HTTP_RUNNING, HTTP_SUSPENDED, HTTP_ANSWERED };

struct http_request {
    struct http_server *server;
    struct http_conn *conn;
    struct MHD_Connection *mhd;
    struct arena arena;
    struct arena *arena_here; /* so that a const request can still allocate */
    struct ulid id;
    int64_t began_us;       /* monotonic */
    uint64_t answer_bytes;  /* of the body, as far as it was meant to be sent */
    struct str answer_body; /* as long as `response`; .ptr NULL: none, or not from memory */
    enum http_phase phase;
    bool body_announced;
    bool must_close; /* the answer ends the connection */
    bool counted;    /* in open_requests */
    bool head_only;  /* HEAD */
    bool gone;       /* the connection ended; answers are thrown away */
    _Atomic bool suspend_wanted;
    enum router_method method;
    struct str method_name, target, query;
    size_t target_len; /* as it came, also when it is too long to keep */
    size_t parameters; /* of its query, likewise */
    struct router_path path;
    struct http_field *fields;
    size_t field_count;
    struct str authorization, farm_secret;
    int64_t content_length; /* -1: chunked */
    struct router_match match;
    struct buf body;
    uint64_t body_bytes;
    struct http_sink sink;
    bool has_sink;
    void *user;
    struct http_answer_field *answer_fields;
    const char *tag; /* ETag of the answer; NULL: none */
    struct http_watch watch;
    int status;
    struct MHD_Response *response;
    _Atomic int answer_state; /* enum http_answer_state */
    void (*deferred)(struct http_request *r);
    struct http_request *deferred_next;
};

/* http_check.c: collects the header fields and refuses what is ambiguous. Answers on refusal. */
bool http_check_head(struct http_request *r, const char *method, const char *url,
                     const char *version);

/* http_run.c: what the library calls. */
void *http_run_request_line(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result http_run(void *server, struct MHD_Connection *mhd, const char *url,
                         const char *method, const char *version, const char *upload,
                         size_t *upload_len, void **request);
void http_run_completed(void *server, struct MHD_Connection *mhd, void **request,
                        enum MHD_RequestTerminationCode how);

/* http_reply.c */
bool http_client_has(const struct http_request *r); /* what the answer's tag names */
void http_answer(struct http_request *r, int status, const char *content_type,
                 struct MHD_Response *response);
void http_fail_as(struct http_request *r, int status, const char *code, const char *text);
void http_error_body(struct buf *body, const char *text, const char *code,
                     const struct problems *problems);
/* Straight to the socket, where the library takes no answer (in the middle of a body). */
void http_fail_raw(struct http_request *r, enum err e);
/* The same for an answer from memory that was ready when the library let go of the connection.
 * false: it could not be sent whole. True does not say that somebody was there: a peer that is gone
 * and one that ended its half look the same. */
bool http_answer_raw(struct http_request *r);

/* http_tls.c */
enum err http_tls_open(const char *cert_path, const char *key_path, struct http_tls **ret) MUST_USE;
enum err http_tls_reload(struct http_tls *tls) MUST_USE;
int64_t http_tls_ends_at(struct http_tls *tls); /* seconds since 1970 */
void http_tls_close(struct http_tls **tls);
gnutls_certificate_retrieve_function2 *http_tls_callback(void);
extern const char HTTP_TLS_PRIORITIES[];
bool http_tls_cert_names(struct http_tls *tls, const char *host);
void http_tls_bind(struct http_tls *tls, void *gnutls_session);
bool http_tls_send(void *gnutls_session, struct str bytes); /* does not wait; false: cut */

/* http_reaper.c */
enum err http_reaper_start(struct http_reaper *reaper) MUST_USE;
void http_reaper_hurry(struct http_reaper *reaper); /* everyone is late from now on */
void http_reaper_stop(struct http_reaper *reaper);
void http_reaper_add(struct http_reaper *reaper, struct http_conn *c);
void http_reaper_remove(struct http_reaper *reaper, struct http_conn *c);
void http_reaper_linger(struct http_reaper *reaper, int fd); /* a copy of the descriptor is kept */
void http_conn_enter(struct http_conn *c, enum http_conn_phase phase);

/* http_defer.c */
enum err http_defer_start(struct http_defer_pool *pool) MUST_USE;
void http_defer_stop(struct http_defer_pool *pool);

/* http_stream.c */
enum err http_pump_start(struct http_pump *pump) MUST_USE;
void http_pump_stop(struct http_pump *pump);

#endif
