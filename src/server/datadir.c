#include "datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "io.h"
#include "random.h"

enum err datadir_path(const char *data, const char *name, char ret[static DATADIR_PATH_MAX_BYTES])
{
    int n = snprintf(ret, DATADIR_PATH_MAX_BYTES, "%s/%s", data, name);
    return n > 0 && n < DATADIR_PATH_MAX_BYTES ? OK : ERR_TOO_LARGE;
}

static enum err explain(char *why, enum err e, const char *path, const char *what)
{
    snprintf(why, DATADIR_WHY_BYTES, "%s %s", path, what);
    return e;
}

static bool is_empty(const char *folder)
{
    DIR *d = opendir(folder);
    if (!d)
        return false;
    unsigned entries = 0;
    while (readdir(d))
        entries++;
    closedir(d);
    return entries <= 2; /* . and .. */
}

static enum err make_root_key(const char *path)
{
    uint8_t key[DATADIR_ROOT_KEY_BYTES];
    random_bytes(key, sizeof key);
    enum err e = io_replace_file(path, str_bytes(key, sizeof key), 0600);
    wipe(key, sizeof key);
    return e;
}

enum err datadir_fill_folders(const char *data, char ret_why[static DATADIR_WHY_BYTES])
{
    char path[DATADIR_PATH_MAX_BYTES];
    static const char *const folders[] = {"db", "spool"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        TRY(datadir_path(data, folders[i], path));
        if (mkdir(path, 0700) != 0)
            return explain(ret_why, errno == ENOSPC ? ERR_STORE_FULL : ERR_IO, path,
                           "cannot be made");
    }
    return OK;
}

enum err datadir_fill(const char *data, char ret_why[static DATADIR_WHY_BYTES])
{
    char path[DATADIR_PATH_MAX_BYTES];
    TRY(datadir_fill_folders(data, ret_why));
    TRY(datadir_path(data, "root.key", path));
    enum err e = make_root_key(path);
    return e == OK ? OK : explain(ret_why, e, path, "cannot be written");
}

enum err datadir_create(const char *data, char ret_why[static DATADIR_WHY_BYTES])
{
    if (mkdir(data, 0700) != 0 && errno != EEXIST)
        return explain(ret_why, ERR_IO, data, "cannot be made; does the folder above it exist?");
    if (!is_empty(data))
        return explain(ret_why, ERR_CONFLICT, data,
                       "is not an empty folder; name a new one, or start what is there with serve");
    if (chmod(data, 0700) != 0)
        return explain(ret_why, ERR_IO, data,
                       "cannot be made private (0700); choose a folder of your own");
    return datadir_fill(data, ret_why);
}

static enum err check_one(const char *path, bool folder, char *why)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return explain(why, ERR_NOT_FOUND, path,
                       folder ? "is not there; make it with: safelight init --data DIR"
                              : "is not there; without its root key a store cannot be opened");
    if (folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
        return explain(why, ERR_FORBIDDEN, path,
                       folder ? "must be a folder, not a link to one"
                              : "must be a plain file, not a link");
    if (st.st_uid != geteuid())
        return explain(
            why, ERR_FORBIDDEN, path,
            "belongs to another user; run this as its owner (as root: runuser -u OWNER -- "
            "safelight ...), or chown it if it is yours");
    if ((st.st_mode & 077) == 0)
        return OK;
    snprintf(why, DATADIR_WHY_BYTES, "%s is open to others; mend it with: chmod %s %s", path,
             folder ? "700" : "600", path);
    return ERR_FORBIDDEN;
}

static const char *credentials_folder(void)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    return folder && folder[0] ? folder : NULL;
}

/* The credential's path if there is one; its folder is the service manager's, so its permissions
 * are not judged. */
static bool credential_path(char ret[static DATADIR_PATH_MAX_BYTES])
{
    const char *folder = credentials_folder();
    return folder && datadir_path(folder, "safelight-root-key", ret) == OK &&
           access(ret, F_OK) == 0;
}

enum err datadir_check_folders(const char *data, char ret_why[static DATADIR_WHY_BYTES])
{
    char path[DATADIR_PATH_MAX_BYTES];
    TRY(check_one(data, true, ret_why));
    static const char *const folders[] = {"db", "spool"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        TRY(datadir_path(data, folders[i], path));
        TRY(check_one(path, true, ret_why));
    }
    return OK;
}

