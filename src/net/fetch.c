#include "fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "fetch_head.h"
#include "limit.h"
#include "url.h"

enum {
    CONNECT_DEFAULT_MS = 10 * 1000,
    IDLE_DEFAULT_MS = 60 * 1000,
    LEAST_BYTES_PER_S = 32, /* slower than this for the idle time counts as idle */
    METHOD_MAX_BYTES = 16,
    HEADER_LINE_MAX_BYTES = 128 * 1024
};

/* libcurl and OpenSSL read these: one writes session keys to a file, others load code. */
static const char *const ignored_environment[] = {
    "SSLKEYLOGFILE", "OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES", "HOSTALIASES",
};

enum err fetch_open(void)
{
    for (size_t i = 0; i < ARRAY_LEN(ignored_environment); i++)
        (void)unsetenv(ignored_environment[i]);
    /* OpenSSL writes without MSG_NOSIGNAL, and CURLOPT_NOSIGNAL leaves this to the program. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return ERR_INTERNAL;
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? OK : ERR_INTERNAL;
}

/* One request under way: what the callbacks share. */
struct run {
    const struct fetch *f;
    struct fetch_result *ret;
    enum err stop;     /* why a callback stopped the request */
    bool refused, let; /* by the guard: some address was, some was not */
    struct fetch_head head;
    uint64_t read_offset;
    size_t received_bytes, body_max_bytes;
};

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct run *run = ctx;
    struct fetch_head *head = &run->head;
    run->stop = fetch_head_line(head, str_bytes(bytes, size * count));
    if (run->stop != OK)
        return 0;
    if (!head->ended || head->told)
        return size * count;
    head->told = true;
    run->ret->status = head->status;
    run->ret->encoded = head->encoded;
    memcpy(run->ret->content_type, head->content_type, sizeof head->content_type);
    memcpy(run->ret->request_id, head->request_id, sizeof head->request_id);
    memcpy(run->ret->etag, head->etag, sizeof head->etag);
    memcpy(run->ret->date, head->date, sizeof head->date);
    bool bodiless = str_is(run->f->method, "HEAD");
    if (!bodiless && head->content_length > 0 &&
        (uint64_t)head->content_length > run->body_max_bytes)
        run->stop = ERR_TOO_LARGE;
    else if (run->f->on_head)
        run->stop = run->f->on_head(run->f->ctx, head->status, str_from(head->content_type),
                                    head->content_length);
    return run->stop == OK ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct run *run = ctx;
    size_t len = size * count;
    if (len > run->body_max_bytes - run->received_bytes) {
        run->stop = ERR_TOO_LARGE;
        return 0;
    }
    run->received_bytes += len;
    struct str piece = str_bytes(bytes, len);
    run->stop =
        run->f->on_body ? run->f->on_body(run->f->ctx, piece) : buf_put(&run->ret->body, piece);
    return run->stop == OK ? len : 0;
}

static size_t on_read(char *ret, size_t size, size_t count, void *ctx)
{
    struct run *run = ctx;
    uint64_t done = run->read_offset - run->f->body_offset;
    size_t want = size * count;
    if (want > run->f->body_len - done)
        want = (size_t)(run->f->body_len - done);
    if (want == 0)
        return 0;
    ssize_t n;
    do {
        n = pread(run->f->body_fd, ret, want, (off_t)run->read_offset);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) { /* unreadable, or shorter than what was announced */
        run->stop = ERR_IO;
        return CURL_READFUNC_ABORT;
    }
    run->read_offset += (uint64_t)n;
    return (size_t)n;
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)down_total;
    (void)up_total;
    struct run *run = ctx;
    if (run->stop == OK) /* else: why it stops is known already */
        run->stop = run->f->on_progress(run->f->ctx, (uint64_t)up, (uint64_t)down);
    return run->stop != OK;
}

/* Called with each resolved address just before it is connected to. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct run *run = ctx;
    if (purpose != CURLSOCKTYPE_IPCXN || guard_check(run->f->guard, &address->addr) != OK) {
        run->refused = true;
        return CURL_SOCKET_BAD;
    }
    run->let = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Framing and routing belong to this file: a caller's header could smuggle a second request, or
 * take the request to another site behind the same address than the one that was checked. */
static const char *const own_headers[] = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "expect",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "http2-settings",
    "proxy-connection",
    "proxy-authorization",
};

static bool token_ok(struct str s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (c == 0 || !strchr(marks, c)))
            return false;
    }
    return s.len > 0;
}

