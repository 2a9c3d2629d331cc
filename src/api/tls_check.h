/* A look at a certificate and its key, for doctor. Any thread. */
#ifndef API_TLS_CHECK_H
#define API_TLS_CHECK_H

#include <stdint.h>

#include "err.h"

struct tls_check {
    int64_t from_ms, until_ms; /* when the certificate is valid */
};
/* ERR_NOT_FOUND, ERR_IO: a file cannot be read. ERR_INVALID: not PEM, or the key is not the
 * certificate's. */
enum err tls_check(const char *cert_path, const char *key_path, struct tls_check *ret) MUST_USE;

#endif
