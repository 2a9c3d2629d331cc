#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "control.h"
#include "datadir.h"
#include "io.h"
#include "log.h"
#include "secret.h"
#include "serve_api.h"
#include "serve_children.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 7,
    STOP_TIMEOUT_MS = 15000,
    COURIER_RESTART_MS = 1000,
    LOCK_WAIT_MS = 3000,
    LOCK_POLL_MS = 20,
};

struct supervisor {
    const struct config *config;
    pid_t vault, courier, api;
    int vault_control, api_control, signals;
    bool ready, stopping;
    int64_t courier_at_ms, stop_by_ms;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "safelight: %s: %s\n", what, why);
    return EXIT_FAILED;
}

/* The operator's socket lies in the data directory: who may enter that may use it. */
static int operator_listen(const char *data, char *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[DATADIR_PATH_MAX_BYTES];
    if (datadir_path(data, "safelight.sock", path) != OK ||
        str_to_text(str_from(path), address.sun_path, sizeof address.sun_path) != OK) {
        snprintf(why, DATADIR_WHY_BYTES, "its path is too long for a socket (107 bytes)");
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path); /* of a server that was killed: we hold the lock, so none is running */
    mode_t before = umask(0177);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              listen(fd, 64) == 0;
    umask(before);
    if (ok)
        return fd;
    snprintf(why, DATADIR_WHY_BYTES, "%s: %s", path, strerror(errno));
    io_close(&fd);
    return -1;
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

static int tcp_listen(const char *listen_at, char *why)
{
    char address[64], port_text[8];
    uint16_t port;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM},
                    *found;
    int yes = 1;
    if (config_address(str_from(listen_at), address, &port) != OK)
        return -1;
    snprintf(port_text, sizeof port_text, "%u", port);
    if (getaddrinfo(address, port_text, &hints, &found) != 0) {
        snprintf(why, DATADIR_WHY_BYTES, "listen: name an IP address, not a host");
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
              setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0 &&
              bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0;
    freeaddrinfo(found);
    if (ok)
        return fd;
    snprintf(why, DATADIR_WHY_BYTES,
             "%s: %s; choose another with --listen (port 0 takes any free one)", listen_at,
             strerror(errno));
    io_close(&fd);
    return -1;
}

static enum err start_courier(struct supervisor *s, int *ret_api_socket)
{
    int api_courier[2], courier_vault[2];
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

static void announce(struct supervisor *s, uint16_t port)
{
    char address[64];
    uint16_t configured;
    s->ready = true;
    if (config_address(str_from(s->config->listen), address, &configured) != OK)
        return;
    bool v6 = strchr(address, ':') != NULL;
    printf("safelight is ready on %s://%s%s%s:%u\n", s->config->tls_cert[0] ? "https" : "http",
           v6 ? "[" : "", address, v6 ? "]" : "", port);
    fflush(stdout);
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

/* The same for recovery.pub.next, which the operator's command has put there. */
static enum err offer_recovery(struct supervisor *s)
{
    AUTO(fd) int next = datadir_open_recovery(s->config->data, true);
    AUTO(buf) struct buf answer = buf_make(IPC_MESSAGE_MAX_BYTES);
    if (next < 0)
        return ERR_NOT_FOUND;
    TRY(control_send(s->vault_control, CONTROL_VAULT_RECOVERY, next));
    TRY(ipc_receive(s->vault_control, &answer, NULL, 0));
    if (!str_is(buf_str(&answer), "k"))
        return ERR_INVALID;
    return datadir_commit_recovery(s->config->data);
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
    uint16_t port = 0;
    enum err e = reader_u8(&r, &what);
    if (e == OK && what == CONTROL_READY && reader_u16(&r, &port) == OK) {
        announce(s, port);
        return;
    }
    if (what == CONTROL_OFFER_ROOT)
        e = offer_root(s);
    else if (what == CONTROL_OFFER_RECOVERY)
        e = offer_recovery(s);
    else if (what == CONTROL_COMMIT_ROOT)
        e = datadir_commit_root(s->config->data);
    else
        return;
    if (control_send(s->api_control, e == OK ? CONTROL_DONE : CONTROL_REFUSED, -1) != OK)
        log_error("control_failed", kv("error", err_code(e)));
}

static void stop(struct supervisor *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
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
        s->courier_at_ms = clock_monotonic_ms() + COURIER_RESTART_MS;
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
        s->courier_at_ms = clock_monotonic_ms() + COURIER_RESTART_MS;
    }
}

/* Returns false when the server cannot go on. */
static bool on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;
    if (read(s->signals, &info, sizeof info) != sizeof info)
        return true;
    if (info.ssi_signo == SIGHUP && s->api_control >= 0) {
        if (control_send(s->api_control, CONTROL_RELOAD, -1) != OK)
            log_error("reload_failed");
        return true;
    }
    if (info.ssi_signo != SIGCHLD) {
        stop(s);
        return true;
    }
    bool go_on = true;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        go_on = on_child_end(s, pid, status) && go_on;
    return go_on;
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
        poll(fds, 2, s->stopping || s->courier_at_ms ? 100 : -1);
        if (fds[0].revents && !on_signal(s))
            return EXIT_FAILED;
        if (fds[1].revents && s->api_control >= 0)
            on_api_message(s);
        restart_courier_when_due(s);
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

int serve_run(const struct config *config)
{
    char why[DATADIR_WHY_BYTES] = "";
    AUTO(fd) int root = -1;
    AUTO(fd) int next = -1;
    if (datadir_check(config->data, why) != OK ||
        datadir_open_root(config->data, &root, &next, why) != OK)
        return complain("cannot start", why);
    clear_environment();
    sandbox_begin();
    AUTO(fd) int lock = lock_data(config->data);
    if (lock < 0)
        return complain("cannot start", "another server already uses this data directory");
    AUTO(fd) int operator_fd = operator_listen(config->data, why);
    if (operator_fd < 0)
        return complain("cannot open the operator's socket", why);
    AUTO(fd) int listen_fd = tcp_listen(config->listen, why);
    if (listen_fd < 0)
        return complain("cannot listen", why);

    struct supervisor s = {.config = config, .vault_control = -1, .api_control = -1};
    s.signals = open_signals();
    enum err e = start_all(&s, root, next, listen_fd, operator_fd);
    io_close(&root);
    io_close(&next);
    io_close(&listen_fd);
    io_close(&operator_fd);
    int code = EXIT_FAILED;
    if (e != OK)
        complain("cannot start", err_text(e));
    else
        code = loop(&s);
    kill_all(&s);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    if (!s.ready && code == EXIT_DONE)
        code = EXIT_FAILED;
    char path[DATADIR_PATH_MAX_BYTES];
    if (s.ready && datadir_path(config->data, "safelight.sock", path) == OK)
        unlink(path);
    io_close(&s.vault_control);
    io_close(&s.api_control);
    io_close(&s.signals);
    return code;
}
