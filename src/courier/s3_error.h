/* What an S3 answer says, as far as we use it: the first element of a name, when what stands in it
 * is plain. Everything else of an answer is left alone: it may repeat key ids and signatures. Not
 * an XML parser. Any thread. */
#ifndef COURIER_S3_ERROR_H
#define COURIER_S3_ERROR_H

#include "buf.h"

enum { S3_WORD_BYTES = 64, S3_UPLOAD_ID_MAX_BYTES = 1024 };

struct s3_error {
    char code[S3_WORD_BYTES];   /* "NoSuchBucket"; empty: none */
    char region[S3_WORD_BYTES]; /* where the bucket is, when the answer says so */
};
void s3_error_read(struct str body, struct s3_error *ret);

/* The id of a multipart upload: printable characters that mean nothing in XML. Borrows; empty when
 * there is none or it is longer than S3_UPLOAD_ID_MAX_BYTES. */
struct str s3_error_upload_id(struct str body);

/* May the same request work later? From the status and the code: a 400 can be a time-out. */
bool s3_error_passes(int status, const struct s3_error *e);

/* Appends "CODE: what is wrong and what to do", either part of it only if it is known. */
enum err s3_error_describe(int status, const struct s3_error *e, struct buf *out) MUST_USE;

#endif
