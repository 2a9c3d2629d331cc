/* What comes out of a backup, written where it belongs. One thread. */
#ifndef SERVER_RESTORE_LOAD_H
#define SERVER_RESTORE_LOAD_H

#include "arena.h"
#include "backup_read.h"
#include "datadir.h"

struct restore_load {
    /* in */
    const char *folder;     /* with db and spool in it */
    bool keep_files;        /* else each is checked and left empty */
    struct str instance_id; /* it must be; empty: any */
    /* out */
    struct backup_begin begin; /* in the arena */
    struct backup_read read;
    uint64_t to_verify; /* rows that restore_verify opens one by one */
    struct arena arena;
    char why[DATADIR_WHY_BYTES]; /* of an error, when there is more to say than its text */
    /* its own */
    struct store_copy_in *rows;
    bool verified; /* those that come now are such rows */
    int file;
};
void restore_load_init(struct restore_load *l);
void restore_load_auto(struct restore_load *l);

/* Everything is on disk then. ERR_TAMPERED, ERR_CONFLICT (newer, or another instance's),
 * ERR_STORE_FULL, ERR_IO. */
enum err restore_load_all(struct restore_load *l, struct backup_in *in) MUST_USE;

#endif
