/* A file on its way into the spool: written to a part file, synced, then renamed to its place, so
 * that what stands there is always whole. One thread at a time. */
#ifndef API_SPOOL_FILE_H
#define API_SPOOL_FILE_H

#include "str.h"

#define SPOOL_PART_SUFFIX ".part" /* of an upload that is not whole yet */

struct spool_file {
    const char *folder;
    int fd;             /* of the part file */
    char *part, *place; /* paths; part: NULL once it is in its place */
    int64_t bytes, max_bytes;
};

/* Both names are of files in the folder; the suffix of part files is added. Two with the same part
 * name cannot be written at once: ERR_CONFLICT. ERR_STORE_FULL, ERR_IO. On an error nothing is to
 * be closed. The folder's path must outlive it. */
enum err spool_file_open(const char *folder, struct str part_name, struct str name,
                         int64_t max_bytes, struct spool_file *ret) MUST_USE;
/* ERR_TOO_LARGE, ERR_STORE_FULL, ERR_IO. */
enum err spool_file_put(struct spool_file *f, struct str bytes) MUST_USE;
/* On disk, still as a part file. */
enum err spool_file_sync(struct spool_file *f) MUST_USE;
/* In its place, for good; replaces what stood there. */
enum err spool_file_place(struct spool_file *f) MUST_USE;
/* Removes the part file if it is still there. */
void spool_file_close(struct spool_file *f);

#endif
