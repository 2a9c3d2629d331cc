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

#endif
