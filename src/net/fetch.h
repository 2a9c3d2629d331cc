/* One outbound HTTP request, start to end, on the calling thread: a fresh curl handle each time, no
 * redirects, no proxy, no environment, no cookies, no netrc; address guard in the socket callback;
 * connect, idle and total time-outs; header and body caps. Any thread. What is handed in is wiped
 * by its owner; curl's own copies are freed into overwritten memory. */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "buf.h"
#include "guard.h"

/* Once per process, before threads. SIGPIPE is ignored from then on; the environment variables that
 * libcurl and OpenSSL act on (key log, configuration, engines) are removed. */
enum err fetch_open(void) MUST_USE;

struct fetch_header {
    /* CR, LF and NUL are refused with ERR_INVALID, and so are the fields that frame or route the
     * request (Host, Content-Length, Transfer-Encoding, Connection, ...). */
    struct str name, value;
};

/* May a caller set this header? Not those that frame or route the request. Any thread. */
bool fetch_header_is_free(struct str name);

struct fetch {
    struct str method, url;
    const struct fetch_header *headers;
    size_t header_count;
    /* Body: either bytes, or body_fd from body_offset for body_len bytes, or none. */
    struct str body;
    int body_fd; /* -1: none */
    uint64_t body_offset, body_len;
    const char *unix_socket;          /* connect there instead (the operator's socket); NULL */
    const char *ca_file;              /* extra trust for a private CA; NULL: the system's */
    const struct guard_policy *guard; /* NULL: no check (the CLI's own server) */
    /* 0: defaults 10 s, 60 s, none. Idle is less than 32 bytes a second for that time. */
    int64_t connect_ms, idle_ms, total_ms;
    /* Answer. Headers first (once, only the final answer's), then body pieces; either may stop the
     * request by returning an error, which fetch_run returns. Both may be NULL. */
    enum err (*on_head)(void *ctx, int status, struct str content_type, int64_t content_length);
    enum err (*on_body)(void *ctx, struct str piece);
    enum err (*on_progress)(void *ctx, uint64_t sent, uint64_t received); /* may be NULL */
    void *ctx;
    size_t body_max_bytes; /* of the answer; 0: UPSTREAM_BODY_MAX_BYTES */
};

struct fetch_result {
    int status;             /* 0: no answer */
    bool sent;              /* some of the request left: what it asked for may have been done */
    bool encoded;           /* Content-Encoding says so: compressed; set before on_head */
    struct buf body;        /* only when on_body is NULL; wiped by fetch_result_auto */
    char content_type[256]; /* printable, or empty when absent or longer */
    char request_id[64];    /* X-Request-Id of the answer, printable, or empty */
    char etag[128];         /* the same of ETag, with its quotes */
    char date[32];          /* the same of Date */
    char why[192]; /* for a person, when there was no answer: static phrases of ours only */
};
void fetch_result_auto(struct fetch_result *r);

/* OK: an answer came, whatever its status. ERR_INVALID (URL or header), ERR_ADDRESS_REFUSED,
 * ERR_UNREACHABLE (resolve, connect, TLS, broken connection, with `why`), ERR_TIMEOUT,
 * ERR_TOO_LARGE, ERR_IO (body_fd), or what a callback returned. With ERR_TOO_LARGE, ERR_TIMEOUT and
 * a broken connection `status` may be set all the same: then the head had come. */
enum err fetch_run(const struct fetch *f, struct fetch_result *ret) MUST_USE;

#endif
