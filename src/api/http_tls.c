/* The server's certificate, and a newer one for new connections while old ones go on. */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "http_internal.h"
#include "io.h"

enum {
    TLS_FILE_MAX_BYTES = 256 * 1024,
    TLS_CHAIN_MAX = 16,
    TLS_RETIRED_MS = 5 * 60 * 1000, /* longer than any handshake may take */
};

const char HTTP_TLS_PRIORITIES[] =
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-SHA1:%SERVER_PRECEDENCE";

struct tls_cert {
    gnutls_pcert_st chain[TLS_CHAIN_MAX];
    unsigned count;
    gnutls_privkey_t key;
    gnutls_x509_crt_t leaf; /* chain[0] again, to ask for its names */
    int64_t ends_unix_s;    /* the first of the chain to expire */
    int64_t retired_ms;
    struct tls_cert *older;
};

struct http_tls {
    pthread_mutex_t lock;
    struct tls_cert *now; /* then those a handshake may still be using */
    char *cert_path, *key_path;
};

static void cert_free(struct tls_cert **cert)
{
    struct tls_cert *c = TAKE(*cert);
    if (!c)
        return;
    for (unsigned i = 0; i < c->count; i++)
        gnutls_pcert_deinit(&c->chain[i]);
    if (c->key)
        gnutls_privkey_deinit(c->key);
    if (c->leaf)
        gnutls_x509_crt_deinit(c->leaf);
    free(c);
}

/* The key must be the certificate's: found out now, not by each client. */
static enum err check_pair(struct tls_cert *c)
{
    unsigned char mine[64], theirs[64];
    size_t mine_len = sizeof mine, theirs_len = sizeof theirs;
    gnutls_pubkey_t of_key;
    if (gnutls_pubkey_init(&of_key) != 0)
        return ERR_INTERNAL;
    int failed = gnutls_pubkey_import_privkey(of_key, c->key, 0, 0);
    if (!failed)
        failed = gnutls_pubkey_get_key_id(of_key, GNUTLS_KEYID_USE_SHA256, mine, &mine_len);
    if (!failed)
        failed = gnutls_pubkey_get_key_id(c->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, theirs,
                                          &theirs_len);
    gnutls_pubkey_deinit(of_key);
    bool same = !failed && mine_len == theirs_len && memcmp(mine, theirs, mine_len) == 0;
    return same ? OK : ERR_INVALID;
}

/* A file that is being written may end anywhere: a chain that is cut between two lines of a
 * certificate would be read as a shorter one. */
static bool is_whole(struct str pem)
{
    static const char *const marks[] = {"-----BEGIN ", "-----END "};
    struct str dashes = STR("-----");
    size_t counts[2] = {0, 0}, end = pem.len;
    for (size_t i = 0; i < 2; i++) {
        struct str mark = str_from(marks[i]);
        for (size_t at = str_search(pem, mark, 0); at < pem.len;
             at = str_search(pem, mark, at + mark.len))
            counts[i]++, end = at + mark.len;
    }
    size_t closed = str_search(pem, dashes, end);
    struct str rest = str_trim(str_slice(pem, closed + dashes.len, pem.len));
    return counts[0] > 0 && counts[0] == counts[1] && closed < pem.len &&
           !str_starts(rest, STR("-")); /* the next one's first line begins */
}

static enum err find_end(struct tls_cert *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        gnutls_x509_crt_t cert;
        if (gnutls_x509_crt_init(&cert) != 0)
            return ERR_INTERNAL;
        int failed = gnutls_x509_crt_import(cert, &c->chain[i].cert, GNUTLS_X509_FMT_DER);
        int64_t ends = failed ? 0 : gnutls_x509_crt_get_expiration_time(cert);
        gnutls_x509_crt_deinit(cert);
        if (failed)
            return ERR_INVALID;
        c->ends_unix_s = i == 0 || ends < c->ends_unix_s ? ends : c->ends_unix_s;
    }
    return OK;
}

