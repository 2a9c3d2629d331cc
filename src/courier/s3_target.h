/* An upload object ({provider, prefix, outputUrl, params}) with its values in place: where the file
 * goes and what signs it. Addressed by path (job_s3.h). The key is the prefix and the object's name
 * with one slash between, as in the job's outputUrl. Owner thread. */
#ifndef COURIER_S3_TARGET_H
#define COURIER_S3_TARGET_H

#include "resolve.h"

struct s3_target {
    struct buf prefix, region, bucket, key_id, key_secret, endpoint, acl; /* wiped */
};

/* The raw members that decide the destination: endpoint, region, bucket. ERR_INVALID. */
enum err s3_target_members(struct str fragment,
                           struct str ret[static RESOLVE_MEMBERS_MAX]) MUST_USE;
/* ERR_INVALID: not an upload to S3, or a region or bucket that is no name. */
enum err s3_target_read(struct str fragment, struct s3_target *ret) MUST_USE;
void s3_target_auto(struct s3_target *t);

/* The address of the object. ERR_INVALID: an endpoint that is no URL or has a query, a key that is
 * too long or holds "." or ".." as a segment. */
enum err s3_target_url(const struct s3_target *t, struct str object_name, struct url *ret) MUST_USE;

#endif
