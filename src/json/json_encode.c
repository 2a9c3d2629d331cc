#include "json_encode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "json_chars.h"

/* How one stretch of text is written: what it takes from the input and what stands for it. */
struct escape {
    size_t used;
    char text[6];
    size_t len;
};

/* p is at a byte that is not plain; sequences of valid UTF-8 stay as they are. */
static struct escape escape_at(const char *p, const char *end)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt", hex[] = "0123456789abcdef";
    unsigned char c = (unsigned char)*p;
    if (c >= 0x80) {
        unsigned len = json_utf8_len(p, end);
        struct escape e = {.used = len ? len : 1, .len = len ? len : 3};
        memcpy(e.text, len ? p : "\xef\xbf\xbd", e.len);
        return e;
    }
    const char *at = memchr(from, c, sizeof from - 1);
    if (at)
        return (struct escape){1, {'\\', to[at - from]}, 2};
    return (struct escape){1, {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6};
}

size_t json_escaped_len(struct str s)
{
    const char *p = s.ptr, *end = s.ptr + s.len;
    bool dollar = false;
    size_t len = 0;
    while (p < end) {
        const char *stop = json_plain_end(p, end, &dollar);
        len += (size_t)(stop - p);
        p = stop;
        if (p == end)
            break;
        struct escape e = escape_at(p, end);
        len += e.len;
        p += e.used;
    }
    return len;
}

enum err json_escape(struct buf *out, struct str s)
{
    const char *p = s.ptr, *end = s.ptr + s.len;
    bool dollar = false;
    TRY(buf_reserve(out, json_escaped_len(s)));
    while (p < end) {
        const char *stop = json_plain_end(p, end, &dollar);
        TRY(buf_put(out, str_bytes(p, (size_t)(stop - p))));
        p = stop;
        if (p == end)
            break;
        struct escape e = escape_at(p, end);
        TRY(buf_put(out, str_bytes(e.text, e.len)));
        p += e.used;
        wipe(e.text, sizeof e.text); /* the text may be a value */
    }
    return OK;
}

static void put(struct json_out *o, struct str bytes)
{
    if (o->err == OK)
        o->err = buf_put(o->buf, bytes);
}

static void put_byte(struct json_out *o, char byte)
{
    if (o->err == OK)
        o->err = buf_put_byte(o->buf, (uint8_t)byte);
}

static void put_quoted(struct json_out *o, struct str s)
{
    put_byte(o, '"');
    if (o->err == OK)
        o->err = json_escape(o->buf, s);
    put_byte(o, '"');
}

static void begin(struct json_out *o)
{
    if (o->comma)
        put_byte(o, ',');
    o->comma = true;
}

void json_out_open(struct json_out *o, char brace)
{
    begin(o);
    put_byte(o, brace);
    o->comma = false;
}

void json_out_close(struct json_out *o, char brace)
{
    put_byte(o, brace);
    o->comma = true;
}

void json_out_key(struct json_out *o, const char *key)
{
    json_out_key_str(o, str_from(key));
}

void json_out_key_str(struct json_out *o, struct str key)
{
    begin(o);
    put_quoted(o, key);
    put_byte(o, ':');
    o->comma = false;
}

void json_out_str(struct json_out *o, struct str v)
{
    begin(o);
    put_quoted(o, v);
}

void json_out_raw(struct json_out *o, struct str json)
{
    begin(o);
    put(o, json);
}

void json_out_int(struct json_out *o, int64_t v)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)v);
    json_out_raw(o, str_bytes(text, (size_t)len));
}

void json_out_number(struct json_out *o, double v)
{
    char text[40];
    int len = 0;
    if (!isfinite(v)) { /* JSON has no word for it */
        json_out_null(o);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    json_out_raw(o, str_bytes(text, (size_t)len));
}

void json_out_bool(struct json_out *o, bool v)
{
    json_out_raw(o, v ? STR("true") : STR("false"));
}

void json_out_null(struct json_out *o)
{
    json_out_raw(o, STR("null"));
}

void json_out_time(struct json_out *o, int64_t unix_ms)
{
    char text[CLOCK_TEXT_BYTES];
    if (unix_ms == 0) {
        json_out_null(o);
        return;
    }
    clock_format(unix_ms, text);
    json_out_str(o, str_from(text));
}

enum err json_out_end(struct json_out *o)
{
    return o->err;
}

void json_out_member_str(struct json_out *o, const char *key, struct str v)
{
    json_out_key(o, key);
    json_out_str(o, v);
}

void json_out_member_int(struct json_out *o, const char *key, int64_t v)
{
    json_out_key(o, key);
    json_out_int(o, v);
}

void json_out_member_bool(struct json_out *o, const char *key, bool v)
{
    json_out_key(o, key);
    json_out_bool(o, v);
}

void json_out_member_time(struct json_out *o, const char *key, int64_t unix_ms)
{
    json_out_key(o, key);
    json_out_time(o, unix_ms);
}
