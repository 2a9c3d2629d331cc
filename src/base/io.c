#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err from_errno(void)
{
    return errno == ENOENT                                        ? ERR_NOT_FOUND
           : errno == ENOSPC || errno == EROFS || errno == EDQUOT ? ERR_STORE_FULL
                                                                  : ERR_IO;
}

enum err io_write_all(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return from_errno();
        bytes = str_slice(bytes, (size_t)n, bytes.len);
    }
    return OK;
}

enum err io_read_all(int fd, struct buf *out)
{
    for (;;) {
        size_t room = out->max - out->len;
        if (room == 0) {
            char extra;
            return read(fd, &extra, 1) == 0 ? OK : ERR_TOO_LARGE;
        }
        size_t want = room < 65536 ? room : 65536;
        TRY(buf_reserve(out, want));
        ssize_t n = read(fd, out->ptr + out->len, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            return OK;
        out->len += (size_t)n;
    }
}

enum err io_read_file(const char *path, struct buf *out)
{
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return from_errno();
    return io_read_all(fd, out);
}

enum err io_sync_folder(const char *path)
{
    AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return from_errno();
    return fsync(fd) == 0 ? OK : from_errno();
}

static enum err write_and_sync(const char *path, struct str bytes, int mode)
{
    AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return from_errno();
    if (fchmod(fd, (mode_t)mode) != 0)
        return from_errno();
    TRY(io_write_all(fd, bytes));
    return fsync(fd) == 0 ? OK : from_errno();
}

enum err io_replace_file(const char *path, struct str bytes, int mode)
{
    char fresh[PATH_MAX], folder[PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return ERR_INVALID;
    snprintf(folder, sizeof folder, "%s", path);
    enum err e = write_and_sync(fresh, bytes, mode);
    if (e == OK && rename(fresh, path) != 0)
        e = from_errno();
    if (e != OK) {
        unlink(fresh);
        return e;
    }
    return io_sync_folder(dirname(folder));
}

static bool flags_unknown(void)
{
    return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
}

/* With a moment between the look and the rename. */
static enum err move_if_free(const char *from, const char *to)
{
    struct stat st;
    if (lstat(to, &st) == 0)
        return ERR_CONFLICT;
    if (errno != ENOENT)
        return from_errno();
    return rename(from, to) == 0 ? OK : from_errno();
}

enum err io_move_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return OK;
    if (!flags_unknown())
        return errno == EEXIST ? ERR_CONFLICT : from_errno();
    /* NFS and many FUSE file systems know no flags of a rename, but two names for one file; those
     * before a store of objects not even that. */
    if (link(from, to) == 0)
        return unlink(from) == 0 ? OK : from_errno();
    if (flags_unknown() || errno == EPERM || errno == EMLINK)
        return move_if_free(from, to);
    return errno == EEXIST ? ERR_CONFLICT : from_errno();
}

enum err io_tell(struct str bytes)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGPIPE, &ignore, &before);
    enum err e = io_write_all(STDOUT_FILENO, bytes);
    sigaction(SIGPIPE, &before, NULL);
    TRY(e);
    /* What is no file cannot be synced, and says EINVAL. */
    return fsync(STDOUT_FILENO) == 0 || flags_unknown() ? OK : from_errno();
}

enum err io_open_standard(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR); /* the lowest number that is free */
        if (fd < 0)
            return ERR_IO;
    } while (fd <= STDERR_FILENO);
    close(fd);
    return OK;
}

void io_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void fd_auto(int *fd)
{
    io_close(fd);
}
