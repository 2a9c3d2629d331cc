#include "doctor.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "config_files.h"
#include "datadir.h"
#include "doctor_open.h"
#include "io.h"
#include "offline.h"
#include "recovery.h"
#include "store_check.h"
#include "store_wrong.h"
#include "tls_check.h"

enum {
    CLOCK_BACK_MS = 60 * 1000,
    CERT_SOON_DAYS = 14,
    FILES_BESIDE = 256,
    OPEN_REMEDY_MAX_BYTES = 24 * 1024
};
static const int64_t DAY_MS = 24 * 3600 * 1000LL;
#define MIB (1024 * 1024)

struct report {
    doctor_found *found;
    void *ctx;
};

static void tell(const struct report *r, bool good, enum doctor_verdict otherwise, const char *what,
                 const char *remedy)
{
    r->found(r->ctx, good ? DOCTOR_GOOD : otherwise, what, good ? NULL : remedy);
}

/* --- files --- */

/* Also when it is open to others, which is told first. */
static void check_root_key_whole(const struct report *r, const char *path)
{
    struct stat st;
    char remedy[DATADIR_WHY_BYTES];
    bool whole = stat(path, &st) == 0 && st.st_size == DATADIR_ROOT_KEY_BYTES;
    snprintf(remedy, sizeof remedy,
             "%s is to be %d bytes; put your copy of it back: without it nobody can open the "
             "secrets",
             path, DATADIR_ROOT_KEY_BYTES);
    tell(r, whole, DOCTOR_BAD, "the root key is whole", remedy);
}

static void check_root_key(const struct report *r, const char *data)
{
    char path[DATADIR_PATH_MAX_BYTES] = "", credential[DATADIR_PATH_MAX_BYTES] = "";
    char why[DATADIR_WHY_BYTES] = "";
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    bool here = datadir_path(data, "root.key", path) == OK && access(path, F_OK) == 0;
    bool given = credentials && credentials[0] &&
                 datadir_path(credentials, "safelight-root-key", credential) == OK &&
                 access(credential, F_OK) == 0;
    if (!here && !given) {
        tell(
            r, false, DOCTOR_WARN, "the root key is in the data directory",
            "right when the service gets it as a credential (safelight-root-key); else put the key "
            "back: without it the secrets cannot be opened");
        return;
    }
    tell(r, !(here && given), DOCTOR_WARN, "there is one root key",
         "a credential and DIR/root.key are both there, and the credential counts; remove the file "
         "once you have a copy of it elsewhere");
    enum err e = datadir_check(data, why);
    bool ours = e == OK || e == ERR_INVALID;
    AUTO(buf) struct buf remedy = buf_make(OPEN_REMEDY_MAX_BYTES);
    if (!ours && buf_put(&remedy, str_from(why)) == OK) { /* it knows of the first fault alone */
        doctor_open(data, &remedy);
        if (buf_put_byte(&remedy, 0) != OK)
            return;
    }
    tell(r, ours, DOCTOR_BAD, "data directory and root key are ours alone", remedy.ptr);
    check_root_key_whole(r, given ? credential : path);
}

/* Not everybody wants backups, but nobody should find out that there are none when he needs one. */
static void check_recovery(const struct report *r, const char *data)
{
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    uint8_t public_key[BOX_PUBLIC_BYTES];
    char remedy[DATADIR_PATH_MAX_BYTES + 120];
    AUTO(fd) int fd = datadir_open_recovery(data, false);
    bool none = fd < 0;
    bool good = !none && io_read_all(fd, &file) == OK &&
                recovery_file_decode(buf_str(&file), public_key) == OK;
    snprintf(remedy, sizeof remedy,
             "%s no backup can be made; make one: safelight recovery-key create %s--data %s",
             none ? "without one" : "recovery.pub is damaged, and", none ? "" : "--replace ", data);
    tell(r, good, none ? DOCTOR_WARN : DOCTOR_BAD, "there is a recovery key", remedy);
}

static void check_settings_file(const struct report *r, const char *path)
{
    struct stat st;
    char remedy[CONFIG_TEXT_MAX_BYTES + 80];
    if (lstat(path, &st) != 0)
        return;
    snprintf(remedy, sizeof remedy, "it is to be a plain file of yours or root's: chmod go-w %s",
             path);
    bool good =
        S_ISREG(st.st_mode) && !(st.st_mode & 022) && (st.st_uid == geteuid() || st.st_uid == 0);
    tell(r, good, DOCTOR_BAD, "nobody else can change the settings", remedy);
}

static void check_disk(const struct report *r, const char *data, const struct config *c)
{
    struct statvfs disk;
    char remedy[160];
    if (statvfs(data, &disk) != 0)
        return;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t wanted = (uint64_t)c->spool_min_free_bytes;
    snprintf(remedy, sizeof remedy,
             "%llu MiB are free; below spool-min-free-bytes (%llu MiB) no job is handed out",
             (unsigned long long)(free_bytes / MIB), (unsigned long long)(wanted / MIB));
    tell(r, free_bytes >= wanted, DOCTOR_WARN, "there is room for render outputs", remedy);
    tell(r, (uint64_t)disk.f_favail > 1000 || disk.f_files == 0, DOCTOR_BAD,
         "the disk has inodes left", "remove files, or make a file system with more of them");
}

