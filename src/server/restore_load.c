#include "restore_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io.h"

void restore_load_init(struct restore_load *l)
{
    l->arena = arena_make();
    l->rows = NULL;
    l->file = -1;
    l->to_verify = 0;
    l->verified = false;
    l->why[0] = 0;
}

void restore_load_auto(struct restore_load *l)
{
    store_copy_in_close(&l->rows);
    io_close(&l->file);
    arena_auto(&l->arena);
}

static enum err explain(struct restore_load *l, enum err e, const char *what)
{
    snprintf(l->why, sizeof l->why, "%s", what);
    return e;
}

/* Told before an hour's work, not after it. */
static enum err enough_room(struct restore_load *l, const struct backup_begin *b)
{
    struct statvfs fs;
    uint64_t room, need = l->keep_files ? b->spool_bytes : 0;
    if (statvfs(l->folder, &fs) != 0 ||
        __builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &room) ||
        __builtin_add_overflow(need, b->database_bytes, &need) || need <= room)
        return OK;
    snprintf(l->why, sizeof l->why,
             "there is not enough room: the backup needs about %llu MiB, and %llu MiB are free",
             (unsigned long long)(need >> 20), (unsigned long long)(room >> 20));
    return ERR_STORE_FULL;
}

static enum err on_begin(void *ctx, const struct backup_begin *b)
{
    struct restore_load *l = ctx;
    char folder[DATADIR_PATH_MAX_BYTES];
    l->begin = *b;
    l->begin.instance_id = arena_str(&l->arena, b->instance_id);
    l->begin.program = arena_str(&l->arena, b->program);
    l->begin.export = arena_str(&l->arena, b->export);
    if (l->instance_id.len && !str_equal(l->instance_id, b->instance_id))
        return explain(l, ERR_CONFLICT,
                       "the old data directory is of another installation than the backup");
    TRY(enough_room(l, b));
    TRY(datadir_path(l->folder, "db", folder));
    enum err e = store_copy_in_open(folder, b->schema_version, &l->rows);
    return e == ERR_CONFLICT ? explain(l, e,
                                       "the backup was made by a newer version of Safelight; "
                                       "restore it with that version or a later one")
                             : e;
}

static enum err on_table(void *ctx, const struct store_table *t)
{
    struct restore_load *l = ctx;
    l->verified = str_is(t->name, "versions") || str_is(t->name, "audit");
    return store_copy_in_table(l->rows, t);
}

static enum err on_row(void *ctx, const struct store_value *values, size_t count)
{
    struct restore_load *l = ctx;
    l->to_verify += l->verified;
    return store_copy_in_row(l->rows, values, count);
}

static enum err on_rows_end(void *ctx)
{
    struct restore_load *l = ctx;
    TRY(store_copy_in_end(l->rows));
    store_copy_in_close(&l->rows);
    return OK;
}

static enum err on_file(void *ctx, const struct backup_file *f)
{
    struct restore_load *l = ctx;
    AUTO(arena) struct arena a = arena_make();
    const char *path =
        arena_printf(&a, "%s/spool/%.*s", l->folder, (int)f->name.len, f->name.ptr).ptr;
    l->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->file >= 0)
        return OK;
    return errno == EEXIST ? ERR_TAMPERED : errno == ENOSPC ? ERR_STORE_FULL : ERR_IO;
}

static enum err on_data(void *ctx, struct str bytes)
{
    struct restore_load *l = ctx;
    return l->keep_files ? io_write_all(l->file, bytes) : OK;
}

static enum err on_file_end(void *ctx)
{
    struct restore_load *l = ctx;
    if (l->keep_files && fsync(l->file) != 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_IO;
    io_close(&l->file);
    return OK;
}

enum err restore_load_all(struct restore_load *l, struct backup_in *in)
{
    const struct backup_target to = {.begin = on_begin,
                                     .table = on_table,
                                     .row = on_row,
                                     .rows_end = on_rows_end,
                                     .file = on_file,
                                     .data = on_data,
                                     .file_end = on_file_end,
                                     .ctx = l};
    char spool[DATADIR_PATH_MAX_BYTES];
    TRY(backup_read(in, &to, &l->read));
    TRY(datadir_path(l->folder, "spool", spool));
    return io_sync_folder(spool);
}
