/* JSON text out. The writer keeps track of commas; the caller of braces. All return ERR_TOO_LARGE
 * when the buffer's maximum is reached; errors stick, so a chain may be checked once by
 * json_out_end(). Owner thread. */
#ifndef JSON_ENCODE_H
#define JSON_ENCODE_H

#include "buf.h"

struct json_out {
    struct buf *buf;
    bool comma;
    enum err err;
};

static inline struct json_out json_out_make(struct buf *buf)
{
    return (struct json_out){buf, false, OK};
}

void json_out_open(struct json_out *o, char brace);  /* '{' or '[' */
void json_out_close(struct json_out *o, char brace); /* '}' or ']' */
void json_out_key(struct json_out *o, const char *key);
void json_out_key_str(struct json_out *o, struct str key);
void json_out_str(struct json_out *o,
                  struct str v); /* must be UTF-8; invalid bytes become U+FFFD */
void json_out_int(struct json_out *o, int64_t v);
void json_out_number(struct json_out *o, double v); /* shortest form that reads back the same */
void json_out_bool(struct json_out *o, bool v);
void json_out_null(struct json_out *o);
void json_out_time(struct json_out *o, int64_t unix_ms); /* RFC 3339; 0 gives null */
void json_out_raw(struct json_out *o, struct str json);  /* already JSON */
enum err json_out_end(struct json_out *o) MUST_USE;

/* key + value in one call */
void json_out_member_str(struct json_out *o, const char *key, struct str v);
void json_out_member_int(struct json_out *o, const char *key, int64_t v);
void json_out_member_bool(struct json_out *o, const char *key, bool v);
void json_out_member_time(struct json_out *o, const char *key, int64_t unix_ms);

/* Appends s escaped as the inside of a JSON string (no quotes). Also used to splice values. */
enum err json_escape(struct buf *out, struct str s) MUST_USE;
size_t json_escaped_len(struct str s);

#endif
