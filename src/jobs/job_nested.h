/* Nested jobs: an asset of type "job" is a job of its own, and its parent waits for it. What the
 * end of one means for the others of its family (docs/API.md, Nested jobs). In a write transaction.
 */
#ifndef JOB_NESTED_H
#define JOB_NESTED_H

#include "jobs.h"

/* The job has just ended, by job_end(). One that did not finish takes along its nested jobs that
 * still wait, and its parent: as `error` that names it, or cancelled when it was. One that finished
 * queues its parent once nobody else is waited for. */
enum err job_nested_ended(struct store_tx *tx, const struct job *job, const struct actor *actor,
                          struct arena *a) MUST_USE;

/* Every job of the family: the outermost parent first, then its nested jobs, theirs, and so on.
 * Also when reading. */
enum err job_nested_family(struct store_tx *tx, const struct job *job, struct arena *a,
                           struct job **ret, size_t *ret_count) MUST_USE;

#endif
