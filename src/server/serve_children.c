#include "serve_children.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "courier_serve.h"
#include "io.h"
#include "log.h"
#include "secret.h"
#include "serve_live.h"
#include "vault_serve.h"

/* In the child: keeps 0 to 2 and `keep`, closes the rest; a process must not hold another's socket.
 */
static void close_others(const int *keep, size_t count)
{
    int next = STDERR_FILENO;
    while (next >= 0) {
        int from = next + 1;
        next = -1;
        for (size_t i = 0; i < count; i++) {
            if (keep[i] >= from && (next < 0 || keep[i] < next))
                next = keep[i];
        }
        unsigned to = next < 0 ? ~0U : (unsigned)next - 1;
        if ((unsigned)from <= to)
            ASSERT(close_range((unsigned)from, to, 0) == 0);
    }
}

/* Returns true in the child. The parent's signals are its own: a child is stopped through its
 * socket or dies with the supervisor. */
static bool begin_child(const struct config *config, const char *name, const int *keep,
                        size_t count, pid_t *ret)
{
    pid_t parent = getpid();
    *ret = fork();
    if (*ret != 0)
        return false;
    sandbox_die_with(parent);
    serve_live_enter(); /* while the page's descriptor is open */
    close_others(keep, count);
    sandbox_begin();
    secret_arena_forget();
    prctl(PR_SET_NAME, name);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN); /* a service manager sends it to all at once */
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    log_open(name, config_log_level(config), config_log_format(config));
    struct secret_arena_report arena = secret_arena_open(SECRET_ARENA_BYTES);
    if (!arena.locked || !arena.undumpable)
        log_warn("memory_not_locked", kv("locked", arena.locked),
                 kv("undumpable", arena.undumpable),
                 kv("remedy", "raise LimitMEMLOCK (ulimit -l) to 8 MiB or more"));
    return true;
}

/* _exit: the supervisor's atexit handlers and buffers are not the child's to run. */
static void end_child(enum err e, const char *name)
{
    if (e != OK)
        log_error("process_failed", kv("process", name), kv("error", err_code(e)));
    _exit(e == OK ? 0 : 7);
}

static bool confine_vault(void)
{
    struct sandbox_report r = sandbox_confine(SANDBOX_VAULT, NULL, 0);
    return r.capabilities && r.landlock && r.seccomp;
}

enum err serve_child_vault(const struct config *config, int client, int supervisor,
                           const struct serve_keys *keys, pid_t *ret)
{
    const int keep[] = {client, supervisor, keys->root, keys->next_root, keys->recovery};
    if (begin_child(config, "vault", keep, ARRAY_LEN(keep), ret)) {
        struct vault_serve options = {.clients = &client,
                                      .client_count = 1,
                                      .supervisor = supervisor,
                                      .root_key = keys->root,
                                      .pending_root_key = keys->next_root,
                                      .recovery = keys->recovery,
                                      .confine = confine_vault};
        end_child(vault_serve(&options), "vault");
    }
    return *ret > 0 ? OK : ERR_LIMIT;
}

static const char *courier_ca_file;

/* Names are resolved and certificates checked with the system's files; nothing can be written. */
static void confine_courier(void)
{
    const struct sandbox_path paths[] = {
        {"/etc", false},
        {"/usr/lib", false},
        {"/lib", false},
        {"/usr/share/ca-certificates", false},
        {"/run/systemd/resolve", false},
        {courier_ca_file, false},
    };
    size_t count = ARRAY_LEN(paths) - (courier_ca_file ? 0 : 1);
    (void)sandbox_confine(SANDBOX_COURIER, paths, count); /* what is missing it has logged */
}

enum err serve_child_courier(const struct config *config, int api, int vault, pid_t *ret)
{
    const int keep[] = {api, vault};
    if (begin_child(config, "courier", keep, ARRAY_LEN(keep), ret)) {
        courier_ca_file = config->ca_file[0] ? config->ca_file : NULL;
        struct courier_serve options = {.api = api,
                                        .vault = vault,
                                        .guard = {.allow_loopback = config->allow_loopback,
                                                  .allow_private = config->allow_private,
                                                  .allow_http = config->allow_http},
                                        .ca_file = courier_ca_file,
                                        .upload_part_bytes = (uint64_t)config->upload_part_bytes,
                                        .settings = serve_live_outbound,
                                        .confine = confine_courier};
        end_child(courier_serve(&options), "courier");
    }
    return *ret > 0 ? OK : ERR_LIMIT;
}

enum err serve_child_api(const struct serve_api *options, pid_t *ret)
{
    const int keep[] = {options->vault, options->courier, options->control, options->listen_fd,
                        options->operator_fd};
    if (begin_child(options->config, "api", keep, ARRAY_LEN(keep), ret))
        _exit(serve_api_run(options));
    return *ret > 0 ? OK : ERR_LIMIT;
}
