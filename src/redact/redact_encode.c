#include "redact_encode.h"

#include <stdlib.h>

#include "alloc.h"
#include "encode.h"
#include "limit.h"

/* Comparing here is not constant in time, and cannot be: the whole folder exists to find values in
 * text that somebody else chose. What it gives away, a masked log gives away as well. */

enum { LINE_MIN_BYTES = 16 }; /* a shorter line of a longer value is likely a word or a brace */

enum { WHOLE = 1, LINE = 2 }; /* which parts of a value an encoding is made of */
enum { UPPER = 1, SLASH = 2, ASCII = 4, HTML = 8, PLUS = 16, URL = 32 };

struct encoding {
    enum err (*put)(const struct encoding *e, struct str part, struct buf *out,
                    struct redact_pattern *ret);
    unsigned parts, options;
    unsigned align;   /* base64: bytes before the value, modulo 3 */
    const char *safe; /* percent: what stays beside letters and digits */
};

static const char hex_digits[2][17] = {"0123456789abcdef", "0123456789ABCDEF"};

static enum err put_hex_byte(struct buf *out, uint8_t byte, bool upper)
{
    TRY(buf_put_byte(out, (uint8_t)hex_digits[upper][byte >> 4]));
    return buf_put_byte(out, (uint8_t)hex_digits[upper][byte & 15]);
}

static enum err put_raw(const struct encoding *e, struct str part, struct buf *out,
                        struct redact_pattern *ret)
{
    (void)e;
    (void)ret;
    return buf_put(out, part);
}

static enum err put_hex(const struct encoding *e, struct str part, struct buf *out,
                        struct redact_pattern *ret)
{
    (void)ret;
    for (size_t i = 0; i < part.len; i++)
        TRY(put_hex_byte(out, (uint8_t)part.ptr[i], e->options & UPPER));
    return OK;
}

static bool alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static enum err put_percent(const struct encoding *e, struct str part, struct buf *out,
                            struct redact_pattern *ret)
{
    (void)ret;
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = (uint8_t)part.ptr[i];
        if (alphanumeric(c) || (c && strchr(e->safe, c))) {
            TRY(buf_put_byte(out, c));
        } else if (c == ' ' && e->options & PLUS) {
            TRY(buf_put_byte(out, '+'));
        } else {
            TRY(buf_put_byte(out, '%'));
            TRY(put_hex_byte(out, c, e->options & UPPER));
        }
    }
    return OK;
}

/* Length of the UTF-8 sequence at s and its code point; 1 and the byte itself when it is none. */
static size_t code_point(struct str s, uint32_t *ret)
{
    uint8_t lead = (uint8_t)s.ptr[0];
    size_t len = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
    *ret = lead;
    if (len == 1 || s.len < len)
        return 1;
    uint32_t v = lead & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (((uint8_t)s.ptr[i] & 0xc0) != 0x80)
            return 1;
        v = v << 6 | ((uint8_t)s.ptr[i] & 0x3fu);
    }
    *ret = v;
    return len;
}

static enum err put_unit(struct buf *out, uint32_t unit, bool upper)
{
    TRY(buf_put(out, STR("\\u")));
    TRY(put_hex_byte(out, (uint8_t)(unit >> 8), upper));
    return put_hex_byte(out, (uint8_t)unit, upper);
}

static enum err put_json_char(const struct encoding *e, struct str raw, uint32_t c, struct buf *out)
{
    static const char plain[] = "\"\\\b\f\n\r\t/", escaped[] = "\"\\bfnrt/";
    bool upper = e->options & UPPER;
    const char *at = c && c < 0x80 ? strchr(plain, (int)c) : NULL;
    if (at && (c != '/' || e->options & SLASH)) {
        TRY(buf_put_byte(out, '\\'));
        return buf_put_byte(out, (uint8_t)escaped[at - plain]);
    }
    bool html = e->options & HTML && (c == '<' || c == '>' || c == '&');
    if (c < 0x20 || html)
        return put_unit(out, c, upper);
    if (raw.len == 1 || !(e->options & ASCII))
        return buf_put(out, raw);
    if (c < 0x10000)
        return put_unit(out, c, upper);
    TRY(put_unit(out, 0xd800 + ((c - 0x10000) >> 10), upper));
    return put_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff), upper);
}

