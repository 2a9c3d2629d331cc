#include "json_escapes.h"
#include "encode.h"

#include "json_scan.h"

/* The four digits at p, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

/* p is at the first digit behind "\u". */
static size_t read_unicode(const char *p, const char *end, uint32_t *ret_code, const char **ret_why)
{
    int32_t high = hex4(p, end);
    if (high < 0) {
        *ret_why = "\\u is not followed by four hexadecimal digits";
        return 0;
    }
    if (high == 0) {
        *ret_why = "\\u0000 is not accepted";
        return 0;
    }
    if (high < 0xd800 || high > 0xdfff) {
        *ret_code = (uint32_t)high;
        return 6;
    }
    int32_t low = -1;
    if (high <= 0xdbff && end - p >= 10 && p[4] == '\\' && p[5] == 'u')
        low = hex4(p + 6, end);
    if (low < 0xdc00 || low > 0xdfff) {
        *ret_why = "a surrogate stands alone";
        return 0;
    }
    *ret_code = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    return 12;
}

size_t json_escape_read(const char *p, const char *end, uint32_t *ret_code, const char **ret_why)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (end - p < 2) {
        *ret_why = "the text ends inside a string";
        return 0;
    }
    if (p[1] == 'u')
        return read_unicode(p + 2, end, ret_code, ret_why);
    const char *at = memchr(from, p[1], sizeof from - 1);
    if (!at) {
        *ret_why = "unknown escape";
        return 0;
    }
    *ret_code = (unsigned char)to[at - from];
    return 2;
}

static size_t put_utf8(uint32_t code, char *ret)
{
    if (code < 0x80) {
        ret[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        ret[i] = (char)(0x80 | (code & 0x3f));
    ret[0] = (char)((0xf00 >> len) | code);
    return len;
}

bool json_piece_next(struct str *rest, char scratch[static JSON_ESCAPE_MAX_BYTES],
                     struct str *ret_piece)
{
    if (rest->len == 0)
        return false;
    size_t used = str_find(*rest, '\\');
    if (used > 0) {
        *ret_piece = str_slice(*rest, 0, used);
    } else {
        uint32_t code = 0;
        const char *why;
        used = json_escape_read(rest->ptr, rest->ptr + rest->len, &code, &why);
        ASSERT(used > 0); /* the string was scanned before */
        *ret_piece = str_bytes(scratch, put_utf8(code, scratch));
    }
    *rest = str_slice(*rest, used, rest->len);
    return true;
}

size_t json_unescaped_len(struct str raw)
{
    char scratch[JSON_ESCAPE_MAX_BYTES];
    struct str piece;
    size_t len = 0;
    while (json_piece_next(&raw, scratch, &piece))
        len += piece.len;
    return len;
}

bool json_raw_is(struct str raw, bool escaped, struct str text)
{
    if (!escaped)
        return str_equal(raw, text);
    char scratch[JSON_ESCAPE_MAX_BYTES];
    struct str piece;
    while (json_piece_next(&raw, scratch, &piece)) {
        if (!str_starts(text, piece))
            return false;
        text = str_slice(text, piece.len, text.len);
    }
    return text.len == 0;
}

enum err json_unescape(struct str raw, struct buf *out)
{
    char scratch[JSON_ESCAPE_MAX_BYTES];
    struct str piece;
    TRY(buf_reserve(out, json_unescaped_len(raw)));
    while (json_piece_next(&raw, scratch, &piece))
        TRY(buf_put(out, piece));
    return OK;
}
