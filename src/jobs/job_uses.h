/* Which secrets a stored job refers to, and which jobs refer to a secret. Names of secrets are
 * told: for those who may list them. Owner thread. */
#ifndef JOB_USES_H
#define JOB_USES_H

#include "jobs.h"

/* A job's own references, those of names the pattern covers, as an array of the objects that a dry
 * run shows. `job` is with payload. ERR_TAMPERED: it is not one that was accepted. */
enum err job_write_references(const struct job *job, struct str pattern, struct arena *a,
                              struct buf *out) MUST_USE;

/* The jobs that refer to a secret of this name, newest first, with the pointers of the references;
 * of one job as many as fit JOB_USES_FIELDS_BYTES. */
enum { JOB_USES_FIELDS_BYTES = 16 * 1024 };
struct job_users {
    struct str team_id, name;
    bool waiting; /* only those that have not ended */
    size_t limit;
};
enum err job_write_users(struct store_tx *tx, const struct job_users *q, struct buf *out) MUST_USE;

#endif
