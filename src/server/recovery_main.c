#include "recovery_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aead.h"
#include "alloc.h"
#include "arena.h"
#include "client.h"
#include "datadir.h"
#include "encode.h"
#include "io.h"
#include "json_decode.h"
#include "key_rotation.h"
#include "offline.h"
#include "random.h"
#include "recovery.h"
#include "recovery_text.h"
#include "store_audit.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_NOT_FOUND = 4, EXIT_CONFLICT = 5, EXIT_FAILED = 7 };
enum { BODY_MAX_BYTES = 64 };

static const char usage[] =
    "usage: safelight recovery-key create --data DIR [--replace]\n"
    "       safelight recovery-key show --data DIR\n\n"
    "create makes the key that opens backups and prints it, alone, on stdout: it is shown only "
    "now\n"
    "and is kept nowhere here. Put it where the data directory is not: a password manager, paper "
    "in\n"
    "a safe. Backups are encrypted for it from then on, also while the server runs. With "
    "--replace\n"
    "another key takes its place; older backups still open with the older key.\n"
    "show says which key that is, by its id.\n";

static int complain(const char *what)
{
    fprintf(stderr, "safelight recovery-key: %s\n", what);
    return EXIT_FAILED;
}

/* A key that is being made. */
struct fresh {
    uint8_t key[RECOVERY_KEY_BYTES]; /* seed, then the installation's mark */
    uint8_t public_key[BOX_PUBLIC_BYTES];
    struct buf id; /* hex */
};

static void fresh_auto(struct fresh *f)
{
    wipe(f->key, sizeof f->key);
    buf_auto(&f->id);
}

static enum err id_of(const uint8_t *public_key, struct buf *ret)
{
    uint8_t id[RECOVERY_ID_BYTES];
    recovery_id(public_key, id);
    return encode_hex(ret, str_bytes(id, sizeof id));
}

/* The id of the key that is in use. ERR_NOT_FOUND: there is none. */
static enum err read_present(const char *data, struct buf *ret_id)
{
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    uint8_t public_key[BOX_PUBLIC_BYTES];
    AUTO(fd) int fd = datadir_open_recovery(data, false);
    if (fd < 0)
        return ERR_NOT_FOUND;
    TRY(io_read_all(fd, &file));
    TRY(recovery_file_decode(buf_str(&file), public_key));
    return id_of(public_key, ret_id);
}

/* --- through a running server --- */

struct made {
    struct str id, mark, error;
};

static enum err take_mark(struct str hex, struct fresh *f)
{
    AUTO(buf) struct buf mark = buf_make(RECOVERY_MARK_BYTES);
    if (decode_hex(hex, &mark) != OK || mark.len != RECOVERY_MARK_BYTES)
        return ERR_INVALID;
    memcpy(f->key + BOX_SEED_BYTES, mark.ptr, mark.len);
    return OK;
}

static int through_server(const char *data, struct fresh *f)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct made, id, "id", JSON_AS_STR, JSON_OPTIONAL, 64),
        JSON_FIELD(struct made, mark, "mark", JSON_AS_STR, JSON_OPTIONAL, 64),
        JSON_FIELD(struct made, error, "error", JSON_AS_STR, JSON_OPTIONAL, 4096)};
    struct client client __attribute__((cleanup(client_auto))) = {.token = NULL};
    struct fetch_result result __attribute__((cleanup(fetch_result_auto))) = {0};
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    AUTO(arena) struct arena a = arena_make();
    struct problems problems;
    struct made made = {STR_EMPTY, STR_EMPTY, STR_EMPTY};
    const char *why = "";
    if (client_open_operator(&client, data, &why) != OK)
        return complain(why);
    if (buf_printf(&body, "{\"id\":\"%.*s\"}", (int)f->id.len, f->id.ptr) != OK)
        return complain(err_text(ERR_INTERNAL));
    struct fetch fetch = {.body = buf_str(&body), .body_fd = -1};
    if (client_send(&client, "POST", "/operator/recovery-key", "application/json", &fetch,
                    &result) != OK)
        return complain("the server does not answer on its socket; nothing was changed");
    problems_init(&problems, &a);
    if (json_decode(buf_str(&result.body), fields, ARRAY_LEN(fields), STR_EMPTY, &problems,
                    &made) != OK)
        return complain("the server's answer cannot be read");
    if (result.status != 200) {
        fprintf(stderr, "safelight recovery-key: %.*s\n", (int)made.error.len, made.error.ptr);
        return EXIT_FAILED;
    }
    if (take_mark(made.mark, f) != OK)
        return complain("the server's answer cannot be read");
    return EXIT_DONE;
}

