#include "serve.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "control.h"
#include "datadir.h"
#include "io.h"
#include "listener.h"
#include "log.h"
#include "notify.h"
#include "secret.h"
#include "serve_api.h"
#include "serve_children.h"
#include "serve_live.h"
#include "serve_recovery.h"
#include "serve_reload.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 7,
    STOP_TIMEOUT_MS = 15000,
    COURIER_RESTART_MS = 200, /* doubled each time it ends young, up to: */
    COURIER_RESTART_MAX_MS = 30000,
    COURIER_GROWN_MS = 10000, /* not young any more */
    LOCK_WAIT_MS = 3000,
    LOCK_POLL_MS = 20,
    REAP_AGAIN_MS = 50,
};

struct supervisor {
    const struct config_inputs *inputs;
    struct config *config;
    struct notify notify;
    const char *where; /* the public socket, as people write it */
    pid_t vault, courier, api;
    int vault_control, api_control, signals;
    bool ready, stopping;
    int64_t courier_since_ms, courier_gap_ms, courier_at_ms, stop_by_ms;
    int64_t ask_at_ms; /* the watchdog's next turn; 0: there is none */
    bool asked;        /* and has no answer yet */
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "safelight: %s: %s\n", what, why);
    return EXIT_FAILED;
}

/* One server for one data directory. The lock goes with the supervisor and its children, however
 * they end; those of one that was killed may need a moment. */
static int lock_data(const char *data)
{
    static const struct timespec pause = {.tv_nsec = LOCK_POLL_MS * 1000000L};
    int64_t until = clock_monotonic_ms() + LOCK_WAIT_MS;
    char path[DATADIR_PATH_MAX_BYTES];
    if (datadir_path(data, "lock", path) != OK)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (clock_monotonic_ms() >= until)
            io_close(&fd);
        else
            nanosleep(&pause, NULL);
    }
    return fd;
}

static enum err start_courier(struct supervisor *s, int *ret_api_socket)
{
    int api_courier[2], courier_vault[2];
    s->courier_since_ms = clock_monotonic_ms();
    TRY(ipc_pair(api_courier));
    enum err e = ipc_pair(courier_vault);
    if (e != OK) {
        io_close(&api_courier[0]);
        io_close(&api_courier[1]);
        return e;
    }
    e = control_send(s->vault_control, CONTROL_VAULT_CLIENT, courier_vault[1]);
    if (e == OK)
        e = serve_child_courier(s->config, api_courier[1], courier_vault[0], &s->courier);
    io_close(&api_courier[1]);
    io_close(&courier_vault[0]);
    io_close(&courier_vault[1]);
    *ret_api_socket = api_courier[0];
    return e;
}

static enum err start_all(struct supervisor *s, int root, int next, int listen_fd, int operator_fd)
{
    int vault_control[2], api_vault[2], control[2], courier = -1;
    TRY(ipc_pair(vault_control));
    TRY(ipc_pair(api_vault));
    TRY(ipc_pair(control));
    AUTO(fd) int recovery = datadir_open_recovery(s->config->data, false);
    const struct serve_keys keys = {root, next, recovery};
    TRY(serve_child_vault(s->config, api_vault[1], vault_control[1], &keys, &s->vault));
    io_close(&api_vault[1]);
    io_close(&vault_control[1]);
    s->vault_control = vault_control[0];
    TRY(start_courier(s, &courier));
    char root_key[DATADIR_PATH_MAX_BYTES];
    TRY(datadir_path_of(root, root_key));
    struct serve_api api = {.config = s->config,
                            .root_key = root_key,
                            .vault = api_vault[0],
                            .courier = courier,
                            .control = control[1],
                            .listen_fd = listen_fd,
                            .operator_fd = operator_fd};
    TRY(serve_child_api(&api, &s->api));
    io_close(&api_vault[0]);
    io_close(&courier);
    io_close(&control[1]);
    s->api_control = control[0];
    return OK;
}

