/* What the calls under a lease share: the job behind it and the masking of what a worker says. */
#ifndef API_WORKER_H
#define API_WORKER_H

#include "api_request.h"
#include "jobs.h"

/* The rendering job under this lease of the token that asks, with payload, and all its references.
 * Blocks for a moment while a key rotation moves the records. ERR_LEASE_LOST. */
enum err worker_job(struct http_request *r, struct str lease_id, struct job *ret,
                    struct ref_bundle *ret_all) MUST_USE;

/* Appends `text` without the job's values. Blocks. *ret_consumed: how much of it is decided. */
enum err worker_mask(struct http_request *r, const struct job *job, const struct ref_bundle *all,
                     struct str text, bool final, struct buf *out, size_t *ret_consumed) MUST_USE;

#endif