static enum err put_json(const struct encoding *e, struct str part, struct buf *out,
                         struct redact_pattern *ret)
{
    (void)ret;
    for (size_t i = 0, len; i < part.len; i += len) {
        uint32_t c;
        len = code_point(str_slice(part, i, part.len), &c);
        TRY(put_json_char(e, str_slice(part, i, i + len), c, out));
    }
    return OK;
}

/* The characters made of the value's bits alone; those that share bits with the neighbours are the
 * pattern's edges. */
static enum err put_base64(const struct encoding *e, struct str part, struct buf *out,
                           struct redact_pattern *ret)
{
    AUTO(buf) struct buf shifted = buf_make(part.len + 2), text = buf_make(part.len * 2 + 8);
    for (unsigned i = 0; i < e->align; i++)
        TRY(buf_put_byte(&shifted, 0));
    TRY(buf_put(&shifted, part));
    TRY(encode_base64(&text, buf_str(&shifted), e->options & URL ? BASE64_URL : BASE64_STD));
    size_t bits = shifted.len * 8;
    ret->edges = (uint8_t)((e->align ? REDACT_LEFT : 0) | (bits % 6 ? REDACT_RIGHT : 0));
    return buf_put(out, str_slice(buf_str(&text), (e->align * 8 + 5) / 6, bits / 6));
}

#define RFC3986 "-._~"
#define ANY     (WHOLE | LINE)

/* docs/REDACTION.md says in words what these lines say. */
static const struct encoding encodings[] = {
    {put_raw, ANY, 0, 0, NULL},
    {put_json, ANY, 0, 0, NULL},
    {put_json, ANY, SLASH, 0, NULL},
    {put_json, ANY, ASCII, 0, NULL},
    {put_json, ANY, ASCII | SLASH, 0, NULL},
    {put_json, ANY, UPPER, 0, NULL},
    {put_json, ANY, UPPER | SLASH, 0, NULL},
    {put_json, ANY, UPPER | ASCII, 0, NULL},
    {put_json, ANY, UPPER | ASCII | SLASH, 0, NULL},
    {put_json, ANY, HTML, 0, NULL},
    {put_percent, ANY, UPPER, 0, RFC3986},
    {put_percent, ANY, 0, 0, RFC3986},
    {put_percent, ANY, UPPER, 0, RFC3986 "/"}, /* a path */
    {put_percent, ANY, 0, 0, RFC3986 "/"},
    {put_percent, ANY, UPPER, 0, RFC3986 "!'()*"}, /* JavaScript's encodeURIComponent */
    {put_percent, ANY, 0, 0, RFC3986 "!'()*"},
    {put_percent, ANY, UPPER | PLUS, 0, RFC3986}, /* a form: Python */
    {put_percent, ANY, PLUS, 0, RFC3986},
    {put_percent, ANY, UPPER | PLUS, 0, "-._*"}, /* a form: browsers, Java */
    {put_percent, ANY, PLUS, 0, "-._*"},
    {put_hex, WHOLE, 0, 0, NULL},
    {put_hex, WHOLE, UPPER, 0, NULL},
    {put_base64, WHOLE, 0, 0, NULL},
    {put_base64, WHOLE, 0, 1, NULL},
    {put_base64, WHOLE, 0, 2, NULL},
    {put_base64, WHOLE, URL, 0, NULL},
    {put_base64, WHOLE, URL, 1, NULL},
    {put_base64, WHOLE, URL, 2, NULL},
};

struct redact_patterns redact_patterns_make(void)
{
    return (struct redact_patterns){.bytes = buf_make(REDACT_PATTERNS_MAX_BYTES)};
}

void redact_patterns_auto(struct redact_patterns *p)
{
    buf_auto(&p->bytes);
    free(p->list);
    p->list = NULL;
    p->count = p->capacity = 0;
}

