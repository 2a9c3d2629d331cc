/* The worker's side of the protocol: one lease and the calls under it. Owner thread. */
#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

#include "arena.h"
#include "client.h"
#include "worker_stop.h"

struct lease {
    const struct client *client;
    struct worker_stop *stop;
    struct arena arena;
    struct str id, job, job_id, output_url, output_name;
    struct str fonts;  /* like job: raw JSON */
    struct buf answer; /* what the strs above borrow from; holds exposed values, wiped */
    int64_t lease_ms;
    int64_t renew_at_ms, ends_at_ms; /* monotonic; the server keeps the job for us until then */
    int failures;                    /* beats without an answer since the last with one */
    bool lost, cancelled, leaving;   /* leaving: the job is being given back */
};

struct lease_wish {
    const char *worker, *engines, *tags;
};

/* ERR_NOT_FOUND: nothing to do. ERR_FORBIDDEN: not with this token. Other errors: try again later;
 * what the server answers with 503 by its own name. */
enum err lease_take(const struct client *client, const struct lease_wish *wish,
                    struct worker_stop *stop, struct lease *ret) MUST_USE;
void lease_auto(struct lease *l);

/* Nothing more is to be done under it: the server said so (lost, cancelled), it has surely ended
 * without an answer of the server's (then it is lost from now on), or the worker must stop now. */
bool lease_over(struct lease *l);

/* Before another try. */
void lease_pause(struct lease *l, int64_t ms);

/* Renews when it is time (or at once); sets lost and cancelled. A server that does not answer is
 * tried again, ever more seldom, until the lease is over. */
void lease_beat(struct lease *l, int64_t progress, bool now);

/* Sends log bytes from offset; *ret_accepted is where to go on. */
enum err lease_log(struct lease *l, uint64_t offset, struct str bytes, bool final,
                   uint64_t *ret_accepted) MUST_USE;
/* Uploads the file at path to the lease's one-time address; tries again while the lease lasts.
 * ERR_NOT_FOUND: no file. ERR_STORE_FULL: for half an hour the server had no room. */
enum err lease_upload(struct lease *l, const char *path) MUST_USE;
/* error NULL: finished. Tries again while the lease lasts. */
enum err lease_finish(struct lease *l, const char *error) MUST_USE;
/* Gives the job back, for another worker: one try, since the lease runs out by itself. */
enum err lease_give_back(struct lease *l) MUST_USE;

#endif
