/* The HTTP API: two servers over one shared context. The public one answers tokens over TCP, the
 * operator's one answers whoever may open the UNIX socket in the data directory. The routes are
 * routes.def; one api_*.c file for each resource. */
#ifndef API_H
#define API_H

#include <pthread.h>
#include <stdatomic.h>

#include "courier.h"
#include "http.h"
#include "store.h"
#include "vault.h"

struct auth;
struct key_rotation;
struct secret_lists;
struct api_backup;

/* Requests that wait for a thread to block on; fewer than http_defer takes, so that whoever owns
 * something beside the request hears of a refusal. */
enum { API_DEFERRED_MAX = 2000 };

enum { API_URL_MAX_BYTES = 1024 };
/* Who may read /metrics beside the operator. */
enum api_metrics_readers { API_METRICS_OFF, API_METRICS_LOOPBACK, API_METRICS_TOKEN };

/* What may change while it runs: all of it at once. */
struct api_settings {
    char public_url[API_URL_MAX_BYTES]; /* where workers reach us; empty: as a request says */
    int64_t template_max_bytes;
    int64_t spool_min_free_bytes, spool_max_bytes; /* spool_room.h; 0: no such bound */
    bool access_log;                               /* a line for each request */
    enum api_metrics_readers metrics;
    uint8_t metrics_token[32]; /* SHA-256 of it; zeroes: there is none */
};

struct api {
    /* set by the caller; everything outlives api_stop */
    struct store *store;
    struct vault *vault;
    const char *spool_folder;
    const char *address;
    uint16_t port;                  /* 0: any; api_port() tells */
    int listen_fd;                  /* for the public server; -1: bind address and port */
    int operator_fd;                /* listening UNIX socket; -1: no operator server */
    const char *tls_cert, *tls_key; /* NULL: plain */
    unsigned threads, connections_max;
    int64_t console_idle_ms, console_session_ms; /* 0: limit.h */
    int64_t head_deadline_ms, body_progress_ms;  /* of the public server; 0: limit.h */
    struct api_settings settings;                /* from then on: api_settings_set and _get */
    /* Root rotation, done by the supervisor: hand the vault a new root key, and put that key in
     * the old one's place. Called on the rotation thread; may block. */
    enum err (*offer_root)(void *ctx);
    enum err (*commit_root)(void *ctx);
    /* The operator has put another recovery key into the data directory, of this id (recovery.h):
     * it takes effect. */
    enum err (*offer_recovery)(void *ctx, const uint8_t id[static 8]);
    void *root_ctx;

    void (*wake)(void *ctx); /* something became due for the dispatcher; NULL: nobody to tell */
    void *wake_ctx;
    /* What the api process could obtain at its start; doctor shows it. */
    struct api_confinement {
        bool memory_locked, undumpable, capabilities_dropped, landlock, seccomp;
    } confinement;

    struct courier *courier; /* from then on: api_set_courier, api_courier_begin and _end */

    /* made by api_start */
    pthread_rwlock_t courier_lock, settings_lock;
    _Atomic bool access_log; /* of the settings: asked for at each request */
    int64_t began_unix_ms;
    _Atomic unsigned deferred;
    pthread_mutex_t places_lock; /* api_audit.h: whose logs are checked and searched now */
    char walking[AUDIT_WALKS_MAX][ULID_LEN + 1], searching[AUDIT_SEARCHES_MAX][ULID_LEN + 1];
    struct api_courier_verdict { /* api_courier_answers() */
        pthread_mutex_t lock;
        bool asking, answers;
        int64_t at_ms;
    } courier_verdict;
    _Atomic int64_t spool_used_bytes, spool_counted_at_ms; /* spool_room.c */
    pthread_mutex_t put_lock; /* puts that lost a race: one after the other */
    struct auth *auth;
    struct secret_lists *lists;
    struct key_rotation *rotation;
    struct api_backup *backup;
    struct http_server *open_server, *operator_server;
    struct http_route *open_routes, *operator_routes;
};

/* Removes uploads that a crash left half done, resumes a key rotation, starts both servers.
 * ERR_IN_USE: the port is taken. On an error nothing runs. */
enum err api_start(struct api *api) MUST_USE;
uint16_t api_port(const struct api *api);
enum err api_reload_tls(struct api *api) MUST_USE;
/* When the certificate expires, in seconds since 1970. ERR_NOT_FOUND without TLS. */
enum err api_tls_expiry(struct api *api, int64_t *ret_unix_s) MUST_USE;

void api_settings_set(struct api *api, const struct api_settings *settings);
void api_settings_get(struct api *api, struct api_settings *ret);

/* The table of routes, for the metrics; METRIC_HTTP_REQUESTS counts API_STATUS_CLASSES cells for
 * each (0: no answer, then 1xx to 5xx), and behind them for requests without a route. */
enum { API_STATUS_CLASSES = 6 };
size_t api_route_count(void);
const struct http_route *api_route(size_t number);

/* The courier may be replaced while requests are open. The old one is freed: its open orders end
 * first. NULL: there is none for now. */
void api_set_courier(struct api *api, struct courier *courier);
/* NULL when there is none; then api_courier_end is called all the same. */
struct courier *api_courier_begin(struct api *api);
void api_courier_end(struct api *api);
/* While somebody waits for its answer, and for a second after it gave none, others hear what was
 * found last: a courier that hangs must not hold one thread for each who asks. */
bool api_courier_answers(struct api *api, int64_t within_ms);

/* Servers first, then the rotation thread. The store must still be open; after it is closed call
 * api_free. */
void api_stop(struct api *api);
void api_free(struct api *api);

#endif
