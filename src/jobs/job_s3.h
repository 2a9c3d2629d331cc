/* Where a bucket is: one rule for what answers show, what the audit log says and where the courier
 * sends. Owner thread. */
#ifndef JOB_S3_H
#define JOB_S3_H

#include "buf.h"

/* Appends the address of the bucket up to and including the slash before the key, by path. Without
 * an endpoint it is Amazon's: s3.amazonaws.com, which serves us-east-1 alone by path, else the
 * region's own host. The parts may hold reference text. ERR_TOO_LARGE. */
enum err job_s3_base(struct str endpoint, struct str region, struct str bucket,
                     struct buf *out) MUST_USE;

/* The members of an upload that must be of a certain form. */
enum job_s3_part {
    JOB_S3_REGION,
    JOB_S3_BUCKET,
    JOB_S3_ACL,
    JOB_S3_KEY_ID,
    JOB_S3_ENDPOINT,
    JOB_S3_PREFIX,
};
/* S3's own limit for a key, less room for the file's name. */
enum {
    JOB_S3_KEY_MAX_BYTES = 1024,
    JOB_S3_PREFIX_MAX_BYTES = JOB_S3_KEY_MAX_BYTES - 64,
    JOB_S3_NAME_MAX_BYTES = 255,
};
_Static_assert(JOB_S3_PREFIX_MAX_BYTES == 960, "job_s3_problem says so");

/* What it must be ("must be ..."), when the text, in which no reference stands any more, is not;
 * NULL when it is. Submit asks it of what is literal, the courier of what secrets hold. */
const char *job_s3_problem(enum job_s3_part part, struct str text);

#endif
