/* The head of an answer, line by line as libcurl hands it over: status, the three fields we use,
 * and the cap on all of them together (interim answers and trailers included). Owner thread. */
#ifndef NET_FETCH_HEAD_H
#define NET_FETCH_HEAD_H

#include "str.h"

struct fetch_head {
    size_t bytes; /* all lines so far */
    int status;
    bool ended; /* the blank line of a final answer was seen */
    bool told;  /* for the caller's use */
    bool chunked;
    bool encoded;           /* Content-Encoding other than identity */
    int64_t content_length; /* -1 unknown */
    char content_type[256]; /* printable, empty when absent or longer */
    char request_id[64];    /* the same */
    char etag[128];         /* the same, with its quotes */
    char date[32];          /* the same of Date */
};

/* ERR_TOO_LARGE beyond UPSTREAM_HEADERS_MAX_BYTES. */
enum err fetch_head_line(struct fetch_head *head, struct str line) MUST_USE;

#endif
