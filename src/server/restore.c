#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "chain.h"
#include "clock.h"
#include "io.h"
#include "offline.h"
#include "progress.h"
#include "random.h"
#include "recovery_text.h"
#include "restore_dir.h"
#include "restore_finish.h"
#include "restore_load.h"
#include "restore_verify.h"
#include "store_team.h"

enum { BLOB_MAX_BYTES = 64 * 1024 };

/* Everything that is open meanwhile. */
struct restoring {
    const struct restore_options *options;
    struct restore_report *report;
    char *why;
    int source; /* the backup */
    struct restore_dir dir;
    struct restore_load load;
    struct store_known_tokens known; /* in load's arena */
    struct offline_vault vault;
    struct store *store;
    struct progress progress;
    uint64_t bytes; /* of the backup, read so far */
};

static void restoring_auto(struct restoring *r)
{
    progress_auto(&r->progress);
    store_close(&r->store);
    offline_vault_auto(&r->vault);
    restore_load_auto(&r->load);
    restore_dir_auto(&r->dir);
    if (r->source != STDIN_FILENO)
        io_close(&r->source);
}

static enum err explain(struct restoring *r, enum err e, const char *what)
{
    if (!r->why[0])
        snprintf(r->why, DATADIR_WHY_BYTES, "%s", what);
    return e;
}

/* --- reading --- */

static enum err from_file(void *ctx, char *ret, size_t max, size_t *ret_len)
{
    struct restoring *r = ctx;
    for (;;) {
        ssize_t n = read(r->source, ret, max);
        if (offline_interrupted())
            return ERR_AGAIN;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        *ret_len = (size_t)n;
        r->bytes += (uint64_t)n;
        progress_at(&r->progress, r->bytes);
        return OK;
    }
}

static enum err open_source(struct restoring *r)
{
    struct stat st;
    r->source = str_is(str_from(r->options->file), "-")
                    ? STDIN_FILENO
                    : open(r->options->file, O_RDONLY | O_CLOEXEC);
    if (r->source < 0)
        return explain(r, ERR_NOT_FOUND, "the backup cannot be opened");
    bool known = fstat(r->source, &st) == 0 && S_ISREG(st.st_mode);
    r->progress = progress_make("reading", PROGRESS_BYTES, known ? (uint64_t)st.st_size : 0);
    return OK;
}

static const uint8_t *seed_of(const struct restoring *r)
{
    return (const uint8_t *)secret_reveal(r->options->key).ptr;
}

static enum err said(struct restoring *r, enum err e)
{
    switch (e) {
    case OK:
        return OK;
    case ERR_INVALID:
        return explain(r, e, "that is not a backup of Safelight");
    case ERR_UNAUTHORIZED:
        return explain(r, e, "the backup was made for another recovery key");
    case ERR_CONFLICT:
        return explain(r, e, "the backup is of a form that this version does not know");
    case ERR_TAMPERED:
        return explain(r, e,
                       "the backup is damaged or incomplete: nothing of it can be trusted; take "
                       "another copy of it, or an older one");
    case ERR_AGAIN:
        return explain(r, e, "it was interrupted; nothing is left behind");
    case ERR_STORE_FULL:
        return explain(r, e, "the disk is full; free space, or restore elsewhere");
    default:
        return explain(r, e, err_text(e));
    }
}

static enum err read_backup(struct restoring *r)
{
    AUTOP(backup_in) struct backup_in *in = NULL;
    TRY(said(r, backup_in_open(from_file, r, seed_of(r), &in)));
    TRY(restore_dir_begin(r->options->data, &r->dir, r->why));
    r->load.folder = r->dir.path;
    r->load.keep_files = r->options->data != NULL;
    enum err e = restore_load_all(&r->load, in);
    if (e != OK && r->load.why[0])
        return explain(r, e, r->load.why);
    return said(r, e);
}

/* --- what the old installation knows --- */

static enum err old_is_stopped(struct restoring *r)
{
    char path[DATADIR_PATH_MAX_BYTES];
    TRY(datadir_path(r->options->revoked_from, "lock", path));
    AUTO(fd) int lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0)
        return explain(r, ERR_IN_USE,
                       "a server is running on the old data directory; stop it first");
    return OK;
}

static enum err read_old(struct restoring *r)
{
    char folder[DATADIR_PATH_MAX_BYTES];
    if (!r->options->revoked_from)
        return OK;
    TRY(old_is_stopped(r));
    TRY(datadir_path(r->options->revoked_from, "db", folder));
    enum err e = store_restore_known_tokens(folder, &r->load.arena, &r->known);
    if (e != OK)
        return explain(r, e,
                       "the old data directory's database cannot be read; without --revoked-from "
                       "all tokens are void until you approve them");
    r->load.instance_id = r->known.instance_id;
    return OK;
}

/* --- keys --- */

/* A root key in a pipe, for the vault to read: on no disk, and never swapped. */
static enum err offer(struct str root, int *ret)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ERR_LIMIT;
    enum err e = io_write_all(ends[1], root); /* a pipe takes it at once */
    io_close(&ends[1]);
    if (e != OK)
        io_close(&ends[0]);
    else
        *ret = ends[0];
    return e;
}

/* The root that the keyring was exported under. */
static enum err open_old_root(struct restoring *r, struct str sealed, int *ret)
{
    AUTOP(secret) struct secret *root = NULL;
    TRY(box_open(seed_of(r), sealed, &root));
    return offer(secret_reveal(root), ret);
}

