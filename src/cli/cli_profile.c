#include "cli_profile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "json_decode.h"
#include "json_encode.h"

enum { FILE_MAX_BYTES = 16 * 1024, TOKEN_MAX_BYTES = 2048, PROFILES_MAX = 1000 };
#define SUFFIX  ".profile"
#define CURRENT "current"

void profile_auto(struct profile *p)
{
    secret_free(&p->token);
}

bool profile_name_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (i == 0 || !(c == '.' || c == '_' || c == '-')))
            return false;
    }
    return name.len > 0 && name.len <= PROFILE_NAME_MAX_BYTES;
}

static enum err explain(char *why, enum err e, const char *text)
{
    snprintf(why, PROFILE_WHY_BYTES, "%s", text);
    return e;
}

/* --- the folder --- */

static enum err folder_path(char ret[static PATH_MAX], char *why)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = -1;
    if (config && config[0] == '/') /* else to be ignored, says its specification */
        n = snprintf(ret, PATH_MAX, "%s/safelight", config);
    else if (home && home[0] == '/')
        n = snprintf(ret, PATH_MAX, "%s/.config/safelight", home);
    if (n < 0 || n >= PATH_MAX)
        return explain(why, ERR_INVALID, "set HOME (or XDG_CONFIG_HOME) to find the profiles");
    return OK;
}

/* Makes what is missing of the path, each folder for us alone. */
static enum err make_folders(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        bool there = mkdir(path, 0700) == 0 || errno == EEXIST;
        *at = '/';
        if (!there)
            return ERR_IO;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST ? OK : ERR_IO;
}

static enum err check_owner(const struct stat *st, mode_t closed, const char *what, char *why)
{
    if (st->st_uid != geteuid()) {
        snprintf(why, PROFILE_WHY_BYTES, "%s belongs to someone else; it is not used", what);
        return ERR_FORBIDDEN;
    }
    if (st->st_mode & closed) {
        snprintf(
            why, PROFILE_WHY_BYTES,
            "%s is open to others; mend it with chmod go-rwx, and revoke its token if somebody "
            "may have read it",
            what);
        return ERR_FORBIDDEN;
    }
    return OK;
}

static enum err open_folder(bool make, int *ret, char *why)
{
    char path[PATH_MAX];
    struct stat st;
    TRY(folder_path(path, why));
    if (make && make_folders(path) != OK)
        return explain(why, ERR_IO, "the folder for profiles cannot be made");
    AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ERR_NOT_FOUND;
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return explain(why, ERR_FORBIDDEN,
                       "the folder for profiles is a link or no folder; it is not used");
    if (fd < 0 || fstat(fd, &st) != 0)
        return explain(why, ERR_IO, "the folder for profiles cannot be read");
    TRY(check_owner(&st, 022, "the folder for profiles", why));
    *ret = fd;
    fd = -1;
    return OK;
}

/* --- files in it --- */

static enum err read_at(int folder, const char *name, struct buf *out, char *why)
{
    struct stat st;
    AUTO(fd) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return ERR_NOT_FOUND;
    if (fd < 0 && errno == ELOOP)
        return explain(why, ERR_FORBIDDEN, "a profile's file is a link; it is not used");
    if (fd < 0 || fstat(fd, &st) != 0)
        return explain(why, ERR_IO, "a profile's file cannot be read");
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
        return explain(why, ERR_FORBIDDEN,
                       "a profile's file is no plain file of its own; it is not used");
    TRY(check_owner(&st, 077, "a profile's file", why));
    if (io_read_all(fd, out) != OK)
        return explain(why, ERR_INVALID, "a profile's file is damaged; log in anew");
    return OK;
}

/* Removes what writes of this file left that were killed: it holds a token. `all`: also those of
 * processes that still run, which then fail. */
static void sweep(int folder, const char *name, bool all)
{
    char begin[NAME_MAX + 1];
    uint64_t pid;
    AUTO(fd) int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (!d)
        return;
    copy = -1; /* it is d's now */
    snprintf(begin, sizeof begin, ".%s.", name);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        struct str file = str_from(entry->d_name);
        if (!str_starts(file, str_from(begin)) ||
            str_to_u64(str_slice(file, strlen(begin), file.len), INT32_MAX, &pid) != OK)
            continue;
        bool over = (pid_t)pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
        if (all || over)
            (void)unlinkat(folder, entry->d_name, 0);
    }
    closedir(d);
}

static enum err write_at(int folder, const char *name, struct str bytes)
{
    char fresh[NAME_MAX + 1];
    sweep(folder, name, false);
    snprintf(fresh, sizeof fresh, ".%s.%ld", name, (long)getpid());
    AUTO(fd)
    int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    enum err e = fchmod(fd, 0600) == 0 ? io_write_all(fd, bytes) : ERR_IO;
    if (e == OK && (fsync(fd) != 0 || renameat(folder, fresh, folder, name) != 0))
        e = ERR_IO;
    if (e != OK)
        (void)unlinkat(folder, fresh, 0);
    return e == OK && fsync(folder) == 0 ? OK : ERR_IO;
}

static void file_name(const char *name, char ret[static NAME_MAX + 1])
{
    snprintf(ret, NAME_MAX + 1, "%s" SUFFIX, name);
}

