#include "offline.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"
#include "datadir.h"
#include "interrupt.h"
#include "io.h"
#include "ipc.h"
#include "store_check.h"
#include "store_team.h"
#include "store_wrong.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

void offline_catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: reads end */
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaction(signals[i], &action, NULL);
}

bool offline_interrupted(void)
{
    return interrupted != 0;
}

int offline_ended(int code)
{
    if (code != 0 && interrupted)
        interrupt_die(interrupted);
    return code;
}

void offline_config(const char *data, struct config *ret)
{
    config_defaults(ret);
    snprintf(ret->log_level, sizeof ret->log_level, "error");
    snprintf(ret->data, sizeof ret->data, "%s", data);
}

enum err offline_vault_start(const struct config *config, const struct serve_keys *keys,
                             struct offline_vault *ret)
{
    int client[2], supervisor[2];
    TRY(ipc_pair(client));
    enum err e = ipc_pair(supervisor);
    if (e == OK)
        e = serve_child_vault(config, client[1], supervisor[1], keys, &ret->pid);
    else
        supervisor[0] = supervisor[1] = -1;
    io_close(&client[1]);
    io_close(&supervisor[1]);
    if (e != OK) {
        ret->pid = 0;
        io_close(&client[0]);
        io_close(&supervisor[0]);
        return e;
    }
    ret->vault = vault_connect(client[0]);
    ret->supervisor = supervisor[0];
    return OK;
}

void offline_vault_auto(struct offline_vault *v)
{
    if (v->pid <= 0)
        return;
    vault_free(&v->vault); /* its last client: it ends */
    io_close(&v->supervisor);
    waitpid(v->pid, NULL, 0);
    v->pid = 0;
}

static const struct offline_flag *flag_of(const char *word, const struct offline_flag *flags,
                                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, flags[i].name) == 0)
            return &flags[i];
    }
    return NULL;
}

bool offline_words(int argc, char **argv, const struct offline_flag *flags, size_t count,
                   const char **ret_file)
{
    for (int i = 0; i < argc; i++) {
        const struct offline_flag *f = flag_of(argv[i], flags, count);
        const char **into = f ? f->value : ret_file;
        if (f && !f->value) {
            *f->given = true;
            continue;
        }
        if (f && ++i == argc)
            return false;
        if (!into || *into || !argv[i][0])
            return false;
        *into = argv[i];
    }
    return true;
}

/* The lock that serve holds. */
static enum err take_lock(const char *data, int *ret)
{
    char path[DATADIR_PATH_MAX_BYTES];
    TRY(datadir_path(data, "lock", path));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ERR_IO;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool held = errno == EWOULDBLOCK;
        io_close(&fd);
        return held ? ERR_IN_USE : ERR_IO;
    }
    *ret = fd;
    return OK;
}

static enum err unlock(struct offline *o)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_tx *tx;
    struct str instance, keyring;
    TRY(store_read_begin(o->store, &tx));
    enum err e = store_instance_get(tx, &a, &instance);
    if (e == OK)
        e = store_keyring_get(tx, &a, &keyring);
    if (e == OK)
        e = vault_unlock(o->vault.vault, instance, keyring);
    store_read_end(o->store, &tx);
    return e;
}

/* For a person whose root key is where the manual says it is safest. */
static enum err check_root(const char *data, char *why)
{
    char path[DATADIR_PATH_MAX_BYTES];
    TRY(datadir_path(data, "root.key", path));
    enum err e = datadir_check(data, why);
    if (e == ERR_NOT_FOUND)
        snprintf(why, DATADIR_WHY_BYTES,
                 "%s is not there; if it is a credential of the service, start the service: this "
                 "command then goes through it",
                 path);
    return e;
}

static enum err open_parts(const char *data, struct offline *o, char *why)
{
    static struct config config; /* some KiB */
    char folder[DATADIR_PATH_MAX_BYTES];
    AUTO(fd) int root = -1;
    AUTO(fd) int next = -1;
    AUTO(fd) int recovery = datadir_open_recovery(data, false);
    TRY(check_root(data, why));
    TRY(datadir_open_root(data, &root, &next, why));
    TRY(datadir_path(data, "db", folder));
    offline_config(data, &config);
    const struct serve_keys keys = {root, next, recovery};
    struct store_options options = {.folder = folder};
    enum err e = offline_vault_start(&config, &keys, &o->vault);
    if (e == OK)
        e = store_open(&options, &o->store);
    if (e == OK)
        e = unlock(o);
    if (e != OK && !store_wrong(data, e, why))
        snprintf(why, DATADIR_WHY_BYTES, "%s", err_text(e));
    else if (e == OK)
        chain_connect(o->store, o->vault.vault);
    return e;
}

enum err offline_open(const char *data, struct offline *ret, char ret_why[static DATADIR_WHY_BYTES])
{
    *ret = (struct offline){.lock = -1, .vault = {.supervisor = -1}};
    TRY(datadir_check_folders(data, ret_why));
    enum err e = take_lock(data, &ret->lock);
    if (e == OK)
        e = open_parts(data, ret, ret_why);
    if (e != OK)
        offline_auto(ret);
    return e;
}

static enum err try_keys(const char *data, int root, int next)
{
    static struct config config; /* some KiB */
    char folder[DATADIR_PATH_MAX_BYTES];
    AUTO(arena) struct arena a = arena_make();
    AUTO(offline_vault) struct offline_vault v = {.supervisor = -1};
    struct str instance, keyring;
    const struct serve_keys keys = {root, next, -1};
    TRY(datadir_path(data, "db", folder));
    TRY(store_check_keys(folder, &a, &instance, &keyring));
    offline_config(data, &config);
    TRY(offline_vault_start(&config, &keys, &v));
    return vault_unlock(v.vault, instance, keyring);
}

enum err offline_try_root(const char *data)
{
    char path[DATADIR_PATH_MAX_BYTES], why[DATADIR_WHY_BYTES];
    AUTO(fd) int root = -1;
    AUTO(fd) int next = -1;
    TRY(datadir_path(data, "lock", path));
    AUTO(fd) int lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0)
        return ERR_IN_USE;
    TRY(datadir_open_root(data, &root, &next, why));
    io_close(&lock); /* nothing is changed, and whoever wants to need not wait for a vault */
    return try_keys(data, root, next);
}

void offline_auto(struct offline *o)
{
    store_close(&o->store);
    offline_vault_auto(&o->vault);
    io_close(&o->lock);
}
