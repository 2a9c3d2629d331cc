#include "encode.h"

#include "alloc.h"
#include "random.h"

static const char hex_lower[] = "0123456789abcdef", hex_upper[] = "0123456789ABCDEF";
static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum err encode_hex(struct buf *out, struct str bytes)
{
    TRY(buf_reserve(out, bytes.len * 2));
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = (uint8_t)bytes.ptr[i];
        out->ptr[out->len++] = hex_lower[c >> 4];
        out->ptr[out->len++] = hex_lower[c & 15];
    }
    return OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum err decode_hex(struct str text, struct buf *out)
{
    if (text.len % 2)
        return ERR_INVALID;
    TRY(buf_reserve(out, text.len / 2));
    size_t start = out->len;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.ptr[i]), low = hex_digit(text.ptr[i + 1]);
        if (high < 0 || low < 0) {
            buf_truncate(out, start);
            return ERR_INVALID;
        }
        out->ptr[out->len++] = (char)(high * 16 + low);
    }
    return OK;
}

static const char base64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum err encode_base64(struct buf *out, struct str bytes, enum base64_kind kind)
{
    const char *digits = kind == BASE64_STD ? base64_std : base64_url;
    TRY(buf_reserve(out, (bytes.len + 2) / 3 * 4));
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < have ? (uint8_t)bytes.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            if (k <= have)
                out->ptr[out->len++] = digits[v >> (18 - 6 * k) & 63];
            else if (kind == BASE64_STD)
                out->ptr[out->len++] = '=';
        }
    }
    return OK;
}

static enum err decode_group(struct str group, const char *digits, struct buf *out)
{
    uint32_t v = 0;
    for (size_t k = 0; k < group.len; k++) {
        const char *at = group.ptr[k] ? strchr(digits, group.ptr[k]) : NULL;
        if (!at)
            return ERR_INVALID;
        v |= (uint32_t)(at - digits) << (18 - 6 * k);
    }
    if (group.len == 1 || (v & (group.len == 2 ? 0xffffu : group.len == 3 ? 0xffu : 0u)))
        return ERR_INVALID; /* stray bits: not what any encoder writes */
    for (size_t k = 0; k + 1 < group.len; k++)
        TRY(buf_put_byte(out, (uint8_t)(v >> (16 - 8 * k))));
    return OK;
}

enum err decode_base64(struct str text, enum base64_kind kind, struct buf *out)
{
    if (kind == BASE64_STD) {
        if (text.len % 4)
            return ERR_INVALID;
        for (int k = 0; k < 2 && text.len && text.ptr[text.len - 1] == '='; k++)
            text.len--;
    }
    size_t start = out->len;
    for (size_t i = 0; i < text.len; i += 4) {
        enum err e = decode_group(str_slice(text, i, i + 4),
                                  kind == BASE64_STD ? base64_std : base64_url, out);
        if (e != OK) {
            buf_truncate(out, start);
            return e;
        }
    }
    return OK;
}

static bool plain(char c, bool keep_slash)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
}

enum err encode_percent(struct buf *out, struct str bytes, bool keep_slash)
{
    size_t need = 0;
    for (size_t i = 0; i < bytes.len; i++)
        need += plain(bytes.ptr[i], keep_slash) ? 1 : 3;
    TRY(buf_reserve(out, need));
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = (uint8_t)bytes.ptr[i];
        if (plain((char)c, keep_slash)) {
            out->ptr[out->len++] = (char)c;
            continue;
        }
        out->ptr[out->len++] = '%';
        out->ptr[out->len++] = hex_upper[c >> 4];
        out->ptr[out->len++] = hex_upper[c & 15];
    }
    return OK;
}

enum err decode_percent(struct str text, struct buf *out)
{
    size_t start = out->len;
    TRY(buf_reserve(out, text.len));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            out->ptr[out->len++] = text.ptr[i];
            continue;
        }
        bool whole = text.len - i > 2;
        int high = whole ? hex_digit(text.ptr[i + 1]) : -1;
        int low = whole ? hex_digit(text.ptr[i + 2]) : -1;
        if (high < 0 || low < 0) {
            buf_truncate(out, start);
            return ERR_INVALID;
        }
        out->ptr[out->len++] = (char)(high * 16 + low);
        i += 2;
    }
    return OK;
}

void random_base62(char *ret, size_t digits)
{
    for (size_t i = 0; i < digits;) {
        uint8_t bytes[64];
        random_bytes(bytes, sizeof bytes);
        /* 248 = 4 * 62: larger bytes would favour the first digits. */
        for (size_t k = 0; k < sizeof bytes && i < digits; k++) {
            if (bytes[k] < 248)
                ret[i++] = base62[bytes[k] % 62];
        }
        wipe(bytes, sizeof bytes);
    }
    ret[digits] = 0;
}

void encode_base62(uint32_t value, char *ret, size_t digits)
{
    for (size_t i = digits; i-- > 0; value /= 62)
        ret[i] = base62[value % 62];
}

uint32_t crc32_of(struct str bytes)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (uint8_t)bytes.ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}
