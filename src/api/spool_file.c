#include "spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arena.h"
#include "io.h"

static enum err disk_error(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_IO;
}

enum err spool_file_open(const char *folder, struct str part_name, struct str name,
                         int64_t max_bytes, struct spool_file *ret)
{
    AUTO(arena) struct arena a = arena_make();
    struct str part =
        arena_printf(&a, "%s/%.*s" SPOOL_PART_SUFFIX, folder, (int)part_name.len, part_name.ptr);
    int fd = open(part.ptr, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST ? ERR_CONFLICT : disk_error();
    *ret = (struct spool_file){
        .folder = folder,
        .fd = fd,
        .part = str_dup(part),
        .place = str_dup(arena_printf(&a, "%s/%.*s", folder, (int)name.len, name.ptr)),
        .max_bytes = max_bytes};
    return OK;
}

enum err spool_file_put(struct spool_file *f, struct str bytes)
{
    if (bytes.len > INT64_MAX || (int64_t)bytes.len > f->max_bytes - f->bytes)
        return ERR_TOO_LARGE;
    TRY(io_write_all(f->fd, bytes));
    f->bytes += (int64_t)bytes.len;
    return OK;
}

enum err spool_file_sync(struct spool_file *f)
{
    return fsync(f->fd) == 0 ? OK : disk_error();
}

enum err spool_file_place(struct spool_file *f)
{
    if (rename(f->part, f->place) != 0)
        return ERR_IO;
    free(TAKE(f->part));
    return io_sync_folder(f->folder);
}

void spool_file_close(struct spool_file *f)
{
    io_close(&f->fd);
    if (f->part)
        (void)!unlink(f->part);
    free(TAKE(f->part));
    free(TAKE(f->place));
}
