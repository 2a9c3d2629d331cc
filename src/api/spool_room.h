/* How much room the spool has: no job is handed out when its output might find none, and no upload
 * begun that does not fit. What is kept free (spool-min-free-bytes) is there for jobs that were
 * handed out before: half of it is theirs. All files of the spool count, also templates, fonts and
 * what is being written. Any thread. */
#ifndef API_SPOOL_ROOM_H
#define API_SPOOL_ROOM_H

#include "api.h"

/* Before a job is handed out. ERR_SPOOL_FULL. */
enum err spool_room_for_job(struct api *api) MUST_USE;

/* Before `bytes` more are written (-1: how many is not known) and, with `begun`, in between, when
 * the files are not counted anew each time. ERR_STORE_FULL. */
enum err spool_room_for_bytes(struct api *api, int64_t bytes, bool begun) MUST_USE;

/* A file has come: the next look counts anew. */
void spool_room_changed(struct api *api);

struct spool_room {
    int64_t used_bytes, free_bytes; /* of the spool's files; where they lie */
    bool full;                      /* no job is handed out */
};
/* For readyz and doctor; counts the files. ERR_IO. */
enum err spool_room_look(struct api *api, struct spool_room *ret) MUST_USE;

#endif
