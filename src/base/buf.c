#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"

enum { FIRST_CAPACITY = 64 };

enum err buf_reserve(struct buf *b, size_t more_bytes)
{
    size_t want;
    ASSERT(b->max > 0);
    if (!CHECKED_ADD(b->len, more_bytes, &want) || want > b->max)
        return ERR_TOO_LARGE;
    if (want <= b->capacity)
        return OK;
    size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;
    while (capacity < want)
        capacity = capacity > b->max / 2 ? b->max : capacity * 2;
    /* No realloc: it may leave a copy behind that nobody wipes. */
    char *fresh = xmalloc(capacity);
    if (b->len)
        memcpy(fresh, b->ptr, b->len);
    wipe(b->ptr, b->len);
    free(b->ptr);
    b->ptr = fresh;
    b->capacity = capacity;
    return OK;
}

enum err buf_put(struct buf *b, struct str bytes)
{
    TRY(buf_reserve(b, bytes.len));
    if (bytes.len)
        memcpy(b->ptr + b->len, bytes.ptr, bytes.len);
    b->len += bytes.len;
    return OK;
}

enum err buf_put_byte(struct buf *b, uint8_t byte)
{
    TRY(buf_reserve(b, 1));
    b->ptr[b->len++] = (char)byte;
    return OK;
}

enum err buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    enum err e = need < 0 ? ERR_INTERNAL : buf_reserve(b, (size_t)need + 1);
    if (e == OK) {
        vsnprintf(b->ptr + b->len, (size_t)need + 1, format, again);
        b->len += (size_t)need;
    }
    va_end(again);
    return e;
}

static enum err put_le(struct buf *b, uint64_t v, unsigned bytes)
{
    TRY(buf_reserve(b, bytes));
    for (unsigned i = 0; i < bytes; i++)
        b->ptr[b->len++] = (char)(uint8_t)(v >> (8 * i));
    return OK;
}

enum err buf_put_u16(struct buf *b, uint16_t v)
{
    return put_le(b, v, 2);
}

enum err buf_put_u32(struct buf *b, uint32_t v)
{
    return put_le(b, v, 4);
}

enum err buf_put_u64(struct buf *b, uint64_t v)
{
    return put_le(b, v, 8);
}

enum err buf_put_lengthed(struct buf *b, struct str bytes)
{
    if (bytes.len > UINT32_MAX)
        return ERR_TOO_LARGE;
    TRY(buf_reserve(b, 4 + bytes.len));
    TRY(buf_put_u32(b, (uint32_t)bytes.len));
    return buf_put(b, bytes);
}

void buf_truncate(struct buf *b, size_t len)
{
    if (len >= b->len)
        return;
    wipe(b->ptr + len, b->len - len);
    b->len = len;
}

void buf_reset(struct buf *b)
{
    buf_truncate(b, 0);
}

void buf_auto(struct buf *b)
{
    if (!b->ptr)
        return;
    wipe(b->ptr, b->len);
    free(b->ptr);
    *b = buf_make(b->max);
}

enum err reader_bytes(struct reader *r, size_t len, struct str *ret)
{
    if (len > r->rest.len)
        return ERR_INVALID;
    *ret = str_slice(r->rest, 0, len);
    r->rest = str_slice(r->rest, len, r->rest.len);
    return OK;
}

static enum err get_le(struct reader *r, unsigned bytes, uint64_t *ret)
{
    struct str raw;
    TRY(reader_bytes(r, bytes, &raw));
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)(uint8_t)raw.ptr[i] << (8 * i);
    *ret = v;
    return OK;
}

enum err reader_u8(struct reader *r, uint8_t *ret)
{
    uint64_t v;
    TRY(get_le(r, 1, &v));
    *ret = (uint8_t)v;
    return OK;
}

enum err reader_u16(struct reader *r, uint16_t *ret)
{
    uint64_t v;
    TRY(get_le(r, 2, &v));
    *ret = (uint16_t)v;
    return OK;
}

enum err reader_u32(struct reader *r, uint32_t *ret)
{
    uint64_t v;
    TRY(get_le(r, 4, &v));
    *ret = (uint32_t)v;
    return OK;
}

enum err reader_u64(struct reader *r, uint64_t *ret)
{
    return get_le(r, 8, ret);
}

enum err reader_lengthed(struct reader *r, struct str *ret)
{
    struct reader copy = *r;
    uint32_t len;
    TRY(reader_u32(&copy, &len));
    TRY(reader_bytes(&copy, len, ret));
    *r = copy;
    return OK;
}

enum err reader_end(const struct reader *r)
{
    return r->rest.len == 0 ? OK : ERR_INVALID;
}
