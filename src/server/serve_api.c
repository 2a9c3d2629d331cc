#include "serve_api.h"

#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aead.h"
#include "api.h"
#include "chain.h"
#include "clock.h"
#include "config_files.h"
#include "control.h"
#include "courier_dispatch.h"
#include "datadir.h"
#include "job_stock.h"
#include "jobs.h"
#include "log.h"
#include "recovery.h"
#include "sandbox.h"
#include "secret.h"
#include "store_team.h"
#include "store_wrong.h"
#include "tls_check.h"

enum {
    ANSWER_TIMEOUT_S = 30,
    TLS_LOOK_MS = 3600 * 1000,
    TLS_WARN_DAYS = 14,
    COURIER_WAIT_MS = 2000,
};
#define DAY_MS (24 * 3600 * (int64_t)1000)

/* The api process's parts, and the one answer from the supervisor that may be waited for. */
struct running {
    const struct serve_api *options;
    struct store *store;
    struct vault *vault;
    struct api api;
    struct courier_dispatch *dispatch;
    struct sandbox_report sandbox;
    pthread_mutex_t asking; /* one question at a time */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    int answer;          /* CONTROL_DONE, CONTROL_REFUSED, CONTROL_UNKNOWN, or 0: none yet */
    int late;            /* answers that nobody waits for any more; they come in order */
    bool deaf;           /* the control loop has ended: none comes any more */
    int64_t tls_told_ms; /* that the certificate expires */
    /* So that a new file in its place cannot be opened (reach_tls_file). */
    bool cert_beside_root, key_beside_root;
};

/* On a thread of the api's: asks, and waits for the control loop to hear the answer. */
static enum err ask_supervisor(struct running *r, enum control what, struct str more)
{
    struct timespec until;
    AUTO(buf) struct buf order = buf_make(1 + RECOVERY_ID_BYTES);
    TRY(buf_put_byte(&order, (uint8_t)what));
    TRY(buf_put(&order, more));
    pthread_mutex_lock(&r->asking);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ANSWER_TIMEOUT_S;
    pthread_mutex_lock(&r->lock);
    r->answer = 0;
    enum err e = ipc_send(r->options->control, buf_str(&order), NULL, 0);
    while (e == OK && r->answer == 0) {
        if (r->deaf ||
            (pthread_cond_timedwait(&r->answered, &r->lock, &until) != 0 && r->answer == 0))
            e = ERR_TIMEOUT;
    }
    if (e == ERR_TIMEOUT)
        r->late++;
    if (e == OK && r->answer != CONTROL_DONE)
        e = r->answer == CONTROL_REFUSED ? ERR_CONFLICT : ERR_TIMEOUT;
    pthread_mutex_unlock(&r->lock);
    pthread_mutex_unlock(&r->asking);
    return e;
}

static enum err offer_root(void *ctx)
{
    return ask_supervisor(ctx, CONTROL_OFFER_ROOT, STR_EMPTY);
}

static enum err commit_root(void *ctx)
{
    return ask_supervisor(ctx, CONTROL_COMMIT_ROOT, STR_EMPTY);
}

static enum err offer_recovery(void *ctx, const uint8_t id[static RECOVERY_ID_BYTES])
{
    return ask_supervisor(ctx, CONTROL_OFFER_RECOVERY, str_bytes(id, RECOVERY_ID_BYTES));
}

static enum err unlock(struct running *r)
{
    AUTO(arena) struct arena arena = arena_make();
    struct store_tx *tx;
    struct str instance, keyring;
    TRY(store_read_begin(r->store, &tx));
    enum err e = store_instance_get(tx, &arena, &instance);
    if (e == OK)
        e = store_keyring_get(tx, &arena, &keyring);
    store_read_end(r->store, &tx);
    return e == OK ? vault_unlock(r->vault, instance, keyring) : e;
}

/* Says on stderr, for the person who started the server, what stopped it. */
static enum err explain(enum err e, const char *step, const char *remedy)
{
    if (e != OK)
        fprintf(stderr, "safelight: %s: %s%s%s\n", step, err_text(e), remedy ? "; " : "",
                remedy ? remedy : "");
    return e;
}

/* The same for a step that needs the database, which may be what is wrong. */
static enum err explain_store(const struct running *r, enum err e, const char *step,
                              const char *remedy)
{
    char why[DATADIR_WHY_BYTES];
    if (e == OK || !store_wrong(r->options->config->data, e, why))
        return explain(e, step, remedy);
    fprintf(stderr, "safelight: the database cannot be used: %s\n", why);
    return e;
}

/* After a restore the old credential is there still, and counts before the new key. */
static const char *wrong_root(const struct serve_api *o)
{
    const char *name = strrchr(o->root_key, '/');
    return name && strcmp(name, "/root.key") == 0
               ? "does DIR/root.key belong to this database?"
               : "does the credential safelight-root-key belong to this database? after a restore "
                 "DIR/root.key does: take the credential away";
}

