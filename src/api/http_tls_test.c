#include "http_fixture.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <time.h>

static char folder[64], cert_path[96], key_path[96];

static void write_file(const char *path, const gnutls_datum_t *text)
{
    ASSERT(io_replace_file(path, str_bytes(text->data, text->size), 0600) == OK);
}

/* A self-signed certificate and its key, into the files named; NULL leaves a file alone. */
static void make_cert(const char *common_name, const char *cert_file, const char *key_file)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;
    gnutls_datum_t text;
    unsigned char serial = 1;
    ASSERT(gnutls_x509_privkey_init(&key) == 0 && gnutls_x509_crt_init(&cert) == 0);
    ASSERT(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
    gnutls_x509_crt_set_version(cert, 3);
    gnutls_x509_crt_set_key(cert, key);
    gnutls_x509_crt_set_serial(cert, &serial, 1);
    gnutls_x509_crt_set_activation_time(cert, time(NULL) - 60);
    gnutls_x509_crt_set_expiration_time(cert, time(NULL) + 3600);
    gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
                                  (unsigned)strlen(common_name));
    ASSERT(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0) == 0);
    if (cert_file && gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &text) == 0) {
        write_file(cert_file, &text);
        gnutls_free(text.data);
    }
    if (key_file && gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text) == 0) {
        write_file(key_file, &text);
        gnutls_free(text.data);
    }
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_privkey_deinit(key);
}

struct client {
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    bool up;
};

static struct client client_open(const struct http_server *s, const char *priorities)
{
    struct client c = {.fd = dial(s)};
    ASSERT(gnutls_certificate_allocate_credentials(&c.credentials) == 0);
    ASSERT(gnutls_init(&c.session, GNUTLS_CLIENT) == 0);
    ASSERT(gnutls_priority_set_direct(c.session, priorities, NULL) == 0);
    gnutls_credentials_set(c.session, GNUTLS_CRD_CERTIFICATE, c.credentials);
    gnutls_transport_set_int(c.session, c.fd);
    int failed;
    do
        failed = gnutls_handshake(c.session);
    while (failed < 0 && !gnutls_error_is_fatal(failed));
    c.up = failed == 0;
    return c;
}

static void client_close(struct client *c)
{
    gnutls_deinit(c->session);
    gnutls_certificate_free_credentials(c->credentials);
    io_close(&c->fd);
}

static bool client_asks(struct client *c, const char *request, const char *holds)
{
    char text[4096];
    size_t len = 0;
    if (!c->up || gnutls_record_send(c->session, request, strlen(request)) < 0)
        return false;
    text[0] = '\0';
    while (len < sizeof text - 1 && !strstr(text, holds)) {
        ssize_t n = gnutls_record_recv(c->session, text + len, sizeof text - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
        text[len] = '\0';
    }
    return strstr(text, holds) != NULL;
}

static bool client_sees(const struct client *c, const char *common_name)
{
    unsigned count = 0;
    const gnutls_datum_t *list = c->up ? gnutls_certificate_get_peers(c->session, &count) : NULL;
    gnutls_x509_crt_t cert;
    char name[64] = "";
    size_t len = sizeof name;
    if (count == 0 || gnutls_x509_crt_init(&cert) != 0)
        return false;
    bool same =
        gnutls_x509_crt_import(cert, &list[0], GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len) == 0 &&
        strcmp(name, common_name) == 0;
    gnutls_x509_crt_deinit(cert);
    return same;
}

#define GET_HELLO "GET /healthz HTTP/1.1\r\n" HOST "\r\n"

static struct http_server *tls_start(void)
{
    struct http_options o = fixture_options();
    struct http_server *s = NULL;
    o.tls_cert = cert_path;
    o.tls_key = key_path;
    CHECK_OK(http_start(&o, &s));
    return s;
}

static void test_requests_are_served_over_tls(void)
{
    make_cert("first", cert_path, key_path);
    struct http_server *s = tls_start();
    struct client c = client_open(s, "NORMAL");
    CHECK(client_sees(&c, "first"));
    CHECK(client_asks(&c, GET_HELLO, "hello"));
    CHECK(client_asks(&c, "GET /later HTTP/1.1\r\n" HOST "\r\n", "later"));
    CHECK(client_asks(&c, "GET /show/a HTTP/1.1\r\nHost: farm\r\n\r\n", "https://farm"));
    CHECK(client_asks(
        &c, "PUT /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n",
        "TOO_LARGE"));
    client_close(&c);
    http_stop(&s);
}

static void test_old_protocols_are_refused(void)
{
    struct http_server *s = tls_start();
    static const struct {
        const char *priorities;
        bool works;
    } CASES[] = {
        {"NORMAL:-VERS-ALL:+VERS-TLS1.3", true},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2", true},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT", false},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct client c = client_open(s, CASES[i].priorities);
        CHECK_EQ(c.up, CASES[i].works);
        client_close(&c);
    }
    http_stop(&s);
}

