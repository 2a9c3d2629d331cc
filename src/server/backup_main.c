#include "backup_main.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aead.h"
#include "alloc.h"
#include "arena.h"
#include "backup_make.h"
#include "client.h"
#include "datadir.h"
#include "io.h"
#include "json_decode.h"
#include "key_rotation.h"
#include "offline.h"
#include "store_audit.h"

enum {
    EXIT_DONE = 0,
    EXIT_USAGE = 2,
    EXIT_CONFLICT = 5,
    EXIT_UNREACHABLE = 6,
    EXIT_FAILED = 7,
    SAID_MAX_BYTES = 64 * 1024,
};

static const char usage[] =
    "usage: safelight backup FILE --data DIR [--without-spool]\n\n"
    "Writes a backup of the data directory to FILE (- is stdout), also while its server runs. It "
    "is\n"
    "encrypted for the recovery key (safelight recovery-key create) and opens with nothing else; "
    "it\n"
    "has no root key. In it: teams, tokens, secrets, jobs, logs, the audit log, and of the spool\n"
    "templates, fonts and outputs. Not in it: root.key, safelight.conf, TLS certificates, console\n"
    "sessions, one-time addresses, uploads that are under way.\n\n"
    "  --without-spool   no templates, fonts and outputs\n";

/* Where the backup goes. */
struct place {
    const char *path; /* NULL: stdout */
    char part[DATADIR_PATH_MAX_BYTES];
    int fd;
    uint64_t bytes;
    enum err failed; /* to write there */
    struct buf said; /* an answer that is no backup */
    bool is_backup;
    bool shown; /* progress on a terminal */
    uint64_t mib;
};

static void place_auto(struct place *p)
{
    if (p->path) {
        if (p->fd >= 0 && p->part[0])
            (void)unlink(p->part);
        io_close(&p->fd);
    }
    buf_auto(&p->said);
}

static int complain(const char *what)
{
    fprintf(stderr, "safelight backup: %s\n", what);
    return EXIT_FAILED;
}

/* Beside its place until it is whole: nobody takes half of it for a backup. */
static int open_place(struct place *p)
{
    if (!p->path) {
        p->fd = STDOUT_FILENO;
        return 0;
    }
    if (access(p->path, F_OK) == 0) {
        complain("there is a file of that name already; choose another one");
        return EXIT_CONFLICT;
    }
    int n = snprintf(p->part, sizeof p->part, "%s.partial", p->path);
    if (n < 0 || n >= (int)sizeof p->part)
        return complain("the name is too long");
    p->fd = open(p->part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (p->fd < 0)
        return complain("the file cannot be made there; does its folder exist?");
    if (flock(p->fd, LOCK_EX | LOCK_NB) != 0 || ftruncate(p->fd, 0) != 0) {
        io_close(&p->fd);
        complain("another backup is being written there");
        return EXIT_CONFLICT;
    }
    return 0;
}

static enum err keep(struct place *p)
{
    char folder[DATADIR_PATH_MAX_BYTES];
    if (!p->path)
        return OK;
    if (fsync(p->fd) != 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_IO;
    /* Not over a file that has come there meanwhile. */
    if (renameat2(AT_FDCWD, p->part, AT_FDCWD, p->path, RENAME_NOREPLACE) != 0)
        return errno == EEXIST ? ERR_CONFLICT : ERR_IO;
    p->part[0] = 0;
    snprintf(folder, sizeof folder, "%s", p->path);
    return io_sync_folder(dirname(folder));
}

static enum err to_place(void *ctx, struct str bytes)
{
    struct place *p = ctx;
    if (offline_interrupted())
        return ERR_AGAIN;
    p->failed = io_write_all(p->fd, bytes);
    TRY(p->failed);
    p->bytes += bytes.len;
    if (p->shown && p->bytes >> 20 != p->mib) {
        p->mib = p->bytes >> 20;
        fprintf(stderr, "\r%llu MiB", (unsigned long long)p->mib);
    }
    return OK;
}

/* --- from a running server --- */

static enum err on_head(void *ctx, int status, struct str type, int64_t length)
{
    struct place *p = ctx;
    (void)type;
    (void)length;
    p->is_backup = status == 200;
    return OK;
}

static enum err on_body(void *ctx, struct str piece)
{
    struct place *p = ctx;
    return p->is_backup ? to_place(p, piece) : buf_put(&p->said, piece);
}

static enum err on_progress(void *ctx, uint64_t sent, uint64_t received)
{
    (void)ctx;
    (void)sent;
    (void)received;
    return offline_interrupted() ? ERR_AGAIN : OK;
}

struct failure {
    struct str error;
};

/* What the server said of why not. */
static void say_refusal(const struct place *p, int status)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct failure, error, "error", JSON_AS_STR, JSON_OPTIONAL, 4096)};
    AUTO(arena) struct arena a = arena_make();
    struct problems problems;
    struct failure f = {STR_EMPTY};
    problems_init(&problems, &a);
    if (json_decode(buf_str(&p->said), fields, 1, STR_EMPTY, &problems, &f) == OK && f.error.len)
        fprintf(stderr, "safelight backup: %.*s\n", (int)f.error.len, f.error.ptr);
    else
        fprintf(stderr, "safelight backup: the server answered with status %d\n", status);
}