static enum err open_parts(struct running *r)
{
    char folder[DATADIR_PATH_MAX_BYTES];
    const struct config *c = r->options->config;
    TRY(crypto_open());
    r->vault = vault_connect(r->options->vault);
    TRY(datadir_path(c->data, "db", folder));
    struct store_options store = {.folder = folder};
    TRY(explain_store(r, store_open(&store, &r->store), "the database cannot be opened", NULL));
    TRY(explain_store(r, unlock(r), "the vault cannot be unlocked", wrong_root(r->options)));
    chain_connect(r->store, r->vault);
    return OK;
}

static void wake(void *ctx)
{
    struct running *r = ctx;
    courier_dispatch_wake(r->dispatch);
}

static struct api_settings api_settings_of(const struct config *c)
{
    static const enum api_metrics_readers readers[] = {
        [CONFIG_METRICS_OFF] = API_METRICS_OFF,
        [CONFIG_METRICS_LOOPBACK] = API_METRICS_LOOPBACK,
        [CONFIG_METRICS_TOKEN] = API_METRICS_TOKEN,
    };
    struct api_settings s = {.template_max_bytes = c->template_max_bytes,
                             .spool_min_free_bytes = c->spool_min_free_bytes,
                             .spool_max_bytes = c->spool_max_bytes,
                             .access_log = c->access_log,
                             .metrics = readers[config_metrics(c)]};
    enum err e = str_to_text(str_from(c->public_url), s.public_url, sizeof s.public_url);
    ASSERT(e == OK);
    memcpy(s.metrics_token, c->metrics_token, sizeof s.metrics_token);
    return s;
}

static void set_jobs(const struct config *c)
{
    enum job_stock_log stock_log;
    job_lease_set_ms(c->lease_ms);
    job_lease_set_stock_ms(c->stock_lease_ms);
    job_delivery_set_gap_max_ms(c->upload_gap_max_ms);
    if (job_stock_log_from(str_from(c->stock_log), &stock_log))
        job_stock_set_log(stock_log);
}

static enum err start_api(struct running *r, const char *spool)
{
    const struct config *c = r->options->config;
    r->api =
        (struct api){.store = r->store,
                     .vault = r->vault,
                     .spool_folder = spool,
                     .listen_fd = r->options->listen_fd,
                     .operator_fd = r->options->operator_fd,
                     .tls_cert = c->tls_cert[0] ? c->tls_cert : NULL,
                     .tls_key = c->tls_key[0] ? c->tls_key : NULL,
                     .head_deadline_ms = c->head_deadline_ms,
                     .body_progress_ms = c->body_progress_ms,
                     .console_idle_ms = c->console_idle_ms,
                     .console_session_ms = c->console_session_ms,
                     .threads = (unsigned)c->threads,
                     .connections_max = (unsigned)c->connections,
                     .settings = api_settings_of(c),
                     .confinement = {.memory_locked = secret_arena_open(SECRET_ARENA_BYTES).locked,
                                     .undumpable = r->sandbox.undumpable,
                                     .capabilities_dropped = r->sandbox.capabilities,
                                     .landlock = r->sandbox.landlock,
                                     .seccomp = r->sandbox.seccomp},
                     .offer_root = offer_root,
                     .commit_root = commit_root,
                     .offer_recovery = offer_recovery,
                     .root_ctx = r,
                     .wake = wake,
                     .wake_ctx = r};
    set_jobs(c);
    job_stock_set_mogrt(c->stock_mogrt);
    r->api.courier = courier_connect(r->options->courier);
    struct courier_dispatch_options dispatch = {.store = r->store,
                                                .spool_folder = spool,
                                                .courier = r->api.courier,
                                                .vault = r->vault,
                                                .keep_outputs_ms = c->keep_outputs * DAY_MS};
    TRY(courier_dispatch_start(&dispatch, &r->dispatch));
    return explain(api_start(&r->api), "the HTTP server cannot start",
                   "are the TLS certificate and key readable?");
}

/* What stays reachable. */
struct reach {
    struct sandbox_path list[8];
    size_t count;
    bool told; /* of a certificate beside the root key */
    struct arena arena;
};

static void reach_auto(struct reach *w)
{
    arena_auto(&w->arena);
}

static void reach(struct reach *w, const char *path, bool writable)
{
    ASSERT(w->count < ARRAY_LEN(w->list));
    w->list[w->count++] = (struct sandbox_path){path, writable};
}

/* Its folder: a certificate is renewed by putting a new file in the old one's place. But never a
 * folder with the root key in it: then the file alone, and a new one counts after a restart. */
