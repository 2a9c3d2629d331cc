/* A file that has no name until it is whole, so that even a process that is killed leaves nothing
 * (O_TMPFILE). Where a file system keeps no such files (NFS, FAT, many FUSE ones) it is called
 * PATH.part-XXXXXX until then, which interrupt.h takes away at a signal. Owner thread.
 *
 *     AUTO(unnamed) struct unnamed f;
 *     TRY(unnamed_open(path, 0666, &f));
 *     ... io_write_all(f.fd, ...) ...
 *     TRY(unnamed_keep(&f, false));
 */
#ifndef BASE_UNNAMED_H
#define BASE_UNNAMED_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

struct unnamed {
    int fd;
    const char *path; /* borrowed */
    char part[PATH_MAX];
    bool named; /* the file is to be found as `part` */
};

/* Nothing is done to what stands at the path. `mode` as open takes it: the umask counts.
 * ERR_INVALID: no file can have this name (too long, empty, ends in a slash); ERR_IO: none can be
 * made there. On an error there is nothing to close. */
enum err unnamed_open(const char *path, mode_t mode, struct unnamed *ret) MUST_USE;
/* Syncs it and gives it its name, in place of what stands there (`replace`) or never: ERR_CONFLICT.
 * ERR_STORE_FULL and ERR_IO: not on disk; ERR_NOT_FOUND: its folder is gone. */
enum err unnamed_keep(struct unnamed *f, bool replace) MUST_USE;
/* What was not kept is gone. */
void unnamed_auto(struct unnamed *f);

#endif
