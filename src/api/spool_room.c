#include "spool_room.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clock.h"

enum { COUNT_AGE_MAX_MS = 1000 };

static enum err count_files(const char *folder, int64_t *ret)
{
    DIR *dir = opendir(folder);
    int64_t sum = 0;
    if (!dir)
        return ERR_IO;
    for (const struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct stat st;
        if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            sum += st.st_size;
    }
    closedir(dir);
    *ret = sum;
    return OK;
}

static enum err free_bytes(const char *folder, int64_t *ret)
{
    struct statvfs fs;
    if (statvfs(folder, &fs) != 0)
        return ERR_IO;
    uint64_t bytes;
    if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &bytes) ||
        bytes > INT64_MAX)
        bytes = INT64_MAX;
    *ret = (int64_t)bytes;
    return OK;
}

/* Many workers ask many times a second: a count may be a second old. */
static enum err used_bytes(struct api *api, bool anew, int64_t *ret)
{
    int64_t now = clock_monotonic_ms();
    if (anew || now - atomic_load(&api->spool_counted_at_ms) > COUNT_AGE_MAX_MS ||
        atomic_load(&api->spool_counted_at_ms) == 0) {
        int64_t counted;
        TRY(count_files(api->spool_folder, &counted));
        atomic_store(&api->spool_used_bytes, counted);
        atomic_store(&api->spool_counted_at_ms, now);
    }
    *ret = atomic_load(&api->spool_used_bytes);
    return OK;
}

void spool_room_changed(struct api *api)
{
    atomic_store(&api->spool_counted_at_ms, 0);
}

/* Nine tenths: what was handed out before comes back. */
static bool is_full(const struct api_settings *s, int64_t used, int64_t free)
{
    int64_t most = s->spool_max_bytes;
    return free < s->spool_min_free_bytes || (most > 0 && used >= most - most / 10);
}

enum err spool_room_for_job(struct api *api)
{
    struct api_settings s;
    int64_t used = 0, free;
    api_settings_get(api, &s);
    TRY(free_bytes(api->spool_folder, &free));
    if (s.spool_max_bytes > 0)
        TRY(used_bytes(api, false, &used));
    return is_full(&s, used, free) ? ERR_SPOOL_FULL : OK;
}

enum err spool_room_for_bytes(struct api *api, int64_t bytes, bool begun)
{
    struct api_settings s;
    int64_t used = 0, free, more = bytes > 0 ? bytes : 0;
    api_settings_get(api, &s);
    TRY(free_bytes(api->spool_folder, &free));
    if (more > free || free - more < s.spool_min_free_bytes / 2)
        return ERR_STORE_FULL;
    if (s.spool_max_bytes == 0)
        return OK;
    TRY(used_bytes(api, !begun, &used));
    return more > s.spool_max_bytes || used > s.spool_max_bytes - more ? ERR_STORE_FULL : OK;
}

enum err spool_room_look(struct api *api, struct spool_room *ret)
{
    struct api_settings s;
    struct spool_room room;
    api_settings_get(api, &s);
    TRY(free_bytes(api->spool_folder, &room.free_bytes));
    TRY(used_bytes(api, true, &room.used_bytes));
    room.full = is_full(&s, room.used_bytes, room.free_bytes);
    *ret = room;
    return OK;
}