static int from_server(const char *data, bool with_spool, struct place *p)
{
    struct client client __attribute__((cleanup(client_auto))) = {.token = NULL};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    struct fetch fetch = {.body_fd = -1,
                          .on_head = on_head,
                          .on_body = on_body,
                          .on_progress = on_progress,
                          .ctx = p,
                          .body_max_bytes = SIZE_MAX};
    const char *why = "";
    if (client_open_operator(&client, data, &why) != OK)
        return complain(why);
    enum err e =
        client_send(&client, "POST", with_spool ? "/operator/backup" : "/operator/backup?spool=no",
                    NULL, &fetch, &answer);
    if (offline_interrupted())
        return complain("it was interrupted; there is no backup");
    if (p->failed != OK)
        return complain("the file cannot be written; is the disk full?");
    if (e != OK) {
        complain(p->is_backup ? "the server broke off; its log says why. There is no backup"
                              : "the server does not answer on its socket");
        return EXIT_UNREACHABLE;
    }
    if (p->is_backup)
        return EXIT_DONE;
    say_refusal(p, answer.status);
    return answer.status == 409 ? EXIT_CONFLICT : EXIT_FAILED;
}

/* --- from a stopped one --- */

static enum err record_op(struct store_tx *tx, void *ctx)
{
    const struct backup_make *m = ctx;
    const struct audit_record record = {.type = AUDIT_BACKUP_MADE,
                                        .team_id = STR(KEY_ROTATION_INSTANCE),
                                        .actor = STR("operator"),
                                        .subject = str_from(m->ret_key_id)};
    return store_audit(tx, &record);
}

static enum err record(void *ctx, const struct backup_make *m)
{
    struct backup_make copy = *m;
    return store_write_wait(((struct offline *)ctx)->store, record_op, &copy);
}

static int from_folder(const char *data, struct offline *o, bool with_spool, struct place *p)
{
    char spool[DATADIR_PATH_MAX_BYTES];
    if (datadir_path(data, "spool", spool) != OK)
        return complain("the path of the data directory is too long");
    struct backup_make m = {.store = o->store,
                            .vault = o->vault.vault,
                            .spool_folder = with_spool ? spool : NULL,
                            .sink = to_place,
                            .sink_ctx = p,
                            .record = record,
                            .record_ctx = o};
    enum err e = backup_make(&m);
    if (e == OK)
        return EXIT_DONE;
    complain(offline_interrupted()                ? "it was interrupted; there is no backup"
             : e == ERR_IO || e == ERR_STORE_FULL ? "the file cannot be written; is the disk full?"
                                                  : err_text(e));
    return e == ERR_NO_RECOVERY_KEY ? EXIT_CONFLICT : EXIT_FAILED;
}

static int run(const char *data, bool with_spool, struct place *p)
{
    AUTO(offline) struct offline o = {.lock = -1};
    char why[DATADIR_WHY_BYTES] = "";
    enum err e = offline_open(data, false, &o, why);
    if (e != OK && e != ERR_IN_USE)
        return complain(why[0] ? why : err_text(e));
    int code = open_place(p);
    if (code != 0)
        return code;
    p->shown = isatty(STDERR_FILENO) == 1;
    code = e == OK ? from_folder(data, &o, with_spool, p) : from_server(data, with_spool, p);
    if (p->mib)
        fputc('\n', stderr);
    if (code != EXIT_DONE)
        return code;
    e = keep(p);
    if (e != OK)
        return complain(e == ERR_CONFLICT ? "there is a file of that name now; choose another one"
                                          : "the file cannot be kept; is the disk full?");
    fprintf(stderr,
            "The backup is whole: %llu bytes%s%s. Only the recovery key opens it; try it out with\n"
            "safelight restore --check.\n",
            (unsigned long long)p->bytes, p->path ? " in " : "", p->path ? p->path : "");
    return EXIT_DONE;
}

int backup_main(int argc, char **argv)
{
    const char *data = NULL, *file = NULL;
    bool with_spool = true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return EXIT_DONE;
        }
        if (strcmp(argv[i], "--without-spool") == 0)
            with_spool = false;
        else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
            data = argv[++i];
        else if (!file && (argv[i][0] != '-' || strcmp(argv[i], "-") == 0))
            file = argv[i];
        else
            file = data = NULL, i = argc; /* falls through to the usage */
    }
    if (!data || !data[0] || !file || !file[0]) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    AUTO(place)
    struct place p = {
        .path = strcmp(file, "-") == 0 ? NULL : file, .fd = -1, .said = buf_make(SAID_MAX_BYTES)};
    sandbox_begin();
    if (p.path) /* a pipe that nobody reads must be left by Ctrl-C; there is nothing to take away */
        offline_catch_signals();
    if (crypto_open() != OK)
        return complain(err_text(ERR_INTERNAL));
    return run(data, with_spool, &p);
}