static void announce(struct supervisor *s)
{
    char status[128];
    bool local = str_starts(str_from(s->where), STR("unix:"));
    s->ready = true;
    s->ask_at_ms = s->notify.watchdog_ms ? clock_monotonic_ms() : 0;
    printf("safelight is ready on %s%s%s\n",
           local                    ? ""
           : s->config->tls_cert[0] ? "https"
                                    : "http",
           local ? "" : "://", s->where);
    fflush(stdout);
    snprintf(status, sizeof status, "serving on %s", s->where);
    notify_ready(&s->notify, status);
}

/* The api's words, for a line of the service manager's: nothing in them ends it. */
static void refused_certificate(struct str why, char *ret, size_t size)
{
    int used = snprintf(ret, size, "the certificate was refused, the old one stays: ");
    for (size_t i = 0; i < why.len && (size_t)used + 1 < size; i++)
        ret[used++] = why.ptr[i] >= ' ' && why.ptr[i] < 0x7f ? why.ptr[i] : '?';
    ret[used] = '\0';
}

/* The api has taken over the new settings: the end of a reload. */
static void on_reloaded(struct supervisor *s, struct reader *r)
{
    uint8_t settings = 0, tls = 0;
    if (reader_u8(r, &settings) != OK || reader_u8(r, &tls) != OK)
        return;
    char refused[CONTROL_WHY_MAX_BYTES + 64];
    refused_certificate(r->rest, refused, sizeof refused);
    log_info("reloaded", kv("settings", (bool)settings), kv("tls", (bool)tls));
    notify_ready(&s->notify, settings && tls ? "reloaded"
                             : tls ? "the settings were refused, the old ones stay: see the log"
                                   : refused);
}

/* The kernel stops a child that is stuck from being noticed; this does not. */
static void on_alive(struct supervisor *s, struct reader *r)
{
    uint8_t well = 0;
    s->asked = false;
    if (reader_u8(r, &well) == OK && well)
        notify_alive(&s->notify);
}

static void ask_when_due(struct supervisor *s)
{
    int64_t now_ms = clock_monotonic_ms();
    if (!s->ask_at_ms || now_ms < s->ask_at_ms || s->stopping || s->api_control < 0)
        return;
    s->ask_at_ms = now_ms + s->notify.watchdog_ms;
    if (!s->asked && control_send(s->api_control, CONTROL_ASK, -1) == OK)
        s->asked = true;
}

/* The settings travel whole: the api process is a fork of this one. */
static enum err send_settings(const struct supervisor *s, bool taken)
{
    AUTO(buf) struct buf message = buf_make(2 + sizeof *s->config);
    TRY(buf_put_byte(&message, CONTROL_RELOAD));
    TRY(buf_put_byte(&message, taken));
    TRY(buf_put(&message, str_bytes(s->config, sizeof *s->config)));
    return ipc_send(s->api_control, buf_str(&message), NULL, 0);
}

/* The certificate is read again also when the settings are refused: the one has nothing to do with
 * the other. */
static void reload(struct supervisor *s)
{
    if (s->api_control < 0 || s->stopping)
        return;
    notify_reloading(&s->notify);
    bool taken = serve_reload(s->inputs, s->config) == OK;
    if (send_settings(s, taken) == OK)
        return; /* on_reloaded ends it */
    log_error("reload_failed", kv("what", "the api process does not listen"));
    notify_ready(&s->notify, "not reloaded: see the log");
}

/* Hands root.key.next to the vault and waits for its word. */
static enum err offer_root(struct supervisor *s)
{
    AUTO(fd) int next = -1;
    AUTO(buf) struct buf answer = buf_make(IPC_MESSAGE_MAX_BYTES);
    TRY(datadir_next_root(s->config->data, &next));
    TRY(control_send(s->vault_control, CONTROL_VAULT_ROOT, next));
    TRY(ipc_receive(s->vault_control, &answer, NULL, 0));
    return str_is(buf_str(&answer), "k") ? OK : ERR_CONFLICT;
}

