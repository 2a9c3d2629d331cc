/* The HTTP seam: the only header that knows a server exists, and http*.c the only files that
 * include microhttpd.h. Requests arrive checked (framing, sizes, deadlines) and authorised,
 * handlers answer inline or suspend and answer later from any thread. Nothing a handler sees
 * outlives its answer. */
#ifndef API_HTTP_H
#define API_HTTP_H

#include "arena.h"
#include "buf.h"
#include "problems.h"

struct http_server;
struct http_request;

enum http_body {
    HTTP_BODY_NONE,   /* a body is read and thrown away up to 4 KiB, refused beyond */
    HTTP_BODY_BUFFER, /* whole, in memory that is wiped; over the route's limit: 413 before it is
                         read */
    HTTP_BODY_STREAM, /* piece by piece to the sink that the handler sets */
};

struct http_route {
    const char *method;  /* "GET" (HEAD is derived) */
    const char *pattern; /* "/secrets/{id}"; the router also tries it under /api/v2 */
    enum http_body body;
    uint64_t body_max_bytes;
    int scope; /* enum scope of auth.h; SCOPE_NONE: no token (tickets, health) */
    void (*handle)(struct http_request *r);
    size_t number; /* the caller's own: not looked at here */
};

/* How a request ended. */
struct http_outcome {
    const struct http_route *route; /* NULL: none was found */
    int status;                     /* 0: the peer went away before there was an answer */
    bool cut;                       /* the peer went away before it had all of it */
    int64_t duration_us;            /* from the first line to the last byte */
    uint64_t bytes;                 /* of the answer's body */
};

struct http_options {
    const struct http_route *routes; /* live as long as the server */
    size_t route_count;
    /* Runs before the body is read, and again when it is there. Must answer (http_fail) and return
     * false to refuse. */
    bool (*authorise)(struct http_request *r, const struct http_route *route);
    /* Runs when a request has ended, on its connection's thread; NULL: nobody wants to know. */
    void (*finished)(const struct http_request *r, const struct http_outcome *outcome);
    void *ctx;           /* http_ctx() */
    const char *address; /* "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;       /* 0: any; http_port() tells */
    int listen_fd; /* already bound (UNIX socket, activation), taken; -1: bind address, port */
    bool operator_socket;           /* requests have http_is_operator(); peer's uid was checked */
    const char *tls_cert, *tls_key; /* files; NULL: plain */
    unsigned threads, connections_max;
    /* Deadlines; 0 gives the default of limit.h, tests set shorter ones. */
    int64_t head_deadline_ms, body_progress_ms, idle_ms;
};
enum err http_start(const struct http_options *options,
                    struct http_server **ret) MUST_USE; /* ERR_IN_USE: port taken */
uint16_t http_port(const struct http_server *s);
unsigned http_open_requests(const struct http_server *s);
enum err http_reload_tls(
    struct http_server *s) MUST_USE; /* keeps the old certificate on an error */
/* When the first certificate of the chain in use expires, in seconds since 1970. ERR_NOT_FOUND
 * without TLS. */
enum err http_tls_expiry(struct http_server *s, int64_t *ret_unix_s) MUST_USE;
void http_stop(struct http_server **s); /* no new connections; waits for open requests up to 10 s */

/* --- the request --- */
void *http_ctx(const struct http_request *r);
struct str http_method(const struct http_request *r);
struct str http_path(const struct http_request *r); /* decoded, without the query */
struct str http_param(const struct http_request *r,
                      const char *name); /* of the pattern, decoded; empty if none */
bool http_query(const struct http_request *r, const char *name,
                struct str *ret); /* decoded; false: absent */
/* The name of the parameter at *at (0: the first), which moves behind it; false: no more. */
bool http_query_name(const struct http_request *r, size_t *at, struct str *ret);
/* A parameter stands there more than once with different values: whoever reads the first and
 * whoever reads the last, say a proxy before us, would not mean the same. */
bool http_query_torn(const struct http_request *r);
struct str http_header(const struct http_request *r, const char *name); /* empty: absent */
struct str http_authorization(
    const struct http_request *r); /* the raw header; the adapter wipes it at the end */
struct str http_farm_secret(
    const struct http_request *r); /* the header nexrender-secret; wiped likewise */
