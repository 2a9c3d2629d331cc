#include "backup_place.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "offline.h"

enum { OPEN_TRIES = 10 };

void backup_place_auto(struct backup_place *p)
{
    progress_auto(&p->progress);
    if (!p->path)
        return;
    if (p->fd >= 0 && p->part[0])
        (void)unlink(p->part);
    io_close(&p->fd);
}

static enum err because(const char **why, enum err e, const char *what)
{
    *why = what;
    return e;
}

/* Is it still what stands there? Between opening and locking, the one who had the lock may have put
 * it in its place. */
static bool stands_there(const char *path, int fd)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

/* What a backup has begun, under no other name: nothing else is written over (ERR_FORBIDDEN).
 * ERR_AGAIN: it has no name any more, by the one who had it. */
static enum err check_ours(int fd)
{
    static const char magic[] = BACKUP_MAGIC;
    char begin[sizeof magic - 1];
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink > 1)
        return ERR_FORBIDDEN;
    if (st.st_nlink == 0)
        return ERR_AGAIN;
    if (st.st_size == 0)
        return OK;
    ssize_t n = pread(fd, begin, sizeof begin, 0);
    return n >= 0 && memcmp(begin, magic, (size_t)n) == 0 ? OK : ERR_FORBIDDEN;
}

/* One that was killed left its file, which is taken over; the lock says that nobody is at it. Where
 * a file system keeps no locks (NFS without lockd) only a file that was not there will do. */
static enum err open_once(struct backup_place *p, const char **why)
{
    static const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    AUTO(fd) int fd = open(p->part, flags | O_WRONLY | O_CREAT | O_EXCL, 0600);
    bool fresh = fd >= 0, taken = !fresh && errno == EEXIST;
    if (taken)
        fd = open(p->part, flags | O_RDWR);
    if (fd < 0 && taken && errno == ENOENT)
        return ERR_AGAIN; /* it was moved into its place meanwhile */
    if (fd < 0 && errno == ENOENT && access(p->part, F_OK) != 0)
        return because(why, ERR_IO, "the file cannot be made there; does its folder exist?");
    /* Another one may be at a new one already, which cannot be looked into: the lock tells. */
    enum err ours = fresh ? OK : fd < 0 ? ERR_FORBIDDEN : check_ours(fd);
    if (ours == ERR_AGAIN)
        return ours;
    if (ours != OK)
        return because(why, ERR_IO,
                       "its .partial file cannot be written there: the folder is not yours to "
                       "write, or something else has that name");
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && (errno == EWOULDBLOCK || !fresh))
        return because(why, ERR_CONFLICT,
                       errno == EWOULDBLOCK
                           ? "another backup is being written there"
                           : "its .partial file is there already, of a backup under way or one "
                             "that was killed; if none is under way, remove it");
    if (!stands_there(p->part, fd))
        return ERR_AGAIN;
    if (fchmod(fd, 0600) != 0 || ftruncate(fd, 0) != 0)
        return because(why, ERR_IO, "the file cannot be written");
    p->fd = fd;
    fd = -1;
    return OK;
}

enum err backup_place_open(struct backup_place *p, const char **why)
{
    enum err e = ERR_AGAIN;
    if (!p->path) {
        p->fd = STDOUT_FILENO;
        return OK;
    }
    if (access(p->path, F_OK) == 0)
        return because(why, ERR_CONFLICT,
                       "there is a file of that name already; choose another one");
    int n = snprintf(p->part, sizeof p->part, "%s.partial", p->path);
    if (n < 0 || n >= (int)sizeof p->part)
        return because(why, ERR_IO, "the name is too long");
    for (int i = 0; i < OPEN_TRIES && e == ERR_AGAIN; i++)
        e = open_once(p, why);
    return e == ERR_AGAIN ? because(why, ERR_CONFLICT, "another backup is being written there") : e;
}

enum err backup_place_put(void *place, struct str bytes)
{
    struct backup_place *p = place;
    if (offline_interrupted())
        return ERR_AGAIN;
    if (p->bytes < sizeof p->head) {
        size_t room = sizeof p->head - (size_t)p->bytes;
        memcpy(p->head + p->bytes, bytes.ptr, bytes.len < room ? bytes.len : room);
    }
    p->failed = io_write_all(p->fd, bytes);
    TRY(p->failed);
    p->bytes += bytes.len;
    progress_at(&p->progress, p->bytes);
    return OK;
}

static enum err move(struct backup_place *p)
{
    char folder[DATADIR_PATH_MAX_BYTES];
    if (fsync(p->fd) != 0)
        return errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_IO;
    TRY(io_move_new(p->part, p->path));
    p->part[0] = 0;
    snprintf(folder, sizeof folder, "%s", p->path);
    p->unsynced = io_sync_folder(dirname(folder)) != OK; /* it is there: no error any more */
    return OK;
}

enum err backup_place_keep(struct backup_place *p, const char **why)
{
    progress_auto(&p->progress);
    enum err e = p->path ? move(p) : OK;
    switch (e) {
    case OK:
        return OK;
    case ERR_CONFLICT:
        return because(why, e, "there is a file of that name now; choose another one");
    case ERR_STORE_FULL:
        return because(why, e, "the file cannot be kept: the disk is full");
    case ERR_NOT_FOUND:
        return because(why, e, "its .partial file was removed meanwhile; there is no backup");
    default:
        return because(why, e,
                       "the file cannot be synced, or not get its name: something is wrong with "
                       "the disk or file system there");
    }
}