static void on_api_order(struct supervisor *s, enum control what, struct str rest)
{
    enum err e;
    if (what == CONTROL_OFFER_ROOT)
        e = offer_root(s);
    else if (what == CONTROL_OFFER_RECOVERY)
        e = serve_recovery_change(s->config->data, rest, s->vault_control);
    else if (what == CONTROL_COMMIT_ROOT)
        e = datadir_commit_root(s->config->data);
    else
        return;
    enum control answer = e == OK            ? CONTROL_DONE
                          : e == ERR_TIMEOUT ? CONTROL_UNKNOWN
                                             : CONTROL_REFUSED;
    if (control_send(s->api_control, answer, -1) != OK)
        log_error("control_failed", kv("error", err_code(e)));
}

static void on_api_message(struct supervisor *s)
{
    AUTO(buf) struct buf message = buf_make(IPC_MESSAGE_MAX_BYTES);
    if (ipc_receive(s->api_control, &message, NULL, 0) != OK) {
        io_close(&s->api_control); /* it is ending; SIGCHLD tells the rest */
        return;
    }
    struct reader r = {buf_str(&message)};
    uint8_t what = 0;
    enum err e = reader_u8(&r, &what);
    if (e == OK && what == CONTROL_READY)
        announce(s);
    else if (e == OK && what == CONTROL_RELOADED)
        on_reloaded(s, &r);
    else if (e == OK && what == CONTROL_ALIVE)
        on_alive(s, &r);
    else if (e == OK)
        on_api_order(s, (enum control)what, r.rest);
}

static void stop(struct supervisor *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    notify_stopping(&s->notify);
    s->stop_by_ms = clock_monotonic_ms() + STOP_TIMEOUT_MS;
    if (s->api_control < 0 || control_send(s->api_control, CONTROL_STOP, -1) != OK)
        s->stop_by_ms = 0;
}

static void kill_all(const struct supervisor *s)
{
    const pid_t all[] = {s->api, s->courier, s->vault};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i] > 0)
            kill(all[i], SIGKILL);
    }
}

/* One that ends again and again is given more time each time, and the log less to say. */
static void plan_courier(struct supervisor *s)
{
    int64_t now_ms = clock_monotonic_ms();
    bool young = s->courier_gap_ms && now_ms - s->courier_since_ms < COURIER_GROWN_MS;
    s->courier_gap_ms = young ? 2 * s->courier_gap_ms : COURIER_RESTART_MS;
    if (s->courier_gap_ms > COURIER_RESTART_MAX_MS)
        s->courier_gap_ms = COURIER_RESTART_MAX_MS;
    s->courier_at_ms = now_ms + s->courier_gap_ms;
    log_warn("courier_restarts", kv("in_ms", s->courier_gap_ms));
}

/* Returns false when the server cannot go on. */
static bool on_child_end(struct supervisor *s, pid_t pid, int status)
{
    const char *name = pid == s->vault ? "vault" : pid == s->api ? "api" : "courier";
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (pid == s->vault)
        s->vault = 0;
    else if (pid == s->api)
        s->api = 0;
    else if (pid == s->courier)
        s->courier = 0;
    else
        return true;
    if (s->stopping)
        return true;
    log_error("process_ended", kv("process", name), kv("clean", clean),
              kv("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    if (s->courier == 0 && s->vault && s->api) {
        plan_courier(s);
        return true;
    }
    return false;
}

static void restart_courier_when_due(struct supervisor *s)
{
    int socket = -1;
    if (!s->courier_at_ms || clock_monotonic_ms() < s->courier_at_ms || s->stopping)
        return;
    s->courier_at_ms = 0;
    enum err e = start_courier(s, &socket);
    if (e == OK)
        e = control_send(s->api_control, CONTROL_COURIER, socket);
    io_close(&socket);
    if (e == OK)
        return;
    log_error("courier_restart_failed", kv("error", err_code(e)));
    if (s->courier <= 0) { /* else its end brings us back here */
        s->courier = 0;
        plan_courier(s);
    }
}

/* Returns false when the server cannot go on. */
static bool reap(struct supervisor *s)
{
    bool go_on = true;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        go_on = on_child_end(s, pid, status) && go_on;
    return go_on;
}

/* Returns false when the server cannot go on. */
static bool on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;
    if (read(s->signals, &info, sizeof info) != sizeof info)
        return true;
    if (info.ssi_signo == SIGHUP) {
        reload(s);
        return true;
    }
    if (info.ssi_signo != SIGCHLD) {
        stop(s);
        return true;
    }
    if (reap(s))
        return true;
    /* The one that died may be gone after those that ended because of it: it has more threads. */
    nanosleep(&(struct timespec){.tv_nsec = REAP_AGAIN_MS * 1000000L}, NULL);
    (void)!reap(s);
    return false;
}

