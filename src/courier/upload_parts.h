/* A file in parts (S3's multipart upload): each part is a request of its own and is tried a few
 * times, so that a broken connection costs one part and not the file. What fails is aborted, so
 * that the bucket keeps no parts; after a crash nobody does that, and the bucket's lifecycle rule
 * has to. Any thread. */
#ifndef COURIER_UPLOAD_PARTS_H
#define COURIER_UPLOAD_PARTS_H

#include "s3_request.h"

enum {
    UPLOAD_PARTS_MAX = 10000, /* S3's own limit */
    UPLOAD_PART_TRIES_MAX = 3,
};

/* How long each part but the last is for a file of that size: `wished`, or more when the file would
 * have too many parts. */
uint64_t upload_parts_bytes(uint64_t file_bytes, uint64_t wished);

/* Sends the errand's file. The result is that of the request that decided it: the last one, or the
 * first that failed for good. *ret_why (static text) is not NULL when that answer says 2xx and the
 * file is not there all the same: it may work later. Errors as s3_request_send. */
enum err upload_parts(const struct s3_place *p, struct fetch_result *ret,
                      const char **ret_why) MUST_USE;

#endif