/* How many cookies of this name the request brings, *ret is the first one's value; wiped likewise.
 */
size_t http_cookie(const struct http_request *r, const char *name, struct str *ret);
bool http_has_header(const struct http_request *r, const char *name); /* be it empty */
struct str http_body(const struct http_request *r);                   /* BUFFER only */
struct str http_peer(const struct http_request *r);                   /* IP text */
struct str http_request_id(const struct http_request *r);
struct str http_base_url(
    const struct http_request *r); /* "http://host:port" as the client sees us */
bool http_is_tls(const struct http_request *r);
/* Our certificate is one for this host (a name, or an address without brackets). */
bool http_tls_names(const struct http_request *r, struct str host);
bool http_is_operator(const struct http_request *r);
struct arena *http_arena(struct http_request *r);       /* lives until the answer is sent */
void http_set_user(struct http_request *r, void *user); /* auth's result; lives in the arena */
void *http_user(const struct http_request *r);

/* --- a streamed body: set in the handler, called on the connection's thread --- */
struct http_sink {
    enum err (*piece)(void *ctx, struct str bytes); /* an error ends the upload: http_fail(err) */
    void (*end)(struct http_request *r, void *ctx,
                bool complete); /* answers when complete; frees ctx always */
    void *ctx;
};
void http_stream_body(struct http_request *r, const struct http_sink *sink);

/* --- the answer: exactly one of these, once --- */
void http_reply(struct http_request *r, int status, const char *content_type,
                struct str body);                                           /* copied */
void http_reply_json(struct http_request *r, int status, struct buf *body); /* takes the bytes */
void http_reply_empty(struct http_request *r, int status);
void http_fail(struct http_request *r, enum err e);
void http_fail_with(struct http_request *r, enum err e, const struct problems *problems);
void http_fail_text(struct http_request *r, enum err e, const char *text); /* static text of ours */
/* `body` is static. With the ETag of http_answer_tag; 304 when the client has what it names. */
void http_reply_static(struct http_request *r, const char *content_type, struct str body);
/* Before http_reply_file and _static: the ETag of the file, with its quotes. Without one If-Range
 * asks for the whole. */
void http_answer_tag(struct http_request *r, const char *tag);
/* Streams len bytes of fd from offset, or the range asked for; takes the descriptor.
 * 304 when the client has what the tag names. */
void http_reply_file(struct http_request *r, int status, const char *content_type, int fd,
                     uint64_t offset, uint64_t len);
/* Streams a pipe until it ends (length -1: unknown). Whoever fills it may break off, which a pipe
 * cannot say: when `verdict` is not -1, the answer is whole only if a byte comes out of that pipe,
 * else its connection ends early, as after an error. Takes both descriptors. */
void http_reply_pipe(struct http_request *r, int status, const char *content_type, int fd,
                     int64_t length, int verdict);
/* Streams what is made piece by piece, each when the client has taken the one before: nobody waits
 * for a slow one. `next` appends (the piece is empty at first) and leaves it empty at the end; an
 * error ends the connection early, as with a pipe. It runs on the connection's thread, so a piece
 * is a moment's work. The request is not there any more. `end` is called once, in any case. */
struct http_source {
    enum err (*next)(void *ctx, struct buf *piece);
    void (*end)(void *ctx);
    void *ctx;
    size_t piece_max_bytes;
};
void http_reply_source(struct http_request *r, int status, const char *content_type,
                       const struct http_source *source);
void http_answer_header(struct http_request *r, const char *name,
                        const char *value); /* before the answer; again: instead */
/* Before http_reply_file or http_reply_pipe: `moved` is called, on the connection's thread, each
 * time that bytes of them go out, and `done` once at the end, whatever the answer was; whole: it
 * was sent to its last byte, as far as the kernel took it. */
struct http_watch {
    void (*moved)(void *ctx);
    void (*done)(void *ctx, bool whole);
    void *ctx;
};
void http_answer_watch(struct http_request *r, const struct http_watch *watch);

/* --- answering later --- */
/* After this the handler may return without an answer; any thread then calls one of the answers.
 * The request stays valid until then even if the peer has gone. */
void http_suspend(struct http_request *r);

/* Work that may block (waiting for the courier, hashing) goes to a small pool; `run` answers. */
void http_defer(struct http_request *r, void (*run)(struct http_request *r));

#endif
