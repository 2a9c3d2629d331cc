#include "json_scan.h"

#include <stdlib.h>

#include "alloc.h"
#include "json_chars.h"
#include "json_escapes.h"
#include "json_keys.h"
#include "json_number.h"

enum state {
    AT_VALUE,         /* a value must follow */
    AT_FIRST_ELEMENT, /* a value or ']' */
    AT_FIRST_KEY,     /* a key or '}' */
    AT_NEXT,          /* ',' or the end of the container */
    AT_END,           /* only blanks may follow */
    FAILED,
};

struct level { /* one open container */
    bool object;
    struct json_object_keys keys;
};

struct json_scan {
    const char *begin, *at, *end;
    enum state state;
    unsigned depth; /* open containers */
    struct json_limits limits;
    size_t nodes;
    const char *why;
    struct json_keys keys;
    struct level levels[]; /* limits.depth of them */
};

struct json_scan *json_scan_new(struct str input, struct json_limits limits)
{
    size_t levels_bytes;
    ASSERT(CHECKED_MUL(limits.depth, sizeof(struct level), &levels_bytes));
    struct json_scan *s = xmalloc(sizeof *s + levels_bytes);
    s->begin = s->at = input.ptr;
    s->end = input.ptr + input.len;
    s->state = AT_VALUE;
    s->depth = 0;
    s->limits = limits;
    s->nodes = 0;
    s->why = NULL;
    json_keys_init(&s->keys);
    if (input.len > UINT32_MAX) { /* a key's length is kept in 32 bits */
        s->state = FAILED;
        s->why = "the text is too long";
    }
    return s;
}

void json_scan_free(struct json_scan **scan)
{
    struct json_scan *s = TAKE(*scan);
    if (!s)
        return;
    json_keys_done(&s->keys);
    free(s);
}

void json_scan_autop(struct json_scan **scan)
{
    json_scan_free(scan);
}

const char *json_scan_why(const struct json_scan *scan)
{
    return scan->why ? scan->why : "";
}

size_t json_scan_offset(const struct json_scan *scan)
{
    return (size_t)(scan->at - scan->begin);
}

static void set_failed(struct json_scan *s, const char *at, const char *why)
{
    s->at = at;
    s->state = FAILED;
    s->why = why;
}

static enum err fail(struct json_scan *s, const char *at, const char *why)
{
    set_failed(s, at, why);
    return ERR_JSON;
}

static enum err fail_at_byte(struct json_scan *s, const char *at)
{
    return fail(s, at, at == s->end ? "the text ends too early" : "unexpected character");
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

__attribute__((noinline)) static const char *skip_blank_run(const char *p, const char *end)
{
#ifdef __SSE2__
    /* Indentation comes in runs. UNSAFE: loads of 16 bytes that the condition has counted. */
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i wide = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(' ')),
                                    _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
        __m128i rare = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\r')),
                                    _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));
        unsigned other = ~(unsigned)_mm_movemask_epi8(_mm_or_si128(wide, rare)) & 0xffff;
        if (other)
            return p + __builtin_ctz(other);
        p += 16;
    }
#endif
    while (p < end && is_blank(*p))
        p++;
    return p;
}

/* Mostly there are none. */
static inline const char *skip_blanks(const char *p, const char *end)
{
    return p < end && (unsigned char)*p > ' ' ? p : skip_blank_run(p, end);
}

/* p is at a byte that json_plain_end() stopped at, other than the closing quote. Returns what
 * follows it, or NULL after set_failed(). Kept out of line: most strings need none of it. */
__attribute__((noinline)) static const char *special_bytes(struct json_scan *s, const char *p,
                                                           bool *escaped)
{
    if (p == s->end) {
        set_failed(s, p, "the text ends inside a string");
        return NULL;
    }
    if (*p == '\\') {
        uint32_t code;
        const char *why;
        size_t len = json_escape_read(p, s->end, &code, &why);
        *escaped = true;
        if (len == 0) {
            set_failed(s, p, why);
            return NULL;
        }
        return p + len;
    }
    if ((unsigned char)*p < 0x20) {
        set_failed(s, p, "a control character stands in a string");
        return NULL;
    }
    while (p < s->end && (unsigned char)*p >= 0x80) {
        unsigned len = json_utf8_len(p, s->end);
        if (len == 0) {
            set_failed(s, p, "invalid UTF-8");
            return NULL;
        }
        p += len;
    }
    return p;
}

/* p is at the opening quote. */
static inline enum err scan_string(struct json_scan *s, const char *quote, struct json_token *ret)
{
    const char *p = quote + 1;
    bool escaped = false, dollar = false;
    for (;;) {
        p = json_plain_end(p, s->end, &dollar);
        if (p < s->end && *p == '"')
            break;
        p = special_bytes(s, p, &escaped);
        if (!p)
            return ERR_JSON;
    }
    ret->raw = str_bytes(quote + 1, (size_t)(p - quote - 1));
    ret->escaped = escaped;
    ret->dollar = dollar;
    s->at = p + 1;
    return OK;
}

/* The end of a token: s->at is behind it. */
static inline enum err finish(struct json_scan *s, enum json_token_type type, const char *from,
                              struct json_token *ret)
{
    ret->type = type;
    ret->begin = (size_t)(from - s->begin);
    ret->end = (size_t)(s->at - s->begin);
    ret->depth = s->depth;
    return OK;
}

static inline enum err finish_value(struct json_scan *s, enum json_token_type type,
                                    const char *from, struct json_token *ret)
{
    s->state = s->depth ? AT_NEXT : AT_END;
    return finish(s, type, from, ret);
}

