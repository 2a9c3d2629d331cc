/* A look at certificates and keys before they are used. Any thread. */
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

/* A file that may hold PEM: ERR_NOT_FOUND, ERR_IO (it cannot be read), ERR_TOO_LARGE. */
enum err tls_check_readable(const char *path) MUST_USE;
/* Trusted certificates, one after the other. ERR_INVALID: there is none; else as above. */
enum err tls_check_ca(const char *path) MUST_USE;

#endif
