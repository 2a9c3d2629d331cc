/* Where a backup goes: FILE.partial until it is whole, then FILE; or stdout. One thread. */
#ifndef SERVER_BACKUP_PLACE_H
#define SERVER_BACKUP_PLACE_H

#include "backup_format.h"
#include "datadir.h"
#include "progress.h"

struct backup_place {
    const char *path; /* NULL: stdout */
    char part[DATADIR_PATH_MAX_BYTES];
    int fd;
    uint64_t bytes;
    enum err failed;                  /* to write there */
    bool unsynced;                    /* kept, but perhaps not for good */
    uint8_t head[BACKUP_AT_FILE_KEY]; /* what it begins with: whom it is for */
    struct progress progress;
};

/* ERR_CONFLICT: FILE is there, or FILE.partial is another's; ERR_IO. ret_why: what to say. */
enum err backup_place_open(struct backup_place *p, const char **ret_why) MUST_USE;
/* A sink for the bytes; ERR_AGAIN when Ctrl-C came. */
enum err backup_place_put(void *place, struct str bytes) MUST_USE;
/* It is whole: into its place, durably, and never over a file that has come there meanwhile. */
enum err backup_place_keep(struct backup_place *p, const char **ret_why) MUST_USE;
/* Takes away what was not kept. */
void backup_place_auto(struct backup_place *p);

#endif
