#include "backup_make.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "backup_rows.h"
#include "clock.h"
#include "encode.h"
#include "io.h"
#include "limit.h"
#include "store_team.h"

enum { TRIES = 10, KEYS_BATCH = 256 };

struct making {
    struct backup_make *m;
    struct store_tx *tx;
    struct backup_out *out;
    struct buf body;
    bool in_meta; /* the rows that come are of the table meta */
};

static void making_auto(struct making *k)
{
    store_read_end(k->m->store, &k->tx);
    backup_out_free(&k->out);
    buf_auto(&k->body);
}

/* --- the keyring that fits the snapshot --- */

/* Is every team key of the snapshot wrapped under a master version that is held? */
static enum err keys_are_held(struct store_tx *tx, const struct vault_status *status, bool *ret)
{
    struct ulid team;
    uint32_t version = 0;
    *ret = true;
    TRY(ulid_from(STR("00000000000000000000000000"), &team));
    for (;;) {
        AUTO(arena) struct arena a = arena_make();
        struct team_key_row *rows;
        size_t count;
        TRY(store_team_keys_after(tx, ulid_str(&team), version, KEYS_BATCH, &a, &rows, &count));
        for (size_t i = 0; i < count; i++) {
            uint32_t key, master;
            TRY(vault_team_key_versions(rows[i].team_key, &key, &master));
            if (master > status->master_version ||
                master + status->master_versions <= status->master_version)
                *ret = false;
            team = rows[i].team_id;
            version = rows[i].key_version;
        }
        if (count < KEYS_BATCH || !*ret)
            return OK;
    }
}

/* Master keys may change hands while this runs: then the keyring of a moment earlier or later does
 * not open all that is in the snapshot. */
static enum err snapshot_once(struct making *k, struct buf *export)
{
    struct vault_status before, after;
    bool held;
    TRY(store_read_begin(k->m->store, &k->tx));
    TRY(vault_status(k->m->vault, &before));
    TRY(vault_recovery_export(k->m->vault, export));
    TRY(vault_status(k->m->vault, &after));
    TRY(keys_are_held(k->tx, &after, &held));
    bool same = before.master_version == after.master_version &&
                before.master_versions == after.master_versions;
    return held && same ? OK : ERR_AGAIN;
}

static enum err snapshot(struct making *k, struct buf *export)
{
    enum err e = ERR_AGAIN;
    for (int i = 0; i < TRIES && e == ERR_AGAIN; i++) {
        store_read_end(k->m->store, &k->tx);
        e = snapshot_once(k, export);
    }
    return e;
}

/* --- rows --- */

static enum err put(struct making *k, enum backup_record type)
{
    return backup_out_record(k->out, type, buf_str(&k->body));
}

static enum err on_table(void *ctx, const struct store_table *t)
{
    struct making *k = ctx;
    k->in_meta = str_is(t->name, "meta");
    TRY(backup_table_encode(t, &k->body));
    return put(k, BACKUP_TABLE);
}

static enum err on_row(void *ctx, const struct store_value *values, size_t count)
{
    struct making *k = ctx;
    /* The keyring under the root key stays at home. */
    if (k->in_meta && str_is(values[0].bytes, "keyring"))
        return OK;
    TRY(backup_row_encode(values, count, &k->body));
    k->m->ret_rows++;
    return put(k, BACKUP_ROW);
}

/* --- files --- */

/* What is half there is not taken along. */
static bool is_whole(struct str name)
{
    return backup_file_name_valid(name) && !str_ends(name, STR(".part"));
}

