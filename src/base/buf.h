/* An owned, growing byte buffer that cannot be made without a maximum, and is wiped when it grows,
 * is reset or is freed, so that resolved bytes may stand in one on their way out. Exceeding the
 * maximum is ERR_TOO_LARGE and leaves the contents as they were. Owner thread. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "str.h"

struct buf {
    char *ptr;
    size_t len, capacity, max;
};

static inline struct buf buf_make(size_t max_bytes)
{
    return (struct buf){NULL, 0, 0, max_bytes};
}

/* A borrowed view; dies at the next append, reset or free. */
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->ptr ? b->ptr : "", b->len};
}

enum err buf_reserve(struct buf *b, size_t more_bytes) MUST_USE;
enum err buf_put(struct buf *b, struct str bytes) MUST_USE;
enum err buf_put_byte(struct buf *b, uint8_t byte) MUST_USE;
enum err buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;

/* Little-endian integers, for the wire and disk formats. */
enum err buf_put_u16(struct buf *b, uint16_t v) MUST_USE;
enum err buf_put_u32(struct buf *b, uint32_t v) MUST_USE;
enum err buf_put_u64(struct buf *b, uint64_t v) MUST_USE;
/* u32 length, then the bytes. */
enum err buf_put_lengthed(struct buf *b, struct str bytes) MUST_USE;

void buf_truncate(struct buf *b, size_t len); /* wipes what is cut */
void buf_reset(struct buf *b);                /* wipes, keeps the memory and the maximum */
void buf_auto(struct buf *b);                 /* wipes and frees; the maximum stays */

/* Reader over bytes: each call consumes from the front or fails with ERR_INVALID, consuming
 * nothing. Returned strs borrow from the input. */
struct reader {
    struct str rest;
};
enum err reader_u8(struct reader *r, uint8_t *ret) MUST_USE;
enum err reader_u16(struct reader *r, uint16_t *ret) MUST_USE;
enum err reader_u32(struct reader *r, uint32_t *ret) MUST_USE;
enum err reader_u64(struct reader *r, uint64_t *ret) MUST_USE;
enum err reader_bytes(struct reader *r, size_t len, struct str *ret) MUST_USE;
enum err reader_lengthed(struct reader *r, struct str *ret) MUST_USE;
enum err reader_end(const struct reader *r) MUST_USE; /* ERR_INVALID when bytes are left */

#endif
