/* The folder that a restore works in until all is well: NEWDIR/.restoring, whose contents then take
 * their places, the root key last. Before that nothing serves there, and the next restore begins
 * anew. For a check it is a folder in memory, which holds no root key. */
#ifndef SERVER_RESTORE_DIR_H
#define SERVER_RESTORE_DIR_H

#include "datadir.h"

struct restore_dir {
    const char *data; /* NULL: a check */
    char path[DATADIR_PATH_MAX_BYTES];
    int lock;
    bool made_data; /* the data directory was not there */
    bool begun;
};
/* With db, spool and, but for a check, a fresh root key in it. ERR_CONFLICT: not empty, or another
 * restore is at it; ERR_STORE_FULL, ERR_IO. */
enum err restore_dir_begin(const char *data, struct restore_dir *ret,
                           char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;
/* On an error it is no data directory yet, and restore_dir_auto empties it. ret_synced false: all
 * is, but whether it would be so after a power cut is not known. */
enum err restore_dir_commit(struct restore_dir *d, bool *ret_synced,
                            char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;
/* Removes whatever was not committed. */
void restore_dir_auto(struct restore_dir *d);

#endif
