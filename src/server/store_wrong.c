#include "store_wrong.h"

#include <stdio.h>

#include "store_check.h"

#define RESTORE_TEXT                                                                               \
    "bring a backup back into a new folder: safelight restore FILE --recovery-key KEYFILE --data " \
    "NEWDIR"

bool store_wrong(const char *data, enum err e, char ret_why[static DATADIR_WHY_BYTES])
{
    char folder[DATADIR_PATH_MAX_BYTES];
    struct store_check c = {.sound = false};
    if (e != ERR_NOT_FOUND && e != ERR_UNAVAILABLE && e != ERR_TAMPERED && e != ERR_INTERNAL)
        return false;
    if (datadir_path(data, "db", folder) != OK)
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
