/* Inside src/jobs: what both protocols do to a job under a lease. In a write transaction. */
#ifndef JOB_RUN_H
#define JOB_RUN_H

#include "jobs.h"

/* Takes the job from its worker and queues it again, with this line in its log (none
 * when it is empty); a job that was
 * given out JOB_LEASES_MAX times ends instead, with its log kept. */
enum err job_run_requeue(struct store_tx *tx, struct job *job, struct str line,
                         struct arena *a) MUST_USE;

/* The output is whole and the worker is done: what is due after rendering. ERR_CONFLICT without an
 * output. */
enum err job_run_rendered(struct store_tx *tx, struct job *job, const struct actor *actor,
                          struct arena *a) MUST_USE;

#endif