static void write_part(const char *path, const struct buf *text, size_t len)
{
    ASSERT(io_replace_file(path, str_slice(buf_str(text), 0, len), 0600) == OK);
}

static bool ends_in(struct http_server *s, int64_t seconds)
{
    int64_t ends = 0, want = time(NULL) + seconds;
    return http_tls_expiry(s, &ends) == OK && ends > want - 120 && ends <= want;
}

/* A renewed chain that is still being written, cut at every place. */
static void test_half_written_files_are_not_taken(void)
{
    AUTO(buf) struct buf cert = buf_make(64 * 1024);
    AUTO(buf) struct buf key = buf_make(64 * 1024);
    make_cert("whole", cert_path, key_path);
    struct http_server *s = tls_start();
    CHECK_OK(io_read_file(cert_path, &cert));
    CHECK_OK(io_read_file(key_path, &key));
    size_t first = cert.len;
    char *copy = str_dup(buf_str(&cert));
    CHECK_OK(buf_put(&cert, str_from(copy))); /* a chain of two */
    for (size_t len = 0; len < cert.len - 1; len += 7) {
        if (len == first || len == first - 1)
            continue; /* a whole chain of one */
        write_part(cert_path, &cert, len);
        CHECK_ERR(http_reload_tls(s), ERR_INVALID);
    }
    write_part(cert_path, &cert, cert.len);
    for (size_t len = 0; len < key.len - 1; len += 7) {
        write_part(key_path, &key, len);
        CHECK_ERR(http_reload_tls(s), ERR_INVALID);
    }
    struct client c = client_open(s, "NORMAL");
    CHECK(client_sees(&c, "whole"));
    client_close(&c);
    write_part(key_path, &key, key.len);
    CHECK_OK(http_reload_tls(s));
    http_stop(&s);
    free(copy);
}

static void test_reload_changes_new_connections_only(void)
{
    make_cert("old", cert_path, key_path);
    struct http_server *s = tls_start();
    struct client before = client_open(s, "NORMAL");
    make_cert("new", cert_path, key_path);
    CHECK_OK(http_reload_tls(s));
    struct client after = client_open(s, "NORMAL");
    CHECK(client_sees(&before, "old") && client_sees(&after, "new"));
    CHECK(client_asks(&before, GET_HELLO, "hello") && client_asks(&after, GET_HELLO, "hello"));
    client_close(&after);

    make_cert("stray", cert_path, NULL); /* the key is another's */
    CHECK_ERR(http_reload_tls(s), ERR_INVALID);
    write_file(cert_path, &(gnutls_datum_t){(unsigned char *)key_path, 5});
    CHECK_ERR(http_reload_tls(s), ERR_INVALID);
    unlink(cert_path);
    CHECK_ERR(http_reload_tls(s), ERR_NOT_FOUND);
    CHECK(ends_in(s, 3600));
    after = client_open(s, "NORMAL");
    CHECK(client_sees(&after, "new") && client_asks(&after, GET_HELLO, "hello"));
    client_close(&after);
    client_close(&before);
    http_stop(&s);
}

static void test_bad_certificate_does_not_start(void)
{
    struct http_options o = fixture_options();
    struct http_server *s = NULL;
    o.tls_cert = cert_path;
    o.tls_key = "/nonexistent/key";
    make_cert("x", cert_path, NULL);
    CHECK_ERR(http_start(&o, &s), ERR_NOT_FOUND);
    o.tls_key = cert_path;
    CHECK_ERR(http_start(&o, &s), ERR_INVALID);
    CHECK(s == NULL);
}

static void test_plain_server_has_nothing_to_reload(void)
{
    struct http_server *s = fixture_start();
    int64_t ends = 7;
    CHECK_ERR(http_reload_tls(s), ERR_INVALID);
    CHECK_ERR(http_tls_expiry(s, &ends), ERR_NOT_FOUND);
    CHECK_EQ(ends, 7);
    http_stop(&s);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    snprintf(folder, sizeof folder, "/tmp/http_tls_test.XXXXXX");
    ASSERT(mkdtemp(folder));
    snprintf(cert_path, sizeof cert_path, "%s/cert.pem", folder);
    snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
    RUN(test_requests_are_served_over_tls);
    RUN(test_old_protocols_are_refused);
    RUN(test_reload_changes_new_connections_only);
    RUN(test_half_written_files_are_not_taken);
    RUN(test_bad_certificate_does_not_start);
    RUN(test_plain_server_has_nothing_to_reload);
    unlink(cert_path);
    unlink(key_path);
    rmdir(folder);
    return test_done();
}
