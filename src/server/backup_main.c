#include "backup_main.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "aead.h"
#include "alloc.h"
#include "arena.h"
#include "backup_make.h"
#include "backup_place.h"
#include "client.h"
#include "encode.h"
#include "io.h"
#include "json_decode.h"
#include "json_encode.h"
#include "key_rotation.h"
#include "offline.h"
#include "store_audit.h"
#include "term.h"

enum {
    EXIT_DONE = 0,
    EXIT_USAGE = 2,
    EXIT_CONFLICT = 5,
    EXIT_UNREACHABLE = 6,
    EXIT_FAILED = 7,
    SAID_MAX_BYTES = 64 * 1024,
};

struct given {
    const char *data, *file;
    bool without_spool, json, quiet;
};

/* What a server sends: a backup, or why there is none. */
struct arriving {
    struct backup_place *place;
    struct buf said;
    bool is_backup;
};

static void arriving_auto(struct arriving *a)
{
    buf_auto(&a->said);
}

static int complain(const char *what)
{
    fprintf(stderr, "safelight backup: %s\n", what);
    return EXIT_FAILED;
}

/* --- from a running server --- */

static enum err on_head(void *ctx, int status, struct str type, int64_t length)
{
    struct arriving *a = ctx;
    (void)type;
    (void)length;
    a->is_backup = status == 200;
    return OK;
}

static enum err on_body(void *ctx, struct str piece)
{
    struct arriving *a = ctx;
    return a->is_backup ? backup_place_put(a->place, piece) : buf_put(&a->said, piece);
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
static void say_refusal(const struct arriving *from, int status)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct failure, error, "error", JSON_AS_STR, JSON_OPTIONAL, 4096)};
    AUTO(arena) struct arena a = arena_make();
    struct problems problems;
    struct failure f = {STR_EMPTY};
    problems_init(&problems, &a);
    if (json_decode(buf_str(&from->said), fields, 1, STR_EMPTY, &problems, &f) == OK && f.error.len)
        fprintf(stderr, "safelight backup: %.*s\n", (int)f.error.len, f.error.ptr);
    else
        fprintf(stderr, "safelight backup: the server answered with status %d\n", status);
}