static bool reach_tls_file(struct reach *w, const char *file, const char *root_key)
{
    char *copy = arena_text(&w->arena, str_from(file)), *folder = dirname(copy);
    bool beside_root = datadir_holds(folder, root_key);
    reach(w, beside_root ? arena_text(&w->arena, str_from(file)) : folder, false);
    if (beside_root && !w->told)
        log_warn("tls_beside_root_key",
                 kv("remedy", "keep certificate and key in a folder of their own"));
    w->told = w->told || beside_root;
    return beside_root;
}

/* A link leads to where the rules apply. */
static bool reach_tls(struct reach *w, const char *file, const char *root_key)
{
    char real[PATH_MAX];
    bool beside_root = reach_tls_file(w, file, root_key);
    if (realpath(file, real) && strcmp(real, file) != 0)
        beside_root = reach_tls_file(w, real, root_key) || beside_root;
    return beside_root;
}

static struct sandbox_report confine(struct running *r, const char *spool)
{
    const struct serve_api *o = r->options;
    AUTO(reach) struct reach w = {.arena = arena_make()};
    char db[DATADIR_PATH_MAX_BYTES];
    enum err e = datadir_path(o->config->data, "db", db);
    ASSERT(e == OK);
    reach(&w, db, true);
    reach(&w, spool, true);
    reach(&w, "/dev/urandom", false);
    if (o->config->tls_cert[0]) {
        r->cert_beside_root = reach_tls(&w, o->config->tls_cert, o->root_key);
        r->key_beside_root = reach_tls(&w, o->config->tls_key, o->root_key);
    }
    return sandbox_confine(SANDBOX_API, w.list, w.count);
}

static enum err say_ready(const struct running *r)
{
    AUTO(buf) struct buf message = buf_make(16);
    TRY(buf_put_byte(&message, CONTROL_READY));
    TRY(buf_put_u16(&message, api_port(&r->api)));
    return ipc_send(r->options->control, buf_str(&message), NULL, 0);
}

static void replace_courier(struct running *r, int socket)
{
    struct courier *fresh = courier_connect(socket);
    courier_dispatch_set_courier(r->dispatch, fresh);
    api_set_courier(&r->api, fresh);
    metric_add(METRIC_RESTARTS, 0, 1);
    log_info("courier_restarted");
}

static void hear_answer(struct running *r, int answer)
{
    pthread_mutex_lock(&r->lock);
    if (r->late > 0) {
        r->late--;
    } else {
        r->answer = answer;
        pthread_cond_signal(&r->answered);
    }
    pthread_mutex_unlock(&r->lock);
}

/* Whoever waits for an answer would hold up the end. */
static void hear_no_more(struct running *r)
{
    pthread_mutex_lock(&r->lock);
    r->deaf = true;
    pthread_cond_broadcast(&r->answered);
    pthread_mutex_unlock(&r->lock);
}

/* A renewed certificate may lie there for weeks while nobody says so. */
static void look_at_tls(struct running *r)
{
    int64_t ends_s, now_ms = clock_unix_ms();
    if (api_tls_expiry(&r->api, &ends_s) != OK || now_ms < r->tls_told_ms + DAY_MS)
        return;
    int64_t left_days = (ends_s * 1000 - now_ms) / DAY_MS;
    if (ends_s * 1000 - now_ms >= TLS_WARN_DAYS * DAY_MS)
        return;
    r->tls_told_ms = now_ms;
    if (ends_s * 1000 <= now_ms)
        log_error("tls_certificate_expired", kv("remedy", "renew it, then send SIGHUP"));
    else
        log_warn("tls_certificate_expires", kv("days", left_days),
                 kv("remedy", "renew it, then send SIGHUP"));
}

/* As safelight config check says it, but that one is not confined. Beside the root key only the
 * files of the start can be opened: whose right it would be makes no difference. */
static void tls_why(const struct running *r, char ret[static CONTROL_WHY_MAX_BYTES],
                    bool *ret_restart)
{
    static const char beside[] =
        "it lies beside the root key, where a new file counts only after a restart";
    const struct config *c = r->options->config;
    bool cert_beside = r->cert_beside_root && tls_check_readable(c->tls_cert) == ERR_IO;
    bool key_beside = r->key_beside_root && tls_check_readable(c->tls_key) == ERR_IO;
    const char *cert = cert_beside ? beside : config_file_wrong(c, CONFIG_tls_cert);
    const char *key = cert ? NULL : key_beside ? beside : config_file_wrong(c, CONFIG_tls_key);
    *ret_restart = cert == beside || key == beside;
    snprintf(ret, CONTROL_WHY_MAX_BYTES, "%s: %s", cert ? "tls-cert" : "tls-key",
             cert  ? cert
             : key ? key
                   : "it cannot be used with this certificate");
}