bool fetch_header_is_free(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(own_headers); i++)
        if (str_equal_nocase(name, str_from(own_headers[i])))
            return false;
    return true;
}

static bool header_ok(const struct fetch_header *h)
{
    if (!fetch_header_is_free(h->name))
        return false;
    for (size_t i = 0; i < h->value.len; i++)
        if (h->value.ptr[i] == '\r' || h->value.ptr[i] == '\n' || h->value.ptr[i] == 0)
            return false;
    return token_ok(h->name);
}

struct list {
    struct curl_slist *head;
};

static void list_auto(struct list *l)
{
    for (struct curl_slist *s = l->head; s; s = s->next)
        wipe(s->data, strlen(s->data));
    curl_slist_free_all(l->head);
}

static void list_add(struct list *l, const char *line)
{
    struct curl_slist *longer = curl_slist_append(l->head, line);
    ASSERT(longer);
    l->head = longer;
}

static enum err put_headers(const struct fetch *f, struct list *l)
{
    AUTO(buf) struct buf line = buf_make(HEADER_LINE_MAX_BYTES);
    bool typed = false;
    for (size_t i = 0; i < f->header_count; i++) {
        const struct fetch_header *h = &f->headers[i];
        if (!header_ok(h))
            return ERR_INVALID;
        buf_reset(&line);
        TRY(buf_put(&line, h->name));
        /* libcurl: "Name;" sends an empty one, "Name:" would leave it out. */
        TRY(str_trim(h->value).len ? buf_put(&line, STR(": ")) : buf_put(&line, STR(";")));
        TRY(buf_put(&line, str_trim(h->value)));
        TRY(buf_put_byte(&line, 0));
        list_add(l, line.ptr);
        typed = typed || str_equal_nocase(h->name, STR("content-type"));
    }
    list_add(l, "Expect:");
    if (!typed) /* libcurl would call it a form */
        list_add(l, "Content-Type:");
    return OK;
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (curl_easy_setopt(easy, option, value) != CURLE_OK)                                     \
            return ERR_INTERNAL;                                                                   \
    } while (0)

static enum err set_bounds(CURL *easy, const struct fetch *f)
{
    int64_t idle_ms = f->idle_ms ? f->idle_ms : IDLE_DEFAULT_MS;
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(f->connect_ms ? f->connect_ms : CONNECT_DEFAULT_MS));
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)LEAST_BYTES_PER_S);
    SET(CURLOPT_LOW_SPEED_TIME, (long)((idle_ms + 999) / 1000));
    SET(CURLOPT_TIMEOUT_MS, (long)f->total_ms);
    SET(CURLOPT_NOSIGNAL, 1L);
    return OK;
}

static enum err set_where(CURL *easy, struct run *run)
{
    const struct fetch *f = run->f;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (f->ca_file) { /* beside the system's folder of certificates */
        SET(CURLOPT_CAINFO, f->ca_file);
        SET(CURLOPT_CAPATH, "/etc/ssl/certs");
    }
    if (f->unix_socket)
        SET(CURLOPT_UNIX_SOCKET_PATH, f->unix_socket);
    if (f->guard) {
        SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
        SET(CURLOPT_OPENSOCKETDATA, run);
    }
    return OK;
}

static bool sends_body(struct str method)
{
    return str_is(method, "POST") || str_is(method, "PUT") || str_is(method, "PATCH");
}

static enum err set_method(CURL *easy, struct run *run)
{
    const struct fetch *f = run->f;
    char method[METHOD_MAX_BYTES];
    if (!token_ok(f->method) || str_to_text(f->method, method, sizeof method) != OK)
        return ERR_INVALID;
    if (str_is(f->method, "HEAD")) {
        SET(CURLOPT_NOBODY, 1L);
        return OK;
    }
    if (f->body_fd >= 0) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)f->body_len);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, run);
    } else if (f->body.len || sends_body(f->method)) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.len);
        SET(CURLOPT_POSTFIELDS, f->body.len ? f->body.ptr : "");
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, method);
    return OK;
}

static enum err set_callbacks(CURL *easy, struct run *run)
{
    SET(CURLOPT_USERAGENT, "safelight");
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, run);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, run);
    SET(CURLOPT_NOPROGRESS, run->f->on_progress ? 0L : 1L);
    SET(CURLOPT_XFERINFOFUNCTION, run->f->on_progress ? on_progress : NULL);
    SET(CURLOPT_XFERINFODATA, run);
    return OK;
}