uint64_t backup_make_spool_bytes(const char *folder)
{
    DIR *dir = folder ? opendir(folder) : NULL;
    uint64_t sum = 0;
    if (!dir)
        return 0;
    for (const struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct stat st;
        if (is_whole(str_from(d->d_name)) &&
            fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    }
    closedir(dir);
    return sum;
}

static enum err put_bytes(struct making *k, int fd, uint64_t left)
{
    AUTO(buf) struct buf piece = buf_make(BACKUP_DATA_BYTES);
    TRY(buf_reserve(&piece, BACKUP_DATA_BYTES));
    while (left) {
        size_t want = left < BACKUP_DATA_BYTES ? (size_t)left : BACKUP_DATA_BYTES;
        ssize_t got = read(fd, piece.ptr, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) /* a file in the spool is whole and stays as it is */
            return ERR_IO;
        TRY(backup_out_record(k->out, BACKUP_DATA, str_bytes(piece.ptr, (size_t)got)));
        left -= (uint64_t)got;
    }
    return OK;
}

static enum err put_file(struct making *k, int folder, const char *name)
{
    struct stat st;
    AUTO(fd) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP))
        return OK; /* delivered or removed meanwhile */
    if (fd < 0 || fstat(fd, &st) != 0)
        return ERR_IO;
    if (!S_ISREG(st.st_mode))
        return OK;
    struct backup_file f = {str_from(name), (uint64_t)st.st_size};
    TRY(backup_file_encode(&f, &k->body));
    TRY(put(k, BACKUP_FILE));
    k->m->ret_files++;
    return put_bytes(k, fd, f.size_bytes);
}

static enum err put_files(struct making *k)
{
    DIR *dir = opendir(k->m->spool_folder);
    enum err e = dir ? OK : ERR_IO;
    for (const struct dirent *d; e == OK && (d = readdir(dir)) != NULL;) {
        if (is_whole(str_from(d->d_name)))
            e = put_file(k, dirfd(dir), d->d_name);
    }
    if (dir)
        closedir(dir);
    return e;
}

/* --- the whole --- */

static enum err put_begin(struct making *k, struct str export)
{
    AUTO(arena) struct arena a = arena_make();
    struct backup_begin b = {.created_at_ms = clock_unix_ms(),
                             .with_spool = k->m->spool_folder != NULL,
                             .spool_bytes = backup_make_spool_bytes(k->m->spool_folder),
                             .program = STR(SAFELIGHT_VERSION),
                             .export = export};
    TRY(store_copy_schema(k->tx, &b.schema_version));
    TRY(store_copy_size(k->tx, &b.database_bytes));
    TRY(store_instance_get(k->tx, &a, &b.instance_id));
    TRY(backup_begin_encode(&b, &k->body));
    return put(k, BACKUP_BEGIN);
}

static enum err open_for(struct making *k, struct str export)
{
    struct recovery_parts parts;
    uint8_t id[RECOVERY_ID_BYTES];
    AUTO(buf) struct buf hex = buf_make(2 * RECOVERY_ID_BYTES);
    TRY(recovery_export_read(export, &parts));
    recovery_id(parts.public_key, id);
    TRY(encode_hex(&hex, str_bytes(id, sizeof id)));
    TRY(str_to_text(buf_str(&hex), k->m->ret_key_id, sizeof k->m->ret_key_id));
    return backup_out_open(parts.public_key, k->m->sink, k->m->sink_ctx, &k->out);
}

static enum err put_rows(struct making *k)
{
    const struct store_copy_sink sink = {on_table, on_row, k};
    TRY(store_copy_out(k->tx, &sink));
    store_read_end(k->m->store, &k->tx); /* the files are copied without holding the snapshot */
    buf_reset(&k->body);
    return put(k, BACKUP_ROWS_END);
}

static enum err put_stamp(struct making *k)
{
    uint8_t digest[HASH_BYTES], stamp[HASH_BYTES];
    backup_out_digest(k->out, digest);
    TRY(vault_backup_stamp(k->m->vault, digest, stamp));
    buf_reset(&k->body);
    TRY(buf_put(&k->body, str_bytes(stamp, sizeof stamp)));
    return put(k, BACKUP_STAMP);
}

enum err backup_make(struct backup_make *m)
{
    AUTO(making) struct making k = {.m = m, .body = buf_make(BACKUP_RECORD_MAX_BYTES)};
    AUTO(buf) struct buf export = buf_make(RECOVERY_EXPORT_MAX_BYTES);
    m->ret_rows = m->ret_files = m->ret_bytes = 0;
    TRY(snapshot(&k, &export));
    TRY(open_for(&k, buf_str(&export)));
    TRY(put_begin(&k, buf_str(&export)));
    TRY(put_rows(&k));
    if (m->spool_folder)
        TRY(put_files(&k));
    buf_reset(&k.body);
    TRY(put(&k, BACKUP_FILES_END));
    TRY(put_stamp(&k));
    if (m->record)
        TRY(m->record(m->record_ctx, m));
    TRY(backup_out_end(k.out));
    m->ret_bytes = backup_out_bytes(k.out);
    return OK;
}