enum err datadir_check(const char *data, char ret_why[static DATADIR_WHY_BYTES])
{
    char path[DATADIR_PATH_MAX_BYTES];
    TRY(datadir_check_folders(data, ret_why));
    if (credential_path(path))
        return OK;
    TRY(datadir_path(data, "root.key", path));
    TRY(check_one(path, false, ret_why));
    struct stat st;
    if (stat(path, &st) != 0 || st.st_size != DATADIR_ROOT_KEY_BYTES)
        return explain(ret_why, ERR_INVALID, path,
                       "is not a root key (32 bytes); put the right one back");
    return OK;
}

enum err datadir_open_root(const char *data, int *ret_root, int *ret_next,
                           char ret_why[static DATADIR_WHY_BYTES])
{
    char path[DATADIR_PATH_MAX_BYTES], next[DATADIR_PATH_MAX_BYTES];
    if (!credential_path(path))
        TRY(datadir_path(data, "root.key", path));
    TRY(datadir_path(data, "root.key.next", next));
    int root = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (root < 0)
        return explain(ret_why, ERR_IO, path, "cannot be opened");
    *ret_root = root;
    *ret_next = open(next, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return OK;
}

static const char *recovery_name(bool next)
{
    return next ? "recovery.pub.next" : "recovery.pub";
}

int datadir_open_recovery(const char *data, bool next)
{
    char path[DATADIR_PATH_MAX_BYTES];
    struct stat st;
    errno = ENAMETOOLONG;
    if (datadir_path(data, recovery_name(next), path) != OK)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    bool seen = fstat(fd, &st) == 0;
    if (seen && S_ISREG(st.st_mode))
        return fd;
    io_close(&fd);
    errno = seen ? ENOENT : EIO;
    return -1;
}

bool datadir_recovery_may_be(const char *data, struct str bytes)
{
    AUTO(buf) struct buf there = buf_make(bytes.len);
    AUTO(fd) int fd = datadir_open_recovery(data, false);
    if (fd < 0)
        return errno != ENOENT && errno != ELOOP;
    enum err e = io_read_all(fd, &there);
    return e == OK ? str_equal(buf_str(&there), bytes) : e != ERR_TOO_LARGE;
}

enum err datadir_put_recovery(const char *data, bool next, struct str bytes)
{
    char path[DATADIR_PATH_MAX_BYTES];
    TRY(datadir_path(data, recovery_name(next), path));
    return io_replace_file(path, bytes, 0600);
}

enum err datadir_remove_recovery(const char *data, bool next)
{
    char path[DATADIR_PATH_MAX_BYTES];
    TRY(datadir_path(data, recovery_name(next), path));
    if (unlink(path) != 0 && errno != ENOENT)
        return ERR_IO;
    return io_sync_folder(data);
}

bool datadir_holds(const char *folder, const char *path)
{
    char real[PATH_MAX];
    if (!realpath(folder, real))
        return false;
    size_t len = strlen(real);
    return strncmp(path, real, len) == 0 && (path[len] == '/' || real[len - 1] == '/');
}

enum err datadir_path_of(int fd, char ret[static DATADIR_PATH_MAX_BYTES])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, ret, DATADIR_PATH_MAX_BYTES - 1);
    if (n <= 0 || n >= DATADIR_PATH_MAX_BYTES - 1)
        return ERR_IO;
    ret[n] = 0;
    return OK;
}

enum err datadir_next_root(const char *data, int *ret_next)
{
    char path[DATADIR_PATH_MAX_BYTES];
    if (credential_path(path))
        return ERR_CONFLICT;
    TRY(datadir_path(data, "root.key.next", path));
    if (access(path, F_OK) != 0)
        TRY(make_root_key(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return ERR_IO;
    *ret_next = fd;
    return OK;
}

enum err datadir_commit_root(const char *data)
{
    char next[DATADIR_PATH_MAX_BYTES], path[DATADIR_PATH_MAX_BYTES];
    TRY(datadir_path(data, "root.key.next", next));
    TRY(datadir_path(data, "root.key", path));
    /* Repeated after a crash: the rename already happened. */
    if (access(next, F_OK) != 0)
        return access(path, F_OK) == 0 ? OK : ERR_IO;
    if (rename(next, path) != 0)
        return ERR_IO;
    return io_sync_folder(data);
}
