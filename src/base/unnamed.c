#include "unnamed.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "io.h"
#include "random.h"

enum { NAME_TRIES = 20, LINK_TEXT_BYTES = 32 };

/* Before anything is fetched for it: could a file have this name? */
static enum err look(const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0 || errno == ENOENT)
        return OK;
    return errno == ENAMETOOLONG ? ERR_INVALID : ERR_IO;
}

static enum err choose_part(struct unnamed *f)
{
    unsigned char some[3];
    random_bytes(some, sizeof some);
    int n = snprintf(f->part, sizeof f->part, "%s.part-%02x%02x%02x", f->path, some[0], some[1],
                     some[2]);
    return n < 0 || n >= (int)sizeof f->part ? ERR_INVALID : look(f->part);
}

static void set_named(struct unnamed *f, bool named)
{
    f->named = named;
    interrupt_file(named ? f->part : NULL);
}

static enum err open_named(struct unnamed *f, mode_t mode)
{
    for (int i = 0; i < NAME_TRIES; i++) {
        TRY(choose_part(f));
        f->fd = open(f->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (f->fd >= 0) {
            set_named(f, true);
            return OK;
        }
        if (errno != EEXIST)
            return ERR_IO;
    }
    return ERR_IO;
}

/* By this a file without a name is given one. */
static bool link_text(int fd, char ret[static LINK_TEXT_BYTES])
{
    snprintf(ret, LINK_TEXT_BYTES, "/proc/self/fd/%d", fd);
    return access(ret, F_OK) == 0; /* /proc is not there everywhere */
}

enum err unnamed_open(const char *path, mode_t mode, struct unnamed *ret)
{
    char folder[PATH_MAX], link[LINK_TEXT_BYTES];
    size_t length = strlen(path);
    *ret = (struct unnamed){.fd = -1, .path = path};
    if (length == 0 || length >= sizeof folder || path[length - 1] == '/')
        return ERR_INVALID;
    TRY(look(path));
    TRY(choose_part(ret));
    memcpy(folder, path, length + 1);
    AUTO(fd) int fd = open(dirname(folder), O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
    if (fd < 0 || !link_text(fd, link))
        return open_named(ret, mode);
    ret->fd = fd;
    fd = -1;
    return OK;
}

static enum err from_errno(void)
{
    return errno == EEXIST                      ? ERR_CONFLICT
           : errno == ENOENT                    ? ERR_NOT_FOUND
           : errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL
                                                : ERR_IO;
}

static enum err give_name(struct unnamed *f, const char *name)
{
    char from[LINK_TEXT_BYTES];
    (void)link_text(f->fd, from);
    return linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 ? OK : from_errno();
}

enum err unnamed_keep(struct unnamed *f, bool replace)
{
    if (fsync(f->fd) != 0 && errno != EINVAL && errno != EROFS)
        return from_errno();
    if (!f->named) {
        enum err e = give_name(f, f->path);
        if (e != ERR_CONFLICT || !replace)
            return e;
        TRY(give_name(f, f->part)); /* no call names a file in another one's place */
        set_named(f, true);
    }
    if (!replace)
        TRY(io_move_new(f->part, f->path));
    else if (rename(f->part, f->path) != 0)
        return from_errno();
    set_named(f, false);
    return OK;
}

void unnamed_auto(struct unnamed *f)
{
    io_close(&f->fd);
    if (!f->named)
        return;
    (void)unlink(f->part);
    set_named(f, false);
}
