/* What the calls under a lease share: the job behind it and the masking of what a worker says. */
#ifndef API_WORKER_H
#define API_WORKER_H

#include "api_request.h"
#include "jobs.h"

/* A rendering job, with payload, and all its references. `gone` is not empty when it names a secret
 * whose value the worker may have and that cannot be opened any more (deleted while the job ran):
 * nothing that the worker says can be masked then, so nothing of it is kept. */
struct worker_job {
    struct job job;
    struct ref_bundle all;
    struct str gone;
};

/* The one under this lease of that token. Blocks for a moment while a key rotation moves
 * the records. ERR_LEASE_LOST. */
enum err worker_job(struct http_request *r, struct str lease_id, struct str token_id,
                    struct worker_job *ret) MUST_USE;

/* Takes the next job that fits `l` and writes what the worker is told of it (job_write_lease, or
 * job_stock_write); l->found says whether there is one. A job that cannot be opened ends as error,
 * and the next one is tried. Blocks. */
typedef enum err worker_write(const struct job_lease *l, struct vault *vault, struct buf *out);
enum err worker_lease(struct http_request *r, struct job_lease *l, worker_write *write,
                      struct buf *out) MUST_USE;

/* Masks and keeps a piece of the log, from `offset` on; a repeat keeps nothing. Blocks.
 * *ret_accepted: how far the log is decided. */
struct worker_piece {
    struct str lease_id, token_id, text;
    uint64_t offset;
    bool final;
};
enum err worker_log_keep(struct http_request *r, const struct worker_piece *piece,
                         int64_t *ret_accepted) MUST_USE;

/* Appends `text` without the job's values. Blocks. *ret_consumed: how much of it is decided. */
enum err worker_mask(struct http_request *r, const struct worker_job *job, struct str text,
                     bool final, struct buf *out, size_t *ret_consumed) MUST_USE;

#endif
