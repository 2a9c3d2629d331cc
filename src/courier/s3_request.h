/* One signed request to a bucket: the object as a whole, a part of it, or what goes around parts.
 * The body is signed by its hash, except a file over TLS, which vouches for it (UNSIGNED-PAYLOAD):
 * without TLS a file is read twice. Any thread. */
#ifndef COURIER_S3_REQUEST_H
#define COURIER_S3_REQUEST_H

#include "errand.h"
#include "s3_target.h"

struct s3_place {
    const struct errand *errand;
    const struct s3_target *target;
    const struct url *url; /* of the object */
};

struct s3_request {
    struct str method;
    struct str query;        /* percent-encoded, without '?' */
    struct str content_type; /* may be empty, as may acl */
    struct str acl;
    struct str body;      /* or, when file_bytes is not 0 or whole_file: */
    bool whole_file;      /* the file as it is, even an empty one */
    uint64_t file_offset; /* of the errand's data_fd */
    uint64_t file_bytes;
    int64_t idle_ms; /* 0: fetch's default */
};

/* As fetch_run; ERR_INVALID also for what cannot be signed. */
enum err s3_request_send(const struct s3_place *p, const struct s3_request *q,
                         struct fetch_result *ret) MUST_USE;

#endif