/* --- the database --- */

static void check_clock(const struct report *r, int64_t last_ms)
{
    char at[CLOCK_TEXT_BYTES], remedy[200];
    clock_format(last_ms, at);
    snprintf(remedy, sizeof remedy,
             "the newest audit record is of %s, later than now: set the clock (timedatectl "
             "set-ntp true), or tokens and policies end at the wrong time",
             at);
    tell(r, last_ms <= clock_unix_ms() + CLOCK_BACK_MS, DOCTOR_BAD,
         "the clock is not behind the database", remedy);
}

/* Any 32 bytes look like a root key. */
static void check_root_key_fits(const struct report *r, const char *data)
{
    enum err e = offline_try_root(data);
    if (e == OK || e == ERR_TAMPERED)
        tell(r, e == OK, DOCTOR_BAD, "the root key is this database's",
             "it opens none of its keys: put your copy of the right one back, or restore a backup");
}

static void check_store(const struct report *r, const char *data)
{
    char folder[DATADIR_PATH_MAX_BYTES], remedy[200], closed[DATADIR_WHY_BYTES];
    struct store_check c = {.sound = false};
    enum err e = datadir_path(data, "db", folder);
    if (e == OK && store_closed(folder, closed)) {
        tell(r, false, DOCTOR_BAD, "the database can be read", closed);
        return;
    }
    if (e == OK)
        e = store_check(folder, &c);
    if (e != OK) {
        snprintf(remedy, sizeof remedy, "%s",
                 e == ERR_NOT_FOUND
                     ? "there is no database: put it back, or restore a backup "
                       "(safelight restore)"
                     : "the database is damaged or cannot be read; look at the disk's "
                       "health, then restore a backup (safelight restore)");
        tell(r, false, DOCTOR_BAD, "the database can be read", remedy);
        return;
    }
    snprintf(remedy, sizeof remedy,
             "stop the server, keep a copy of %.100s/db, look at the disk's health, and restore a "
             "backup",
             data);
    tell(r, c.sound, DOCTOR_BAD, "the database is sound (quick check)", remedy);
    if (c.version == 0) { /* nothing is brought up to date from there */
        snprintf(remedy, sizeof remedy,
                 "it is empty: stop the server, put the right %.100s/db back, or restore a backup",
                 data);
        tell(r, false, DOCTOR_BAD, "the database holds something", remedy);
        return;
    }
    snprintf(remedy, sizeof remedy, "its schema is version %lld, this program's is %lld; %s",
             (long long)c.version, (long long)c.newest,
             c.version > c.newest ? "run the newer safelight that made it"
                                  : "the next safelight serve brings it up to date");
    tell(r, c.version == c.newest, c.version > c.newest ? DOCTOR_BAD : DOCTOR_WARN,
         "the database has this program's schema", remedy);
    if (c.last_record_ms)
        check_clock(r, c.last_record_ms);
    if (c.sound)
        check_root_key_fits(r, data);
}

/* --- kernel and limits --- */

static void check_kernel(const struct report *r)
{
    struct rlimit files = {0, 0}, memory = {0, 0};
    long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    tell(r, landlock >= 1, DOCTOR_WARN, "the kernel has Landlock",
         "use Linux 5.13 or newer with landlock among the LSMs (lsm= on its command line)");
    tell(r, prctl(PR_GET_SECCOMP) >= 0, DOCTOR_WARN, "the kernel has seccomp",
         "use a kernel with CONFIG_SECCOMP_FILTER");
    getrlimit(RLIMIT_MEMLOCK, &memory);
    tell(r, memory.rlim_cur >= 2 * SECRET_ARENA_BYTES || geteuid() == 0, DOCTOR_WARN,
         "memory may be locked (ulimit -l)",
         "raise LimitMEMLOCK (ulimit -l) to 8 MiB or more, so that values are never swapped out");
    getrlimit(RLIMIT_NOFILE, &files);
    tell(r, files.rlim_max >= FILES_BESIDE * 4, DOCTOR_WARN, "enough files may be open (ulimit -n)",
         "raise LimitNOFILE (ulimit -n) to 1024 or more");
}

/* --- settings and the certificate --- */