static const struct {
    CURLcode code;
    enum err err;
    const char *why;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERR_UNREACHABLE,
     "the host name could not be resolved; check its spelling and the name service here"},
    {CURLE_COULDNT_CONNECT, ERR_UNREACHABLE,
     "no connection could be made; does the server run, are port and firewall right?"},
    {CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT, "the server did not answer in time"},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_UNREACHABLE,
     "the server's certificate is not valid for this host, or not from a CA that is trusted here "
     "(a private one: setting ca-file)"},
    {CURLE_SSL_CACERT_BADFILE, ERR_UNREACHABLE, "the file of trusted certificates is not readable"},
    {CURLE_SSL_CONNECT_ERROR, ERR_UNREACHABLE,
     "the TLS handshake failed; does this port speak https?"},
    {CURLE_WEIRD_SERVER_REPLY, ERR_UNREACHABLE, "the answer was not HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, ERR_UNREACHABLE, "the answer was not HTTP"},
    {CURLE_URL_MALFORMAT, ERR_INVALID, "the URL is not valid"},
    {CURLE_OUT_OF_MEMORY, ERR_LIMIT, "there was not enough memory for the request"},
};

/* What is said otherwise, or more closely, of a server that a person's own command asks. */
static const char *of_own_server(const struct run *run, CURLcode code)
{
    if (run->f->guard || run->f->unix_socket)
        return NULL;
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return "the server's certificate is not valid for this host, or not from a CA that is "
               "trusted here (a private one: SAFELIGHT_CA_FILE)";
    bool no_answer = code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
                     code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL;
    if (no_answer && run->ret->status == 0 && str_starts(run->f->url, STR("http://")))
        return "the connection was broken, or what came was not HTTP; if this port speaks https, "
               "the address begins with https://";
    return NULL;
}

static enum err failed(const struct run *run, CURLcode code, const char **ret_why)
{
    const char *closer = of_own_server(run, code);
    *ret_why = closer ? closer : "the connection was broken";
    if (run->stop == ERR_TOO_LARGE)
        *ret_why = "the answer is larger than the limit";
    else if (run->stop != OK)
        *ret_why = "the request was stopped";
    if (run->stop != OK)
        return run->stop;
    if (run->refused && !run->let) {
        *ret_why = "the destination address is not allowed (settings allow-private and "
                   "allow-loopback)";
        return ERR_ADDRESS_REFUSED;
    }
    for (size_t i = 0; i < ARRAY_LEN(failures); i++)
        if (failures[i].code == code) {
            *ret_why = closer ? closer : failures[i].why;
            return failures[i].err;
        }
    return ERR_UNREACHABLE;
}

static void easy_auto(CURL **easy)
{
    curl_easy_cleanup(*easy);
}

static enum err perform(struct run *run, struct url *url, const struct list *headers,
                        const char **ret_why)
{
    AUTO(easy) CURL *easy = curl_easy_init();
    ASSERT(easy);
    TRY(buf_put_byte(&url->text, 0));
    SET(CURLOPT_URL, url->text.ptr);
    SET(CURLOPT_HTTPHEADER, headers->head);
    TRY(set_where(easy, run));
    TRY(set_bounds(easy, run->f));
    TRY(set_callbacks(easy, run));
    TRY(set_method(easy, run));
    CURLcode code = curl_easy_perform(easy);
    long sent = 0;
    run->ret->sent = curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent) != CURLE_OK || sent > 0;
    if (code != CURLE_OK)
        return failed(run, code, ret_why);
    /* A connection that ended before a status line is an error to libcurl too; this is the
     * contract's last word on it. */
    return run->ret->status ? OK : ERR_UNREACHABLE;
}

enum err fetch_run(const struct fetch *f, struct fetch_result *ret)
{
    size_t body_max = f->body_max_bytes ? f->body_max_bytes : UPSTREAM_BODY_MAX_BYTES;
    *ret = (struct fetch_result){.body = buf_make(body_max)};
    struct run run = {
        .f = f, .ret = ret, .read_offset = f->body_offset, .body_max_bytes = body_max};
    AUTO(url) struct url url = {0};
    AUTO(list) struct list headers = {0};
    const char *why = "its address or one of its headers cannot be sent as it is";
    enum err err = url_parse(f->url, &url);
    if (err == OK)
        err = put_headers(f, &headers);
    if (err == OK)
        err = perform(&run, &url, &headers, &why);
    if (err != OK)
        snprintf(ret->why, sizeof ret->why, "%s", why);
    return err;
}

void fetch_result_auto(struct fetch_result *r)
{
    buf_auto(&r->body);
}