/* --- in a stopped directory --- */

static enum err record_op(struct store_tx *tx, void *ctx)
{
    const struct fresh *f = ctx;
    const struct audit_record record = {.type = AUDIT_RECOVERY_CHANGED,
                                        .team_id = STR(KEY_ROTATION_INSTANCE),
                                        .actor = STR("operator"),
                                        .subject = buf_str(&f->id)};
    return store_audit(tx, &record);
}

static enum err in_folder(const char *data, struct offline *o, struct fresh *f)
{
    static const uint8_t zeros[32];
    uint8_t stamp[32];
    TRY(vault_backup_stamp(o->vault.vault, zeros, stamp));
    memcpy(f->key + BOX_SEED_BYTES, stamp, RECOVERY_MARK_BYTES);
    TRY(store_write_wait(o->store, record_op, f));
    return datadir_commit_recovery(data);
}

static enum err make(const char *data, struct fresh *f)
{
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    random_bytes(f->key, BOX_SEED_BYTES);
    box_public(f->key, f->public_key);
    TRY(id_of(f->public_key, &f->id));
    TRY(recovery_file_encode(f->public_key, &file));
    return datadir_next_recovery(data, buf_str(&file));
}

static int install(const char *data, struct fresh *f)
{
    AUTO(offline) struct offline o = {.lock = -1};
    char why[DATADIR_WHY_BYTES] = "";
    enum err e = datadir_check(data, why);
    if (e == OK)
        e = make(data, f);
    if (e == OK)
        e = offline_open(data, true, &o, why);
    if (e == ERR_IN_USE)
        return through_server(data, f);
    if (e == OK)
        e = in_folder(data, &o, f);
    return e == OK ? EXIT_DONE : complain(why[0] ? why : err_text(e));
}

static void print(const struct fresh *f)
{
    char text[RECOVERY_TEXT_LEN + 1];
    recovery_text_write(f->key, text);
    puts(text);
    fflush(stdout);
    wipe(text, sizeof text);
    fprintf(
        stderr,
        "The recovery key %.*s stands alone on stdout and is shown only now: keep it apart from\n"
        "the data directory and the backups. Without it no backup opens, and nobody can help.\n",
        (int)f->id.len, f->id.ptr);
}

static int create(const char *data, bool replace)
{
    AUTO(fresh) struct fresh f = {.id = buf_make(2 * RECOVERY_ID_BYTES)};
    AUTO(buf) struct buf present = buf_make(2 * RECOVERY_ID_BYTES);
    if (read_present(data, &present) != ERR_NOT_FOUND && !replace) {
        complain("there is one already; --replace puts another in its place, and older backups "
                 "still need the older one");
        return EXIT_CONFLICT;
    }
    int code = install(data, &f);
    if (code == EXIT_DONE)
        print(&f);
    char path[DATADIR_PATH_MAX_BYTES];
    if (code != EXIT_DONE && datadir_path(data, "recovery.pub.next", path) == OK)
        (void)unlink(path);
    return code;
}

static int show(const char *data)
{
    AUTO(buf) struct buf id = buf_make(2 * RECOVERY_ID_BYTES);
    enum err e = read_present(data, &id);
    if (e == ERR_NOT_FOUND) {
        complain("there is none; make one with: safelight recovery-key create --data DIR");
        return EXIT_NOT_FOUND;
    }
    if (e != OK)
        return complain("recovery.pub is damaged; make a new key with create --replace");
    printf("%.*s\n", (int)id.len, id.ptr);
    return EXIT_DONE;
}

int recovery_main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "", *data = NULL;
    bool replace = false, wrong = false;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return EXIT_DONE;
        }
        if (strcmp(argv[i], "--replace") == 0)
            replace = true;
        else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
            data = argv[++i];
        else
            wrong = true;
    }
    bool creates = strcmp(verb, "create") == 0, shows = strcmp(verb, "show") == 0;
    if (wrong || !data || !data[0] || (!creates && !shows) || (shows && replace)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    sandbox_begin();
    if (crypto_open() != OK)
        return complain(err_text(ERR_INTERNAL));
    return creates ? create(data, replace) : show(data);
}
