#include "tls_check.h"

#include <gnutls/x509.h>

#include "http_internal.h"
#include "io.h"

enum { CERT_MAX_BYTES = 256 * 1024, CA_MAX_BYTES = 4 * 1024 * 1024 };

enum err tls_check(const char *cert_path, const char *key_path, struct tls_check *ret)
{
    AUTO(buf) struct buf text = buf_make(CERT_MAX_BYTES);
    struct http_tls *pair = NULL;
    gnutls_x509_crt_t cert;
    TRY(http_tls_open(cert_path, key_path, &pair)); /* as the server would */
    http_tls_close(&pair);
    TRY(io_read_file(cert_path, &text));
    gnutls_datum_t datum = {(unsigned char *)text.ptr, (unsigned)text.len};
    if (gnutls_x509_crt_init(&cert) != 0)
        return ERR_INTERNAL;
    enum err e = OK;
    if (gnutls_x509_crt_import(cert, &datum, GNUTLS_X509_FMT_PEM) != 0)
        e = ERR_INVALID;
    else
        *ret = (struct tls_check){(int64_t)gnutls_x509_crt_get_activation_time(cert) * 1000,
                                  (int64_t)gnutls_x509_crt_get_expiration_time(cert) * 1000};
    gnutls_x509_crt_deinit(cert);
    return e;
}

enum err tls_check_readable(const char *path)
{
    AUTO(buf) struct buf text = buf_make(CERT_MAX_BYTES);
    return io_read_file(path, &text);
}

enum err tls_check_ca(const char *path)
{
    AUTO(buf) struct buf text = buf_make(CA_MAX_BYTES);
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    TRY(io_read_file(path, &text));
    gnutls_datum_t datum = {(unsigned char *)text.ptr, (unsigned)text.len};
    if (gnutls_x509_crt_list_import2(&list, &count, &datum, GNUTLS_X509_FMT_PEM, 0) < 0)
        return ERR_INVALID;
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    return count > 0 ? OK : ERR_INVALID;
}
