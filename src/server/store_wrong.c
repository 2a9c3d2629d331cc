#include "store_wrong.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_check.h"

#define RESTORE_TEXT                                                                               \
    "bring a backup back into a new folder: safelight restore FILE --recovery-key KEYFILE --data " \
    "NEWDIR"

/* `of`: DIR/db, whose owner is told to be changed with all that is in it. */
static bool is_closed(const char *path, const char *of, char ret_why[static DATADIR_WHY_BYTES])
{
    struct stat st;
    bool folder = path == of;
    unsigned us = (unsigned)geteuid();
    if (access(path, folder ? R_OK | W_OK | X_OK : R_OK | W_OK) == 0 || errno != EACCES)
        return false;
    if (stat(path, &st) != 0)
        snprintf(ret_why, DATADIR_WHY_BYTES,
                 "%.1024s cannot be reached by user %u, who runs this: a folder above it is closed",
                 path, us);
    else if (st.st_uid == geteuid())
        snprintf(ret_why, DATADIR_WHY_BYTES,
                 "%.1024s has mode %04o, so that even its owner cannot read and write it; mend it "
                 "with: chmod %s %.1024s",
                 path, (unsigned)st.st_mode & 07777, folder ? "700" : "600", path);
    else
        snprintf(ret_why, DATADIR_WHY_BYTES,
                 "%.1024s belongs to user %u, with mode %04o, and is closed to user %u, who runs "
                 "this; run it as the owner, or give it to this one (as root): chown -R %u %.1024s",
                 path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777, us, us, of);
    return true;
}

bool store_closed(const char *folder, char ret_why[static DATADIR_WHY_BYTES])
{
    static const char *const files[] = {"safelight.db", "safelight.db-wal", "safelight.db-shm"};
    char path[DATADIR_PATH_MAX_BYTES];
    if (is_closed(folder, folder, ret_why))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (datadir_path(folder, files[i], path) == OK && is_closed(path, folder, ret_why))
            return true;
    }
    return false;
}

bool store_wrong(const char *data, enum err e, char ret_why[static DATADIR_WHY_BYTES])
{
    char folder[DATADIR_PATH_MAX_BYTES];
    struct store_check c = {.sound = false};
    if (datadir_path(data, "db", folder) != OK)
        return false;
    if (store_closed(folder, ret_why))
        return true;
    if (e != ERR_NOT_FOUND && e != ERR_UNAVAILABLE && e != ERR_TAMPERED && e != ERR_INTERNAL)
        return false;
    enum err looked = store_check(folder, &c);
    if (looked == ERR_NOT_FOUND)
        snprintf(ret_why, DATADIR_WHY_BYTES, "%.1024s/safelight.db is missing; put it back, or %s",
                 folder, RESTORE_TEXT);
    else if (looked == OK && c.sound && c.version == 0)
        snprintf(ret_why, DATADIR_WHY_BYTES, "%.1024s/safelight.db is empty; %s", folder,
                 RESTORE_TEXT);
    else if (looked != OK || !c.sound || e == ERR_NOT_FOUND)
        snprintf(
            ret_why, DATADIR_WHY_BYTES,
            "%.1024s/safelight.db is damaged or cannot be read; keep a copy of it, look at the "
            "disk's health, and %s",
            folder, RESTORE_TEXT);
    else
        return false;
    return true;
}
