#include "restore_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

#define WORK       ".restoring"
#define MEMORY     "/dev/shm"
#define CHECK_NAME "safelight-check-"

/* In the order in which they take their places. */
static const char *const parts[] = {"spool", "db", "recovery.pub", "root.key"};
enum { TREE_FDS = 8 };

static enum err explain(char *why, enum err e, const char *path, const char *what)
{
    snprintf(why, DATADIR_WHY_BYTES, "%s %s", path, what);
    return e;
}

static enum err system_error(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_IO;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, TREE_FDS, FTW_DEPTH | FTW_PHYS);
}

/* Empty, or with what a restore that was killed has left: then there is no root key yet. */
static bool may_begin(const char *data, bool *ret_left)
{
    bool other = false, left = false, part = false;
    DIR *dir = opendir(data);
    if (!dir)
        return false;
    for (const struct dirent *d; (d = readdir(dir)) != NULL;) {
        const char *name = d->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (strcmp(name, WORK) == 0)
            left = true;
        else if (strcmp(name, "spool") == 0 || strcmp(name, "db") == 0 ||
                 strcmp(name, "recovery.pub") == 0)
            part = true;
        else
            other = true;
    }
    closedir(dir);
    *ret_left = left;
    return !other && (left || !part);
}

/* Held until the end: two restores into one place do not meet. */
static enum err lock_folder(struct restore_dir *d, char *why)
{
    d->lock = open(d->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (d->lock >= 0 && flock(d->lock, LOCK_EX | LOCK_NB) == 0)
        return OK;
    if (d->lock < 0)
        return explain(why, ERR_CONFLICT, d->data,
                       "is not an empty folder; name a new one: a restore never writes over data");
    d->made_data = false; /* it is the other one's now */
    return explain(why, ERR_CONFLICT, d->data, "is being restored to by another command");
}

static void remove_parts(const struct restore_dir *d)
{
    char path[DATADIR_PATH_MAX_BYTES];
    for (size_t i = 0; i + 1 < ARRAY_LEN(parts); i++) {
        if (datadir_path(d->data, parts[i], path) == OK)
            remove_tree(path);
    }
}

static enum err begin_in_data(struct restore_dir *d, char *why)
{
    bool left = false;
    d->made_data = mkdir(d->data, 0700) == 0;
    if (!d->made_data && errno != EEXIST)
        return explain(why, system_error(), d->data,
                       "cannot be made; does the folder above it exist?");
    TRY(lock_folder(d, why));
    if (!may_begin(d->data, &left))
        return explain(why, ERR_CONFLICT, d->data,
                       "is not an empty folder; name a new one: a restore never writes over data");
    TRY(datadir_path(d->data, WORK, d->path));
    if (left) { /* of one that was killed */
        remove_parts(d);
        remove_tree(d->path);
    }
    if (chmod(d->data, 0700) != 0 || mkdir(d->path, 0700) != 0)
        return explain(why, system_error(), d->path, "cannot be made");
    return OK;
}

/* What a check that was killed has left: nobody holds its lock, and its process is gone (it has no
 * lock yet for a moment). */
static void sweep_one(const char *name)
{
    char path[DATADIR_PATH_MAX_BYTES];
    struct stat st;
    int pid = 0;
    if (sscanf(name, CHECK_NAME "%d-", &pid) != 1 || pid <= 0 || kill(pid, 0) == 0 ||
        errno != ESRCH || datadir_path(MEMORY, name, path) != OK)
        return;
    AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        remove_tree(path);
}

static void sweep(void)
{
    DIR *dir = opendir(MEMORY);
    if (!dir)
        return;
    for (const struct dirent *d; (d = readdir(dir)) != NULL;)
        sweep_one(d->d_name);
    closedir(dir);
}

/* Nothing of a check reaches a disk. */
static enum err begin_in_memory(struct restore_dir *d, char *why)
{
    sweep();
    snprintf(d->path, sizeof d->path, MEMORY "/" CHECK_NAME "%d-XXXXXX", (int)getpid());
    if (mkdtemp(d->path))
        d->lock = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (d->lock >= 0 && flock(d->lock, LOCK_EX | LOCK_NB) == 0)
        return OK;
    return explain(why, system_error(), MEMORY,
                   "cannot be used: a check needs a file system in memory there; or restore "
                   "into a new folder, and remove it");
}

enum err restore_dir_begin(const char *data, struct restore_dir *ret,
                           char ret_why[static DATADIR_WHY_BYTES])
{
    *ret = (struct restore_dir){.data = data, .lock = -1};
    enum err e = data ? begin_in_data(ret, ret_why) : begin_in_memory(ret, ret_why);
    ret->begun = e == OK;
    if (e == OK)
        e = data ? datadir_fill(ret->path, ret_why) : datadir_fill_folders(ret->path, ret_why);
    if (e != OK)
        restore_dir_auto(ret);
    return e;
}

enum err restore_dir_commit(struct restore_dir *d, bool *ret_synced,
                            char ret_why[static DATADIR_WHY_BYTES])
{
    char from[DATADIR_PATH_MAX_BYTES], to[DATADIR_PATH_MAX_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (i > 0) /* what came before is there for good before the next one is */
            TRY(io_sync_folder(d->data));
        TRY(datadir_path(d->path, parts[i], from));
        TRY(datadir_path(d->data, parts[i], to));
        if (rename(from, to) != 0)
            return explain(ret_why, system_error(), to, "cannot be put in its place");
    }
    /* With the root key in its place it is a data directory: nothing is taken back any more, and
     * no error may say that nothing was restored. */
    d->begun = false;
    *ret_synced = io_sync_folder(d->data) == OK;
    remove_tree(d->path);
    io_close(&d->lock);
    if (io_sync_folder(d->data) != OK)
        *ret_synced = false;
    return OK;
}

void restore_dir_auto(struct restore_dir *d)
{
    if (d->begun) {
        remove_tree(d->path);
        if (d->data)
            remove_parts(d);
    }
    if (d->data && d->made_data)
        (void)rmdir(d->data); /* refused when there is anything in it */
    d->begun = false;
    io_close(&d->lock);
}