static int from_server(const struct given *g, struct backup_place *p)
{
    AUTO(arriving) struct arriving a = {.place = p, .said = buf_make(SAID_MAX_BYTES)};
    struct client client __attribute__((cleanup(client_auto))) = {.token = NULL};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    struct fetch fetch = {.body_fd = -1,
                          .on_head = on_head,
                          .on_body = on_body,
                          .on_progress = on_progress,
                          .ctx = &a,
                          .body_max_bytes = SIZE_MAX};
    const char *why = "";
    if (client_open_operator(&client, g->data, &why) != OK)
        return complain(why);
    enum err e = client_send(&client, "POST",
                             g->without_spool ? "/operator/backup?spool=no" : "/operator/backup",
                             NULL, &fetch, &answer);
    progress_auto(&p->progress);
    if (offline_interrupted())
        return complain("it was interrupted; there is no backup");
    if (p->failed != OK)
        return complain("the file cannot be written; is the disk full?");
    if (e != OK) {
        complain(a.is_backup ? "the server broke off; its log says why. There is no backup"
                             : OFFLINE_NO_ANSWER);
        return EXIT_UNREACHABLE;
    }
    if (a.is_backup)
        return EXIT_DONE;
    say_refusal(&a, answer.status);
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

static int from_folder(const struct given *g, struct offline *o, struct backup_place *p)
{
    char spool[DATADIR_PATH_MAX_BYTES];
    if (datadir_path(g->data, "spool", spool) != OK)
        return complain("the path of the data directory is too long");
    struct backup_make m = {.store = o->store,
                            .vault = o->vault.vault,
                            .spool_folder = g->without_spool ? NULL : spool,
                            .sink = backup_place_put,
                            .sink_ctx = p,
                            .record = record,
                            .record_ctx = o};
    enum err e = backup_make(&m);
    progress_auto(&p->progress);
    if (e == OK)
        return EXIT_DONE;
    complain(offline_interrupted()                ? "it was interrupted; there is no backup"
             : e == ERR_IO || e == ERR_STORE_FULL ? "the file cannot be written; is the disk full?"
                                                  : err_text(e));
    return e == ERR_NO_RECOVERY_KEY ? EXIT_CONFLICT : EXIT_FAILED;
}

/* --- the whole --- */

/* About how large it will be: what lies there now. */
static uint64_t about(const struct given *g)
{
    char path[DATADIR_PATH_MAX_BYTES];
    struct stat st;
    uint64_t bytes = 0;
    if (datadir_path(g->data, "db/safelight.db", path) == OK && stat(path, &st) == 0)
        bytes = (uint64_t)st.st_size;
    if (!g->without_spool && datadir_path(g->data, "spool", path) == OK)
        bytes += backup_make_spool_bytes(path);
    return bytes;
}

/* Whom it is for stands in its header. */
static enum err say_json(const struct given *g, const struct backup_place *p)
{
    AUTO(buf) struct buf out = buf_make(SAID_MAX_BYTES);
    AUTO(buf) struct buf id = buf_make(2 * RECOVERY_ID_BYTES);
    struct json_out o = json_out_make(&out);
    TRY(encode_hex(&id, str_bytes(p->head + BACKUP_AT_KEY_ID, RECOVERY_ID_BYTES)));
    json_out_open(&o, '{');
    json_out_member_str(&o, "file", str_from(g->file));
    json_out_member_int(&o, "bytes", (int64_t)p->bytes);
    json_out_member_str(&o, "recoveryKey", buf_str(&id));
    json_out_close(&o, '}');
    TRY(json_out_end(&o));
    TRY(buf_put_byte(&out, '\n'));
    return io_tell(buf_str(&out));
}

static int say_done(const struct given *g, const struct backup_place *p)
{
    struct str name = str_from(p->path ? p->path : "FILE");
    if (!g->quiet) {
        fprintf(stderr, "The backup is whole: %llu bytes%s", (unsigned long long)p->bytes,
                p->path ? " in " : "");
        term_put(p->path ? name : STR_EMPTY, "", stderr);
        fputs(". Only the recovery key opens it; try it out with:\nsafelight restore --check ",
              stderr);
        term_put(name, "", stderr);
        fputs(" --recovery-key KEYFILE\n", stderr);
    }
    if (p->unsynced)
        complain("the backup is whole, but its folder cannot be synced: whether it survives a "
                 "power cut is not known");
    if (g->json && say_json(g, p) != OK)
        return complain("the backup is whole, but the result cannot be written to stdout");
    return EXIT_DONE;
}

static int run(const struct given *g)
{
    AUTO(offline) struct offline o = {.lock = -1};
    AUTO(backup_place)
    struct backup_place p = {.path = strcmp(g->file, "-") == 0 ? NULL : g->file, .fd = -1};
    char why[DATADIR_WHY_BYTES] = "";
    const char *what = "";
    enum err opened = offline_open(g->data, &o, why);
    if (opened != OK && opened != ERR_IN_USE)
        return complain(why[0] ? why : err_text(opened));
    enum err e = backup_place_open(&p, &what);
    if (e == OK) {
        p.progress = progress_make("backup", PROGRESS_BYTES, about(g));
        int code = opened == OK ? from_folder(g, &o, &p) : from_server(g, &p);
        if (code != EXIT_DONE)
            return code;
        e = backup_place_keep(&p, &what);
    }
    if (e == OK)
        return say_done(g, &p);
    complain(what);
    return e == ERR_CONFLICT ? EXIT_CONFLICT : EXIT_FAILED;
}

int backup_main(int argc, char **argv)
{
    struct given g = {.data = NULL};
    const struct offline_flag flags[] = {
        {"--data", &g.data, NULL},
        {"--without-spool", NULL, &g.without_spool},
        {"--json", NULL, &g.json},
        {"--quiet", NULL, &g.quiet},
    };
    if (!offline_words(argc - 1, argv + 1, flags, ARRAY_LEN(flags), &g.file) || !g.data ||
        !g.file) {
        complain("say FILE, the file to make, and --data DIR, the data directory");
        return EXIT_USAGE;
    }
    if (g.json && strcmp(g.file, "-") == 0) {
        complain("with - the backup itself goes to stdout: leave out --json");
        return EXIT_USAGE;
    }
    if (g.quiet)
        progress_silence();
    sandbox_begin();
    if (strcmp(g.file, "-") != 0) /* a pipe that nobody reads must be left by Ctrl-C */
        offline_catch_signals();
    if (crypto_open() != OK)
        return complain(err_text(ERR_INTERNAL));
    return offline_ended(run(&g));
}