struct stored {
    struct str url;
    struct secret *token;
};
static const struct json_field stored_fields[] = {
    JSON_FIELD(struct stored, url, "url", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY,
               PROFILE_URL_MAX_BYTES),
    JSON_FIELD(struct stored, token, "token", JSON_AS_SECRET, JSON_REQUIRED | JSON_NOT_EMPTY,
               TOKEN_MAX_BYTES),
};

enum err profile_load(const char *name, struct profile *ret, char ret_why[static PROFILE_WHY_BYTES])
{
    AUTO(fd) int folder = -1;
    AUTO(buf) struct buf text = buf_make(FILE_MAX_BYTES);
    AUTO(arena) struct arena arena = arena_make();
    char file[NAME_MAX + 1];
    struct stored stored = {STR_EMPTY, NULL};
    struct problems problems;
    problems_init(&problems, &arena);
    TRY(open_folder(false, &folder, ret_why));
    file_name(name, file);
    TRY(read_at(folder, file, &text, ret_why));
    enum err e = json_decode(buf_str(&text), stored_fields, ARRAY_LEN(stored_fields), STR_EMPTY,
                             &problems, &stored);
    if (e == OK)
        e = str_to_text(stored.url, ret->url, sizeof ret->url);
    if (e != OK) {
        secret_free(&stored.token);
        return explain(ret_why, ERR_INVALID, "a profile's file is damaged; log in anew");
    }
    ret->token = stored.token;
    return OK;
}

enum err profile_save(const char *name, const struct profile *p,
                      char ret_why[static PROFILE_WHY_BYTES])
{
    AUTO(fd) int folder = -1;
    AUTO(buf) struct buf text = buf_make(FILE_MAX_BYTES);
    char file[NAME_MAX + 1];
    TRY(open_folder(true, &folder, ret_why));
    struct json_out o = json_out_make(&text);
    json_out_open(&o, '{');
    json_out_member_str(&o, "url", str_from(p->url));
    json_out_member_str(&o, "token", secret_reveal(p->token));
    json_out_close(&o, '}');
    TRY(json_out_end(&o));
    TRY(buf_put_byte(&text, '\n'));
    file_name(name, file);
    if (write_at(folder, file, buf_str(&text)) != OK)
        return explain(ret_why, ERR_IO, "the profile cannot be written; is the disk full?");
    return OK;
}

enum err profile_remove(const char *name, char ret_why[static PROFILE_WHY_BYTES])
{
    AUTO(fd) int folder = -1;
    char file[NAME_MAX + 1], current[PROFILE_NAME_MAX_BYTES + 1];
    TRY(open_folder(false, &folder, ret_why));
    file_name(name, file);
    sweep(folder, file, true);
    if (unlinkat(folder, file, 0) != 0)
        return errno == ENOENT ? ERR_NOT_FOUND
                               : explain(ret_why, ERR_IO, "the profile cannot be removed");
    if (profile_current(current, ret_why) == OK && strcmp(current, name) == 0)
        (void)unlinkat(folder, CURRENT, 0);
    return fsync(folder) == 0 ? OK : ERR_IO;
}

enum err profile_current(char ret[static PROFILE_NAME_MAX_BYTES + 1],
                         char ret_why[static PROFILE_WHY_BYTES])
{
    AUTO(fd) int folder = -1;
    AUTO(buf) struct buf text = buf_make(PROFILE_NAME_MAX_BYTES + 2);
    TRY(open_folder(false, &folder, ret_why));
    TRY(read_at(folder, CURRENT, &text, ret_why));
    struct str name = str_trim(buf_str(&text));
    if (!profile_name_valid(name) || str_to_text(name, ret, PROFILE_NAME_MAX_BYTES + 1) != OK)
        return explain(ret_why, ERR_INVALID,
                       "which profile is in use cannot be read; say safelight profile use NAME");
    return OK;
}

enum err profile_use(const char *name, char ret_why[static PROFILE_WHY_BYTES])
{
    AUTO(fd) int folder = -1;
    AUTO(buf) struct buf text = buf_make(PROFILE_NAME_MAX_BYTES + 2);
    TRY(open_folder(false, &folder, ret_why));
    TRY(buf_printf(&text, "%s\n", name));
    if (write_at(folder, CURRENT, buf_str(&text)) != OK)
        return explain(ret_why, ERR_IO, "which profile is in use cannot be written");
    return OK;
}

static int by_name(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

enum err profile_list(struct arena *a, struct str **ret, size_t *ret_count,
                      char ret_why[static PROFILE_WHY_BYTES])
{
    int folder = -1;
    *ret = arena_array(a, PROFILES_MAX, sizeof **ret);
    *ret_count = 0;
    enum err e = open_folder(false, &folder, ret_why);
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    DIR *d = fdopendir(folder);
    if (!d) {
        io_close(&folder);
        return explain(ret_why, ERR_IO, "the folder for profiles cannot be read");
    }
    for (struct dirent *entry; *ret_count < PROFILES_MAX && (entry = readdir(d)) != NULL;) {
        struct str name = str_from(entry->d_name);
        if (!str_ends(name, STR(SUFFIX)))
            continue;
        name.len -= sizeof SUFFIX - 1;
        if (profile_name_valid(name))
            (*ret)[(*ret_count)++] = arena_str(a, name);
    }
    closedir(d);
    qsort(*ret, *ret_count, sizeof **ret, by_name);
    return OK;
}