static void check_certificate(const struct report *r, const struct config *c)
{
    struct tls_check t;
    char at[CLOCK_TEXT_BYTES], remedy[200];
    const char *cert = config_file_wrong(c, CONFIG_tls_cert);
    const char *key = config_file_wrong(c, CONFIG_tls_key);
    enum err e = tls_check(c->tls_cert, c->tls_key, &t);
    snprintf(remedy, sizeof remedy, "%s: %s", cert ? "tls-cert" : "tls-key",
             cert  ? cert
             : key ? key
                   : "it cannot be used");
    tell(r, e == OK, DOCTOR_BAD, "the TLS key is the certificate's", remedy);
    if (e != OK)
        return;
    int64_t now = clock_unix_ms();
    clock_format(t.until_ms, at);
    snprintf(remedy, sizeof remedy,
             "it %s %s; renew it, and send the server SIGHUP to have it read anew",
             t.until_ms < now ? "ended" : "ends", at);
    tell(r, t.until_ms >= now + CERT_SOON_DAYS * DAY_MS,
         t.until_ms < now ? DOCTOR_BAD : DOCTOR_WARN,
         "the TLS certificate is good for two more weeks", remedy);
    tell(r, t.from_ms <= now, DOCTOR_BAD, "the TLS certificate is valid already",
         "look at the clock; else wait, or use another one");
    struct stat st;
    char closing[CONFIG_TEXT_MAX_BYTES + 16];
    bool closed = stat(c->tls_key, &st) == 0 && !(st.st_mode & 007);
    snprintf(closing, sizeof closing, "chmod o-rwx %s", c->tls_key);
    tell(r, closed, DOCTOR_BAD, "the TLS key is not open to everybody", closing);
}

static bool beside_root(const char *file, const char *root_key)
{
    char copy[PATH_MAX];
    return snprintf(copy, sizeof copy, "%s", file) < PATH_MAX &&
           datadir_holds(dirname(copy), root_key);
}

/* The server says the same: tls_beside_root_key. */
static void check_tls_apart(const struct report *r, const char *data, const struct config *c)
{
    const char *const files[] = {c->tls_cert, c->tls_key};
    char path[DATADIR_PATH_MAX_BYTES], root_key[PATH_MAX], real[PATH_MAX];
    bool beside = false;
    if (datadir_path(data, "root.key", path) != OK || !realpath(path, root_key))
        return;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        beside = beside || beside_root(files[i], root_key) ||
                 (realpath(files[i], real) && beside_root(real, root_key));
    tell(r, !beside, DOCTOR_WARN, "the certificate lies apart from the root key",
         "keep certificate and key in a folder of their own: from beside the root key a renewed "
         "file counts only after a restart");
}

static void check_private_ca(const struct report *r, const struct config *c)
{
    char remedy[CONFIG_TEXT_MAX_BYTES + 160];
    const char *why = config_file_wrong(c, CONFIG_ca_file);
    snprintf(remedy, sizeof remedy, "ca-file, %s: %s", c->ca_file, why ? why : "");
    tell(r, !why, DOCTOR_BAD, "the private CA can be read", remedy);
}

/* As serve would read them, without flags. */
static bool read_settings(const struct report *r, const char *data, const char *file,
                          struct config *ret)
{
    static struct config_inputs in;
    static struct config_source from[CONFIG_COUNT];
    char program[] = "doctor", data_flag[] = "--data", config_flag[] = "--config";
    char *argv[] = {program, data_flag, NULL, config_flag, NULL, NULL};
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    AUTO(buf) struct buf words = buf_make(4 * CONFIG_TEXT_MAX_BYTES);
    config_defaults(ret);
    if (buf_printf(&words, "%s%c%s", data, 0, file ? file : "") != OK ||
        buf_put_byte(&words, 0) != OK)
        return false;
    argv[2] = words.ptr;
    argv[4] = words.ptr + strlen(data) + 1;
    enum err e = config_inputs_read(file ? 5 : 3, argv, NULL, &in, &problems);
    check_settings_file(r, in.file);
    if (e == OK)
        e = config_load(&in, ret, from, &problems);
    config_inputs_auto(&in);
    AUTO(arena) struct arena a = arena_make();
    struct str first;
    str_split(buf_str(&problems), '\n', &first); /* safelight config check tells all */
    tell(r, e == OK, DOCTOR_BAD, "the settings are valid", arena_text(&a, first));
    return e == OK;
}

void doctor_examine(const char *data, const char *config, doctor_found *found, void *ctx)
{
    static struct config c; /* a few KiB of paths */
    struct report r = {found, ctx};
    char remedy[DATADIR_WHY_BYTES];
    struct stat st;
    bool any = stat(data, &st) == 0, there = any && S_ISDIR(st.st_mode);
    if (any)
        snprintf(remedy, sizeof remedy,
                 "%.200s is no folder; name the one that safelight init made", data);
    else
        snprintf(remedy, sizeof remedy,
                 "%.200s is not there, or its folder is closed to us; make it with: safelight "
                 "init --data %.200s",
                 data, data);
    tell(&r, there, DOCTOR_BAD, "the data directory is there", remedy);
    if (!there) {
        check_kernel(&r); /* what can be told without it */
        return;
    }
    check_root_key(&r, data);
    check_recovery(&r, data);
    bool settings = read_settings(&r, data, config, &c);
    check_disk(&r, data, &c);
    check_store(&r, data);
    check_kernel(&r);
    if (settings && c.tls_cert[0]) {
        check_certificate(&r, &c);
        check_tls_apart(&r, data, &c);
    }
    if (settings && c.ca_file[0])
        check_private_ca(&r, &c);
}