static void add_piece(struct redact_patterns *p, size_t at, size_t len, uint8_t edges)
{
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? p->capacity * 2 : 64;
        p->list = xrealloc(p->list, p->capacity, sizeof *p->list);
    }
    p->list[p->count++] =
        (struct redact_pattern){.at = (uint32_t)at, .len = (uint16_t)len, .edges = edges};
}

/* A long pattern is looked for as pieces that touch each other; the last one ends where the
 * pattern ends. So a part of it that was cut off elsewhere is masked too, and no more than a piece
 * is ever held back. */
static void add_pieces(struct redact_patterns *p, size_t at, size_t len, uint8_t edges)
{
    size_t done = 0;
    for (; len - done > REDACT_PATTERN_MAX; done += REDACT_PATTERN_MAX)
        add_piece(p, at + done, REDACT_PATTERN_MAX, edges);
    if (done)
        done = len - REDACT_PATTERN_MAX;
    add_piece(p, at + done, len - done, edges);
}

/* Most encodings of most values are the value itself: these are dropped at once, so that the
 * bytes do not pile up before the sort. */
static enum err add_part(struct redact_patterns *p, struct str part, unsigned kind)
{
    struct {
        size_t at, len;
        uint8_t edges;
    } known[ARRAY_LEN(encodings)];
    size_t known_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
        if (!(encodings[i].parts & kind))
            continue;
        struct redact_pattern made = {0};
        size_t start = p->bytes.len;
        TRY(encodings[i].put(&encodings[i], part, &p->bytes, &made));
        struct str all = buf_str(&p->bytes), fresh = str_slice(all, start, all.len);
        bool drop = fresh.len < REDACT_PATTERN_MIN;
        for (size_t k = 0; k < known_count && !drop; k++)
            drop = known[k].edges == made.edges &&
                   str_equal(str_slice(all, known[k].at, known[k].at + known[k].len), fresh);
        if (drop) {
            buf_truncate(&p->bytes, start);
            continue;
        }
        known[known_count].at = start;
        known[known_count].len = fresh.len;
        known[known_count++].edges = made.edges;
        add_pieces(p, start, fresh.len, made.edges);
    }
    return OK;
}

static enum err add_value(struct redact_patterns *p, struct str value)
{
    if (value.len < SECRET_MASK_MIN_BYTES)
        return OK;
    TRY(add_part(p, value, WHOLE));
    struct str trimmed = str_trim(value);
    if (trimmed.len < value.len && trimmed.len >= SECRET_MASK_MIN_BYTES)
        TRY(add_part(p, trimmed, WHOLE));
    struct str rest = trimmed;
    while (rest.ptr) {
        struct str line;
        rest = str_split(rest, '\n', &line);
        line = str_trim(line);
        if (line.len >= LINE_MIN_BYTES && line.len < trimmed.len)
            TRY(add_part(p, line, LINE));
    }
    return OK;
}

enum err redact_patterns_add(struct redact_patterns *p, struct str value)
{
    /* The buffers' maximum is the limit of the set. */
    enum err e = add_value(p, value);
    return e == ERR_TOO_LARGE ? ERR_LIMIT : e;
}

static int compare(const void *a, const void *b, void *bytes)
{
    const struct redact_pattern *x = a, *y = b;
    const char *all = bytes;
    return str_compare(str_bytes(all + x->at, x->len), str_bytes(all + y->at, y->len));
}

void redact_patterns_sort(struct redact_patterns *p)
{
    if (p->count == 0)
        return;
    qsort_r(p->list, p->count, sizeof *p->list, compare, p->bytes.ptr);
    size_t kept = 1;
    for (size_t i = 1; i < p->count; i++) {
        if (compare(&p->list[kept - 1], &p->list[i], p->bytes.ptr) == 0)
            p->list[kept - 1].edges |= p->list[i].edges;
        else
            p->list[kept++] = p->list[i];
    }
    p->count = kept;
    p->shortest = REDACT_PATTERN_MAX;
    for (size_t i = 0; i < kept; i++) {
        p->shortest = p->list[i].len < p->shortest ? p->list[i].len : p->shortest;
        p->longest = p->list[i].len > p->longest ? p->list[i].len : p->longest;
    }
}