static enum err cert_load(const struct http_tls *tls, struct tls_cert *c)
{
    AUTO(buf) struct buf cert = buf_make(TLS_FILE_MAX_BYTES);
    AUTO(buf) struct buf key = buf_make(TLS_FILE_MAX_BYTES);
    TRY(io_read_file(tls->cert_path, &cert));
    TRY(io_read_file(tls->key_path, &key));
    if (!is_whole(buf_str(&cert)) || !is_whole(buf_str(&key)))
        return ERR_INVALID;
    gnutls_datum_t cert_text = {(unsigned char *)cert.ptr, (unsigned)cert.len};
    gnutls_datum_t key_text = {(unsigned char *)key.ptr, (unsigned)key.len};
    unsigned count = TLS_CHAIN_MAX;
    if (gnutls_pcert_list_import_x509_raw(c->chain, &count, &cert_text, GNUTLS_X509_FMT_PEM,
                                          GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED) < 0)
        return ERR_INVALID;
    c->count = count;
    if (count == 0 || gnutls_privkey_init(&c->key) != 0 ||
        gnutls_pcert_export_x509(&c->chain[0], &c->leaf) != 0)
        return ERR_INVALID;
    if (gnutls_privkey_import_x509_raw(c->key, &key_text, GNUTLS_X509_FMT_PEM, NULL, 0) != 0)
        return ERR_INVALID;
    TRY(find_end(c));
    return check_pair(c);
}

enum err http_tls_reload(struct http_tls *tls)
{
    struct tls_cert *fresh = xcalloc(1, sizeof *fresh);
    enum err e = cert_load(tls, fresh);
    if (e != OK) {
        cert_free(&fresh);
        return e;
    }
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&tls->lock);
    fresh->older = tls->now;
    if (tls->now)
        tls->now->retired_ms = now_ms;
    tls->now = fresh;
    for (struct tls_cert **at = &fresh->older; *at;) {
        struct tls_cert *old = *at;
        if (now_ms - old->retired_ms > TLS_RETIRED_MS) {
            *at = old->older;
            cert_free(&old);
        } else {
            at = &old->older;
        }
    }
    pthread_mutex_unlock(&tls->lock);
    return OK;
}

int64_t http_tls_ends_at(struct http_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    int64_t ends = tls->now->ends_unix_s;
    pthread_mutex_unlock(&tls->lock);
    return ends;
}

enum err http_tls_open(const char *cert_path, const char *key_path, struct http_tls **ret)
{
    struct http_tls *tls = xcalloc(1, sizeof *tls);
    pthread_mutex_init(&tls->lock, NULL);
    tls->cert_path = xstrdup(cert_path);
    tls->key_path = xstrdup(key_path);
    enum err e = http_tls_reload(tls);
    if (e != OK) {
        http_tls_close(&tls);
        return e;
    }
    *ret = tls;
    return OK;
}

void http_tls_close(struct http_tls **tls)
{
    struct http_tls *t = TAKE(*tls);
    if (!t)
        return;
    while (t->now) {
        struct tls_cert *cert = t->now;
        t->now = cert->older;
        cert_free(&cert);
    }
    free(t->cert_path);
    free(t->key_path);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

bool http_tls_cert_names(struct http_tls *tls, const char *host)
{
    pthread_mutex_lock(&tls->lock);
    bool named = gnutls_x509_crt_check_hostname(tls->now->leaf, host) != 0;
    pthread_mutex_unlock(&tls->lock);
    return named;
}

void http_tls_bind(struct http_tls *tls, void *gnutls_session)
{
    gnutls_session_set_ptr(gnutls_session, tls);
}

/* The library's handshake takes what is current; it is kept for as long as a handshake lasts. */
static int retrieve(gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
                    const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                    gnutls_pcert_st **ret_chain, unsigned *ret_count, gnutls_privkey_t *ret_key)
{
    struct http_tls *tls = gnutls_session_get_ptr(session);
    (void)issuers;
    (void)issuer_count;
    (void)algorithms;
    (void)algorithm_count;
    pthread_mutex_lock(&tls->lock);
    *ret_chain = tls->now->chain;
    *ret_count = tls->now->count;
    *ret_key = tls->now->key;
    pthread_mutex_unlock(&tls->lock);
    return 0;
}

gnutls_certificate_retrieve_function2 *http_tls_callback(void)
{
    return retrieve;
}

bool http_tls_send(void *gnutls_session, struct str bytes)
{
    while (bytes.len) { /* a record holds 16 KiB */
        ssize_t n = gnutls_record_send(gnutls_session, bytes.ptr, bytes.len);
        if (n <= 0)
            return false;
        bytes = str_slice(bytes, (size_t)n, bytes.len);
    }
    return true;
}