static inline void set_no_text(struct json_token *ret)
{
    ret->raw = STR_EMPTY;
    ret->escaped = ret->dollar = false;
}

static enum err open_container(struct json_scan *s, const char *p, struct json_token *ret)
{
    bool object = *p == '{';
    if (s->depth >= s->limits.depth)
        return fail(s, p, "nested too deeply");
    set_no_text(ret);
    s->at = p + 1;
    TRY(finish(s, object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN, p, ret));
    struct level *level = &s->levels[s->depth++];
    level->object = object;
    if (object)
        level->keys = json_keys_open(&s->keys);
    s->state = object ? AT_FIRST_KEY : AT_FIRST_ELEMENT;
    return OK;
}

static enum err close_container(struct json_scan *s, const char *p, struct json_token *ret)
{
    struct level *level = &s->levels[s->depth - 1];
    if (*p != (level->object ? '}' : ']'))
        return fail_at_byte(s, p);
    if (level->object)
        json_keys_close(&s->keys, &level->keys);
    s->depth--;
    set_no_text(ret);
    s->at = p + 1;
    return finish_value(s, level->object ? JSON_OBJECT_END : JSON_ARRAY_END, p, ret);
}

static enum err scan_number(struct json_scan *s, const char *p, struct json_token *ret)
{
    enum { ALWAYS_FITS = 300 }; /* digits that cannot make more than 1e300 */
    bool exponent;
    size_t len = json_number_len(str_bytes(p, (size_t)(s->end - p)), &exponent);
    if (len == 0)
        return fail(s, p, "malformed number");
    set_no_text(ret);
    ret->raw = str_bytes(p, len);
    if ((exponent || len > ALWAYS_FITS) && !json_number_fits_double(ret->raw))
        return fail(s, p, "a number is out of range");
    s->at = p + len;
    return finish_value(s, JSON_NUMBER, p, ret);
}

static enum err scan_word(struct json_scan *s, const char *p, struct str word,
                          enum json_token_type type, struct json_token *ret)
{
    if ((size_t)(s->end - p) < word.len || memcmp(p, word.ptr, word.len) != 0)
        return fail(s, p, "unknown word");
    set_no_text(ret);
    s->at = p + word.len;
    return finish_value(s, type, p, ret);
}

static enum err scan_value(struct json_scan *s, const char *p, struct json_token *ret)
{
    if (p == s->end)
        return fail_at_byte(s, p);
    if (++s->nodes > s->limits.nodes)
        return fail(s, p, "too many values");
    switch (*p) {
    case '"':
        TRY(scan_string(s, p, ret));
        return finish_value(s, JSON_STRING, p, ret);
    case '{':
    case '[':
        return open_container(s, p, ret);
    case 't':
        return scan_word(s, p, STR("true"), JSON_TRUE, ret);
    case 'f':
        return scan_word(s, p, STR("false"), JSON_FALSE, ret);
    case 'n':
        return scan_word(s, p, STR("null"), JSON_NULL, ret);
    default:
        if (*p == '-' || (*p >= '0' && *p <= '9'))
            return scan_number(s, p, ret);
        return fail_at_byte(s, p);
    }
}

static inline enum err scan_key(struct json_scan *s, const char *p, struct json_token *ret)
{
    if (p == s->end || *p != '"')
        return fail_at_byte(s, p);
    TRY(scan_string(s, p, ret));
    TRY(finish(s, JSON_KEY, p, ret));
    if (!json_keys_add(&s->keys, &s->levels[s->depth - 1].keys, ret->raw, ret->escaped))
        return fail(s, p, "duplicate key");
    p = skip_blanks(s->at, s->end);
    if (p == s->end || *p != ':')
        return fail_at_byte(s, p);
    s->at = p + 1;
    s->state = AT_VALUE;
    return OK;
}

enum err json_scan_next(struct json_scan *s, struct json_token *ret)
{
    const char *p = skip_blanks(s->at, s->end);
    switch (s->state) {
    case AT_NEXT:
        if (p == s->end)
            return fail_at_byte(s, p);
        if (*p != ',')
            return close_container(s, p, ret);
        p = skip_blanks(p + 1, s->end);
        if (s->levels[s->depth - 1].object)
            return scan_key(s, p, ret);
        return scan_value(s, p, ret);
    case AT_VALUE:
        return scan_value(s, p, ret);
    case AT_FIRST_KEY:
        if (p < s->end && *p == '}')
            return close_container(s, p, ret);
        return scan_key(s, p, ret);
    case AT_FIRST_ELEMENT:
        if (p < s->end && *p == ']')
            return close_container(s, p, ret);
        return scan_value(s, p, ret);
    case AT_END:
        if (p != s->end)
            return fail(s, p, "more text follows the document");
        s->at = p;
        set_no_text(ret);
        return finish(s, JSON_END, p, ret);
    case FAILED:
        break;
    }
    return ERR_JSON;
}

enum err json_scan_skip(struct json_scan *scan, const struct json_token *value, size_t *ret_end)
{
    struct json_token token = *value;
    if (value->type == JSON_OBJECT_BEGIN || value->type == JSON_ARRAY_BEGIN) {
        do
            TRY(json_scan_next(scan, &token));
        while (scan->depth > value->depth);
    }
    *ret_end = token.end;
    return OK;
}

enum err json_valid(struct str input, struct json_limits limits)
{
    AUTOP(json_scan) struct json_scan *scan = json_scan_new(input, limits);
    struct json_token token;
    do
        TRY(json_scan_next(scan, &token));
    while (token.type != JSON_END);
    return OK;
}
