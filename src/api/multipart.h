/* multipart/form-data (RFC 7578) as it arrives, in pieces of any size. Strict: nothing before the
 * first boundary, nothing but a line end after the last, no blanks after a boundary. Keeps one
 * part's head, hands the contents on as they come. Owner thread. */
#ifndef API_MULTIPART_H
#define API_MULTIPART_H

#include "str.h"

enum {
    MULTIPART_BOUNDARY_MAX = 70, /* RFC 2046 */
    MULTIPART_HEAD_MAX = 4096,   /* of one part; clients send about 150 bytes */
    MULTIPART_PARTS_MAX = 16,    /* ours have two */
};

/* Strs live for the call only. */
struct multipart_part {
    struct str name;
    struct str file_name; /* as sent; ptr NULL: none */
};
struct multipart_sink {
    enum err (*part)(void *ctx, const struct multipart_part *part); /* begins */
    enum err (*data)(void *ctx, struct str bytes);                  /* of that part */
    void *ctx;
};

struct multipart {
    struct multipart_sink sink;
    char delimiter[MULTIPART_BOUNDARY_MAX + 4];
    size_t delimiter_len;
    size_t matched; /* bytes of the delimiter that were seen last */
    enum { MULTIPART_DATA, MULTIPART_AFTER, MULTIPART_HEAD, MULTIPART_TAIL } state;
    char head[MULTIPART_HEAD_MAX];
    size_t head_len; /* also: bytes after a delimiter */
    size_t parts;
    const char *why; /* what was wrong, for a person */
};

/* Of a Content-Type. False when it is of another type, or has no good boundary. */
bool multipart_boundary(struct str content_type, struct str *ret);
/* The boundary is one of multipart_boundary. */
void multipart_init(struct multipart *m, struct str boundary, const struct multipart_sink *sink);
/* ERR_INVALID: malformed, `why` says how; else what the sink said. After an error: no more. */
enum err multipart_feed(struct multipart *m, struct str bytes) MUST_USE;
/* The body has ended. ERR_INVALID unless the last boundary was there. */
enum err multipart_end(struct multipart *m) MUST_USE;

#endif
