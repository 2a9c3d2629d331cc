/* What the scanner, the unescaper and the writer know about characters. Internal to this folder,
 * but for json_utf8_len. Any thread. */
#ifndef JSON_CHARS_H
#define JSON_CHARS_H

#include "str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* True for bytes that stand for themselves in a string: printable ASCII but '"' and '\'. */
static inline bool json_byte_is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte at or after p that is not plain, or end. *dollar becomes true when a '$' was
 * passed: that costs one instruction here and saves the search for references a second pass. */
static inline const char *json_plain_end(const char *p, const char *end, bool *dollar)
{
#ifdef __SSE2__
    while (end - p >= 16) {
        /* UNSAFE: an unaligned load of 16 bytes, which the loop's condition has counted. */
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
        __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
        __m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
        /* v itself brings in the top bit: bytes from 0x80 up. */
        __m128i special = _mm_or_si128(_mm_or_si128(control, quote), _mm_or_si128(backslash, v));
        unsigned stop = (unsigned)_mm_movemask_epi8(special);
        unsigned dollars = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('$')));
        if (stop) {
            unsigned before = (stop & -stop) - 1;
            *dollar |= (dollars & before) != 0;
            return p + __builtin_ctz(stop);
        }
        *dollar |= dollars != 0;
        p += 16;
    }
#endif
    for (; p < end && json_byte_is_plain((unsigned char)*p); p++)
        *dollar |= *p == '$';
    return p;
}

/* Length of the UTF-8 sequence at p (p < end): 1 to 4, or 0 when there is no valid one. */
static inline unsigned json_utf8_len(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4)
        return 0; /* a continuation byte, an overlong form, or past U+10FFFF */
    if (left < 2 || (u[1] & 0xc0) != 0x80)
        return 0;
    if (u[0] < 0xe0)
        return 2;
    if (left < 3 || (u[2] & 0xc0) != 0x80)
        return 0;
    if (u[0] < 0xf0) {
        bool overlong = u[0] == 0xe0 && u[1] < 0xa0;
        bool surrogate = u[0] == 0xed && u[1] >= 0xa0;
        return overlong || surrogate ? 0 : 3;
    }
    if (left < 4 || (u[3] & 0xc0) != 0x80)
        return 0;
    bool overlong = u[0] == 0xf0 && u[1] < 0x90;
    bool beyond = u[0] == 0xf4 && u[1] >= 0x90;
    return overlong || beyond ? 0 : 4;
}

#endif
