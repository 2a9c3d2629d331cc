/* The one strict JSON scanner (RFC 8259): a pull tokenizer over raw bytes. No tree, no copies, no
 * recursion. Refused: anything RFC 8259 refuses, a BOM, invalid or overlong UTF-8, lone surrogates
 * (raw or \u), \u0000, duplicate keys (compared after unescaping), numbers that overflow a double
 * (1e400), more depth or values than the limits, bytes after the document. Owner thread. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "buf.h"
#include "limit.h"

enum json_token_type {
    JSON_END, /* the document is complete; every further call says so again */
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_KEY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

struct json_token {
    enum json_token_type type;
    size_t begin, end; /* byte offsets in the input, quotes and braces included */
    struct str raw;    /* KEY, STRING: between the quotes, escapes as written; NUMBER: the text */
    bool escaped;      /* raw holds a backslash */
    bool dollar;       /* raw holds a '$': it may have a reference */
    unsigned depth;    /* of the value: 0 for the document, BEGIN and END of a pair are equal */
};

struct json_limits {
    size_t depth, nodes;
};
#define JSON_LIMITS_DEFAULT ((struct json_limits){JSON_DEPTH_MAX, JSON_NODES_MAX})

struct json_scan; /* opaque */

/* `input` must outlive the scan. */
struct json_scan *json_scan_new(struct str input, struct json_limits limits);
void json_scan_free(struct json_scan **scan);
void json_scan_autop(struct json_scan **scan);

/* ERR_JSON: not acceptable; json_scan_why() says what and json_scan_offset() where. The scan stays
 * failed. */
enum err json_scan_next(struct json_scan *scan, struct json_token *ret) MUST_USE;
/* After a BEGIN token: consumes to the matching END; *ret_end is the offset behind it. After any
 * other value token: nothing to do. */
enum err json_scan_skip(struct json_scan *scan, const struct json_token *value,
                        size_t *ret_end) MUST_USE;

const char *json_scan_why(const struct json_scan *scan); /* static text, quotes no input */
size_t json_scan_offset(const struct json_scan *scan);

/* Whole document only; for those who just need the verdict. */
enum err json_valid(struct str input, struct json_limits limits) MUST_USE;

/* Appends the unescaped bytes of a raw (already scanned) string. ERR_TOO_LARGE. */
enum err json_unescape(struct str raw, struct buf *out) MUST_USE;

#endif
