/* A recovery key being made: everything but whom it is shown to. It is to be shown between the two
 * calls, so that there is never one in use that nobody has. One thread. */
#ifndef SERVER_RECOVERY_CHANGE_H
#define SERVER_RECOVERY_CHANGE_H

#include "offline.h"
#include "recovery.h"
#include "recovery_text.h"

struct recovery_change {
    uint8_t key[RECOVERY_KEY_BYTES]; /* seed, then the installation's mark; wiped in the end */
    struct buf id;                   /* hex */
    char why[DATADIR_WHY_BYTES];     /* of an error, when there is more to say than its text */
    /* its own */
    const char *data;
    struct buf file; /* recovery.pub to be */
    struct offline offline;
    bool serving; /* a server is running: it goes through that */
};

/* The key, and the way to put it in use. Nothing is changed yet. ERR_UNREACHABLE: the directory is
 * in use, but nobody answers. */
enum err recovery_change_begin(const char *data, struct recovery_change *ret) MUST_USE;
/* From here on backups are sealed for it. ERR_TIMEOUT: no word of it came, it may be in use or not;
 * on any other error nothing was changed. */
enum err recovery_change_commit(struct recovery_change *c) MUST_USE;
void recovery_change_auto(struct recovery_change *c);

#endif