/* Milliseconds until there is something to do without a message; -1: nothing. */
static int patience(const struct supervisor *s)
{
    enum { SHORT_MS = 100 };
    if (s->stopping || s->courier_at_ms)
        return SHORT_MS;
    if (!s->ask_at_ms)
        return -1;
    int64_t left_ms = s->ask_at_ms - clock_monotonic_ms();
    return left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

static int loop(struct supervisor *s)
{
    for (;;) {
        if (s->stopping && !s->api)
            break;
        if (s->stopping && clock_monotonic_ms() > s->stop_by_ms)
            return EXIT_FAILED;
        struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN},
                               {.fd = s->api_control, .events = POLLIN}};
        poll(fds, 2, patience(s));
        if (fds[0].revents && !on_signal(s))
            return EXIT_FAILED;
        if (fds[1].revents && s->api_control >= 0)
            on_api_message(s);
        restart_courier_when_due(s);
        ask_when_due(s);
    }
    return EXIT_DONE;
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Nothing in the environment steers a library from here on (LD_*, OPENSSL_CONF, SSLKEYLOGFILE,
 * proxies); the settings have been read. Whether the root key is a credential is asked again when
 * it is rotated. */
static void clear_environment(void)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    char *kept = credentials ? xstrdup(credentials) : NULL;
    clearenv();
    if (kept)
        setenv("CREDENTIALS_DIRECTORY", kept, 1);
    free(kept);
}

static int run(struct supervisor *s, int *root, int *next, struct listener *public,
               int *operator_fd)
{
    int code = EXIT_FAILED;
    s->signals = open_signals();
    enum err e = serve_live_open(s->config);
    if (e == OK)
        e = start_all(s, *root, *next, public->fd, *operator_fd);
    io_close(root); /* the vault has it */
    io_close(next);
    io_close(operator_fd);
    io_close(&public->fd);
    if (e != OK)
        complain("cannot start", err_text(e));
    else
        code = loop(s);
    kill_all(s);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    io_close(&s->vault_control);
    io_close(&s->api_control);
    io_close(&s->signals);
    return !s->ready && code == EXIT_DONE ? EXIT_FAILED : code;
}

int serve_run(const struct config_inputs *in, struct config *config)
{
    char why[DATADIR_WHY_BYTES] = "", path[DATADIR_PATH_MAX_BYTES];
    AUTO(fd) int root = -1;
    AUTO(fd) int next = -1;
    AUTO(fd) int operator_fd = -1;
    struct listener public = {.fd = -1};
    struct supervisor s = {
        .inputs = in, .config = config, .vault_control = -1, .api_control = -1, .signals = -1};
    log_open("safelight", config_log_level(config), config_log_format(config));
    if (datadir_check(config->data, why) != OK ||
        datadir_open_root(config->data, &root, &next, why) != OK)
        return complain("cannot start", why);
    sandbox_begin();
    AUTO(fd) int lock = lock_data(config->data);
    if (lock < 0)
        return complain("cannot start", "another server already uses this data directory");
    if (listener_operator(config->data, &operator_fd, why) != OK)
        return complain("cannot open the operator's socket", why);
    if (listener_open(config, &public, why) != OK)
        return complain("cannot listen", why);
    notify_open(&s.notify);
    clear_environment();
    s.where = public.text;
    int code = run(&s, &root, &next, &public, &operator_fd);
    notify_close(&s.notify);
    listener_end(&public);
    if (s.ready && datadir_path(config->data, "safelight.sock", path) == OK)
        unlink(path);
    return code;
}
