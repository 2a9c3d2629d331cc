/* A worker that sends or fetches a large file says nothing else meanwhile: the bytes themselves are
 * its sign of life. The lease is renewed when a third of it has passed, so that a transfer costs
 * three small writes for each length of a lease, however long it takes. Owner thread. */
#ifndef API_LEASE_KEEP_H
#define API_LEASE_KEEP_H

#include "api_request.h"
#include "store_job.h"

struct lease_keep {
    struct store *store;
    struct ulid job_id, lease_id;
    int64_t every_ms, due_ms; /* monotonic */
};

/* Of a job that is under a lease. */
struct lease_keep lease_keep_of(struct store *store, const struct job *job);
/* Bytes went over the line. Does not wait for the store; a lease that has ended stays so. */
void lease_keep_moved(struct lease_keep *k);
/* Before the answer (a file, or a pipe) that a worker fetches under this job's lease. */
void lease_keep_answer(struct http_request *r, const struct job *job);

#endif