/* The root of the new installation, which is on disk already; for a check, one that never is. */
static enum err open_new_root(const struct restoring *r, int *ret)
{
    char path[DATADIR_PATH_MAX_BYTES];
    uint8_t key[DATADIR_ROOT_KEY_BYTES];
    if (!r->options->data) {
        random_bytes(key, sizeof key);
        enum err e = offer(str_bytes(key, sizeof key), ret);
        wipe(key, sizeof key);
        return e;
    }
    TRY(datadir_path(r->dir.path, "root.key", path));
    *ret = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *ret >= 0 ? OK : ERR_IO;
}

/* Backups go on being encrypted for the key that just opened one. */
static enum err keep_recovery(struct restoring *r, const struct recovery_parts *parts)
{
    AUTO(buf) struct buf file = buf_make(RECOVERY_FILE_BYTES);
    TRY(recovery_file_encode(parts->public_key, &file));
    return datadir_put_recovery(r->dir.path, false, buf_str(&file));
}

/* The vault holds both: the export's root, and the new one. */
static enum err start_vault(struct restoring *r, struct recovery_parts *parts)
{
    static struct config config;
    AUTO(fd) int old_root = -1;
    AUTO(fd) int new_root = -1;
    TRY(recovery_export_read(r->load.begin.export, parts));
    TRY(open_old_root(r, parts->root, &old_root));
    TRY(open_new_root(r, &new_root));
    offline_config(r->dir.path, &config);
    const struct serve_keys keys = {old_root, new_root, -1};
    return offline_vault_start(&config, &keys, &r->vault);
}

static enum err check_stamp(struct restoring *r)
{
    static const uint8_t zeros[32];
    uint8_t stamp[32], mark[32];
    const uint8_t *expected = seed_of(r) + BOX_SEED_BYTES;
    TRY(vault_backup_stamp(r->vault.vault, r->load.read.digest, stamp));
    TRY(vault_backup_stamp(r->vault.vault, zeros, mark));
    bool ours = equal_constant_time(mark, expected, RECOVERY_MARK_BYTES) &&
                equal_constant_time(stamp, r->load.read.stamp, sizeof stamp);
    return ours ? OK
                : explain(r, ERR_TAMPERED,
                          "the backup was not made by the installation that the recovery key "
                          "belongs to");
}

static enum err open_store(struct restoring *r, const struct recovery_parts *parts)
{
    char folder[DATADIR_PATH_MAX_BYTES];
    AUTO(arena) struct arena a = arena_make();
    struct store_tx *tx;
    struct str instance;
    TRY(datadir_path(r->dir.path, "db", folder));
    struct store_options options = {.folder = folder};
    TRY(store_open(&options, &r->store));
    TRY(store_read_begin(r->store, &tx));
    enum err e = store_instance_get(tx, &a, &instance);
    store_read_end(r->store, &tx);
    if (e == ERR_NOT_FOUND || (e == OK && !str_equal(instance, r->load.begin.instance_id)))
        e = ERR_TAMPERED;
    TRY(e);
    TRY(vault_unlock(r->vault.vault, instance, parts->keyring));
    chain_connect(r->store, r->vault.vault);
    return OK;
}

/* --- the whole --- */

/* What is shown only once is shown before there is anything to lose by it. */
static enum err tell(struct restoring *r, const struct restore_finish *f)
{
    const struct restore_options *o = r->options;
    progress_auto(&r->progress);
    enum err e = o->tell(o->tell_ctx, r->report, f->first, o->data ? f->first_count : 0);
    return e == OK ? OK
                   : explain(r, e,
                             "the result cannot be written to stdout, so nothing was restored; "
                             "nothing is left behind");
}

static enum err finish(struct restoring *r)
{
    AUTO(buf) struct buf keyring = buf_make(BLOB_MAX_BYTES);
    AUTO(restore_finish)
    struct restore_finish f = {.store = r->store,
                               .vault = r->vault.vault,
                               .folder = r->dir.path,
                               .known = r->options->revoked_from ? &r->known : NULL,
                               .resume_jobs = r->options->resume_jobs,
                               .instance_id = r->load.begin.instance_id,
                               .created_at = str_from(r->report->created_at),
                               .report = r->report};
    TRY(vault_root_commit(r->vault.vault,
                          &keyring)); /* from here on the new root is the only one */
    f.keyring = buf_str(&keyring);
    TRY(restore_finish_write(&f));
    store_close(&r->store);
    TRY(tell(r, &f));
    bool synced = true;
    if (r->options->data)
        TRY(restore_dir_commit(&r->dir, &synced, r->why));
    r->report->unsynced = !synced;
    return OK;
}

static enum err run(struct restoring *r)
{
    struct recovery_parts parts;
    TRY(open_source(r));
    TRY(read_old(r));
    TRY(read_backup(r));
    clock_format(r->load.begin.created_at_ms, r->report->created_at);
    r->report->rows = r->load.read.rows;
    r->report->files = r->load.read.files;
    TRY(said(r, start_vault(r, &parts)));
    TRY(said(r, keep_recovery(r, &parts)));
    TRY(said(r, open_store(r, &parts)));
    TRY(check_stamp(r));
    progress_auto(&r->progress);
    r->progress = progress_make("verifying", PROGRESS_ITEMS, r->load.to_verify);
    TRY(restore_verify(r->store, r->vault.vault, &r->progress, r->report, r->why));
    return finish(r);
}

enum err restore_run(const struct restore_options *options, struct restore_report *ret,
                     char ret_why[static DATADIR_WHY_BYTES])
{
    AUTO(restoring)
    struct restoring r = {.options = options,
                          .report = ret,
                          .why = ret_why,
                          .source = -1,
                          .dir = {.lock = -1},
                          .vault = {.supervisor = -1}};
    *ret = (struct restore_report){.rows = 0};
    ret_why[0] = 0;
    restore_load_init(&r.load);
    return said(&r, run(&r));
}
