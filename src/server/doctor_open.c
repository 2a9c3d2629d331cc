#include "doctor_open.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "arena.h"
#include "datadir.h"
#include "limit.h"

struct found {
    struct arena arena;
    struct str paths[DOCTOR_OPEN_FILES_MAX];
    size_t count; /* also of those that have no room */
};

static void found_auto(struct found *f)
{
    arena_auto(&f->arena);
}

/* A link is not judged: doctor says of those that count that they must not be one. */
static bool look(struct found *f, const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0 || (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) ||
        (st.st_mode & 077) == 0)
        return false;
    if (f->count < DOCTOR_OPEN_FILES_MAX)
        f->paths[f->count] = arena_str(&f->arena, str_from(path));
    f->count++;
    return true;
}

static void look_below(struct found *f, const char *folder)
{
    DIR *d = opendir(folder);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));) {
        char path[DATADIR_PATH_MAX_BYTES];
        if (entry->d_name[0] != '.' && datadir_path(folder, entry->d_name, path) == OK)
            look(f, path);
    }
    closedir(d);
}

static void look_at_all(struct found *f, const char *data)
{
    static const struct {
        const char *name;
        bool folder;
    } all[] = {{"root.key", false},
               {"root.key.next", false},
               {"recovery.pub", false},
               {"recovery.pub.next", false},
               {"db", true},
               {"spool", true}};
    bool inside = look(f, data);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        char path[DATADIR_PATH_MAX_BYTES];
        if (datadir_path(data, all[i].name, path) == OK && look(f, path) && inside && all[i].folder)
            look_below(f, path);
    }
}

void doctor_open(const char *data, struct buf *why)
{
    struct found f __attribute__((cleanup(found_auto))) = {.arena = arena_make()};
    AUTO(buf) struct buf before = buf_make(DATADIR_WHY_BYTES);
    look_at_all(&f, data);
    if (buf_put(&before, buf_str(why)) != OK || f.count == 0 ||
        (f.count == 1 && str_search(buf_str(&before), f.paths[0], 0) < before.len))
        return;
    size_t told = f.count < DOCTOR_OPEN_FILES_MAX ? f.count : DOCTOR_OPEN_FILES_MAX;
    enum err e = buf_printf(why, "%sopen to others %s %zu; mend %s with: chmod go-rwx",
                            why->len ? "; in all, " : "", f.count == 1 ? "is" : "are", f.count,
                            f.count == 1 ? "it" : "them at once");
    for (size_t i = 0; i < told && e == OK; i++)
        e = buf_printf(why, " %.*s", (int)f.paths[i].len, f.paths[i].ptr);
    if (e == OK && f.count > told)
        e = buf_printf(why, " (and %zu more, which doctor tells after these)", f.count - told);
    if (e != OK)
        buf_truncate(why, before.len);
}