static bool reload_tls(struct running *r, char ret_why[static CONTROL_WHY_MAX_BYTES])
{
    bool restart = false;
    enum err e = api_reload_tls(&r->api);
    ret_why[0] = '\0';
    if (e != OK)
        tls_why(r, ret_why, &restart);
    if (e != OK)
        log_error("tls_not_reloaded", kv("error", err_code(e)), kv("why", ret_why),
                  kv("now", "the old certificate stays"),
                  kv("remedy", restart
                                   ? "restart the server"
                                   : "put a whole chain and its key in place, then send SIGHUP"));
    r->tls_told_ms = 0;
    look_at_tls(r);
    return e == OK;
}

static enum err say_reloaded(const struct running *r, bool settings, bool tls, const char *why)
{
    AUTO(buf) struct buf message = buf_make(CONTROL_WHY_MAX_BYTES + 3);
    TRY(buf_put_byte(&message, CONTROL_RELOADED));
    TRY(buf_put_byte(&message, settings));
    TRY(buf_put_byte(&message, tls));
    TRY(buf_put(&message, str_from(why)));
    return ipc_send(r->options->control, buf_str(&message), NULL, 0);
}

static void reload(struct running *r, struct str bytes)
{
    static struct config c;
    char why[CONTROL_WHY_MAX_BYTES];
    if (bytes.len != 1 + sizeof c)
        return;
    bool taken = bytes.ptr[0] == 1;
    memcpy(&c, bytes.ptr + 1, sizeof c);
    const struct api_settings s = api_settings_of(&c);
    api_settings_set(&r->api, &s);
    set_jobs(&c);
    courier_dispatch_set_keep_outputs(r->dispatch, c.keep_outputs * DAY_MS);
    bool tls = reload_tls(r, why);
    metric_add(METRIC_RELOADS, !tls ? 2 : taken ? 0 : 1, 1); /* as api_metrics.c names them */
    if (say_reloaded(r, taken, tls, why) != OK)
        log_error("control_failed", kv("what", "reloaded"));
}

/* That this answers at all says that this process runs and the vault answers; the courier is
 * started again when it dies, but not when it hangs. */
static void say_alive(struct running *r)
{
    struct vault_status vault;
    bool well = vault_status(r->vault, &vault) == OK && vault.unlocked &&
                api_courier_answers(&r->api, COURIER_WAIT_MS);
    if (control_send_bit(r->options->control, CONTROL_ALIVE, well) != OK)
        log_error("control_failed", kv("what", "alive"));
}

/* Until told to stop, or the supervisor is gone. */
static void obey(struct running *r)
{
    AUTO(buf) struct buf message = buf_make(IPC_MESSAGE_MAX_BYTES);
    int fd = -1;
    for (;;) {
        struct pollfd control = {.fd = r->options->control, .events = POLLIN};
        look_at_tls(r);
        if (poll(&control, 1, TLS_LOOK_MS) <= 0)
            continue;
        if (ipc_receive(r->options->control, &message, &fd, 1) != OK || message.len < 1)
            return;
        switch (message.ptr[0]) {
        case CONTROL_STOP:
            return;
        case CONTROL_RELOAD:
            reload(r, str_slice(buf_str(&message), 1, message.len));
            break;
        case CONTROL_ASK:
            say_alive(r);
            break;
        case CONTROL_COURIER:
            if (fd >= 0)
                replace_courier(r, fd);
            break;
        case CONTROL_DONE:
        case CONTROL_REFUSED:
        case CONTROL_UNKNOWN:
            hear_answer(r, message.ptr[0]);
            break;
        default:
            break;
        }
    }
}

int serve_api_run(const struct serve_api *options)
{
    static struct running r = {.asking = PTHREAD_MUTEX_INITIALIZER,
                               .lock = PTHREAD_MUTEX_INITIALIZER,
                               .answered = PTHREAD_COND_INITIALIZER};
    static char spool[DATADIR_PATH_MAX_BYTES];
    r.options = options;
    enum err e = datadir_path(options->config->data, "spool", spool);
    if (e != OK)
        return 7;
    sandbox_keep_listening(options->listen_fd);
    /* Before any other thread starts: Landlock reaches only threads made after it. */
    r.sandbox = confine(&r, spool);
    e = open_parts(&r);
    if (e == OK)
        e = start_api(&r, spool);
    if (e == OK)
        e = say_ready(&r);
    if (e == OK)
        obey(&r);
    hear_no_more(&r);
    api_stop(&r.api);
    if (r.dispatch)
        courier_dispatch_set_courier(r.dispatch, NULL);
    api_set_courier(&r.api, NULL); /* frees it: open orders end and are tried again next time */
    courier_dispatch_stop(&r.dispatch);
    store_close(&r.store);
    api_free(&r.api);
    vault_free(&r.vault);
    return e == OK ? 0 : 7;
}
