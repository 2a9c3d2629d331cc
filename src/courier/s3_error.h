/* The machine-readable reason in an S3 error answer: what stands in the first <Code> element, when
 * it is a plain word. Everything else of the answer is left alone: it may repeat key ids and
 * signatures. Not an XML parser. Any thread. */
#ifndef COURIER_S3_ERROR_H
#define COURIER_S3_ERROR_H

#include "str.h"

enum { S3_CODE_BYTES = 64 };

/* Empty when there is none. */
void s3_error_code(struct str body, char ret[static S3_CODE_BYTES]);

#endif
