/* Inside src/jobs: what every way to a job's end has in common. In a write transaction. */
#ifndef JOB_END_H
#define JOB_END_H

#include "jobs.h"

/* "system": our own work in audit records. */
extern const struct actor JOB_END_SYSTEM;

/* Makes the job final at now: times, error, lease given up; the audit record; its webhook due if it
 * has one (not if its payload was damaged); and what that means for its family (job_nested.h).
 * `job` is with or without payload. ERR_CONFLICT when it is final already. */
enum err job_end(struct store_tx *tx, struct job *job, enum job_state state, struct str error,
                 const struct actor *actor, struct arena *a) MUST_USE;

/* A delivery of this kind, due now. */
enum err job_end_add_delivery(struct store_tx *tx, const struct job *job,
                              enum delivery_kind kind) MUST_USE;

/* Appends one line of ours to the job's log and advances job->log_bytes; the caller updates the
 * row. `line` ends with a line feed. */
enum err job_end_log(struct store_tx *tx, struct job *job, struct str line) MUST_USE;

/* The stored payload's upload or webhook is there? ERR_TAMPERED: it cannot be read any more. */
enum err job_end_has(struct store_tx *tx, const struct job *job, struct arena *a, bool *ret_upload,
                     bool *ret_webhook) MUST_USE;

#endif
