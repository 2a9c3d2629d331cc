/* The worker's side of the protocol: one lease and the calls under it. Owner thread. */
#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

#include "arena.h"
#include "client.h"

struct lease {
    const struct client *client;
    struct arena arena;
    struct str id, job, job_id, output_url, output_name; /* job: raw JSON */
    struct buf answer; /* what the strs above borrow from; holds exposed values, wiped */
    int64_t lease_ms;
    int64_t renew_at_ms; /* monotonic */
    bool lost, cancelled;
};

struct lease_wish {
    const char *worker, *engines, *tags;
};

/* ERR_NOT_FOUND: nothing to do. Other errors: try again later (said in the log). */
enum err lease_take(const struct client *client, const struct lease_wish *wish,
                    struct lease *ret) MUST_USE;
void lease_auto(struct lease *l);

/* Before another try. */
void lease_pause(int64_t ms);

/* Renews when it is time (or at once when progress is not -1 and changed); sets lost and cancelled.
 * A server that does not answer is tried again until the lease has surely ended. */
void lease_beat(struct lease *l, int64_t progress, bool now);

/* Sends log bytes from offset; *ret_accepted is where to go on. */
enum err lease_log(struct lease *l, uint64_t offset, struct str bytes, bool final,
                   uint64_t *ret_accepted) MUST_USE;
/* Uploads the file at path to the lease's one-time address; tries again while the lease lasts. */
enum err lease_upload(struct lease *l, const char *path) MUST_USE;
/* error NULL: finished. */
enum err lease_finish(struct lease *l, const char *error) MUST_USE;

#endif
