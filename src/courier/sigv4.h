/* AWS Signature Version 4, in the Authorization header, as S3 wants it: the path is encoded once.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. Any thread. */
#ifndef COURIER_SIGV4_H
#define COURIER_SIGV4_H

#include "fetch.h"

enum { SIGV4_DATE_BYTES = 17, SIGV4_HEADERS_MAX = 16, SIGV4_PARAMETERS_MAX = 16 };

struct sigv4 {
    struct str method;
    struct str path;  /* as it is sent, percent-encoded */
    struct str query; /* as it is sent, percent-encoded, without '?'; in any order */
    /* Those to be signed, host among them, in any order: names in lower case, values without
     * leading, trailing or repeated blanks. */
    const struct fetch_header *headers;
    size_t header_count;
    struct str payload_hash; /* lower-case hex, or UNSIGNED-PAYLOAD */
    struct str date;         /* "20130524T000000Z" */
    struct str region, service;
    struct str key_id, key_secret;
};

/* Appends the value of the Authorization header. ERR_INVALID: too many headers or parameters, or a
 * date that is none. */
enum err sigv4_authorization(const struct sigv4 *s, struct buf *out) MUST_USE;

void sigv4_date(int64_t unix_ms, char ret[static SIGV4_DATE_BYTES]);

#endif
