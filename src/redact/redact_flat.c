#include "redact_flat.h"

#include <stdlib.h>

#include "alloc.h"

/* Sixteen bytes that are compared at once. */
typedef uint8_t block __attribute__((vector_size(16)));

struct redact_flat redact_flat_make(size_t held_max_bytes, size_t slice_max_bytes)
{
    return (struct redact_flat){
        .bytes = buf_make(held_max_bytes + slice_max_bytes),
        .raw = buf_make((held_max_bytes + 1) * (REDACT_BREAK_MAX_BYTES + 1) + slice_max_bytes)};
}

void redact_flat_auto(struct redact_flat *f)
{
    buf_auto(&f->bytes);
    buf_auto(&f->raw);
    free(f->breaks);
    f->breaks = NULL;
    f->break_count = f->break_capacity = 0;
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static void add_break(struct redact_flat *f, size_t len)
{
    uint64_t at = redact_flat_end(f);
    if (f->break_count > f->breaks_taken && f->breaks[f->break_count - 1].at == at) {
        f->breaks[f->break_count - 1].len += len;
        return;
    }
    if (f->break_count == f->break_capacity) {
        f->break_capacity = f->break_capacity ? f->break_capacity * 2 : 64;
        f->breaks = xrealloc(f->breaks, f->break_capacity, sizeof *f->breaks);
    }
    f->breaks[f->break_count++] = (struct redact_break){at, len};
}

/* A row of CR and LF; returns how long it is. There is room for it. */
static size_t add_row(struct redact_flat *f, struct str text)
{
    size_t i = 0;
    while (i < text.len && is_break(text.ptr[i]) && f->in_row < REDACT_BREAK_MAX_BYTES) {
        i++;
        f->in_row++;
    }
    if (i)
        add_break(f, i);
    for (; i < text.len && is_break(text.ptr[i]); i++)
        f->bytes.ptr[f->bytes.len++] = text.ptr[i];
    return i;
}

/* The first byte that is not zero, of eight as they stand in memory. */
static size_t first_of(uint64_t bytes)
{
    bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    return (size_t)(little ? __builtin_ctzll(bytes) : __builtin_clzll(bytes)) / 8;
}

/* Where in the block the first CR or LF stands; without one, the block's size. */
static size_t break_in(const char *at)
{
    block b;
    uint64_t half[2];
    memcpy(&b, at, sizeof b);
    b = (block)((b == '\n') | (b == '\r'));
    memcpy(half, &b, sizeof half);
    if (half[0])
        return first_of(half[0]);
    return sizeof half[0] + (half[1] ? first_of(half[1]) : sizeof half[1]);
}

/* Copies up to the next CR or LF; returns how much. UNSAFE: a block is written where fewer bytes
 * may be wanted, but `to` has room for as much as `text` holds, and what is too much is written
 * over by the next line or wiped. */
static size_t copy_line(char *to, struct str text)
{
    size_t i = 0;
    for (; i + sizeof(block) <= text.len; i += sizeof(block)) {
        memcpy(to + i, text.ptr + i, sizeof(block));
        size_t before = break_in(text.ptr + i);
        if (before < sizeof(block))
            return i + before;
    }
    for (; i < text.len && !is_break(text.ptr[i]); i++)
        to[i] = text.ptr[i];
    return i;
}

enum err redact_flat_add(struct redact_flat *f, struct str slice)
{
    TRY(buf_put(&f->raw, slice));
    TRY(buf_reserve(&f->bytes, slice.len));
    for (size_t i = 0; i < slice.len;) {
        struct str rest = str_slice(slice, i, slice.len);
        if (is_break(rest.ptr[0])) {
            i += add_row(f, rest);
            continue;
        }
        size_t len = copy_line(f->bytes.ptr + f->bytes.len, rest);
        f->bytes.len += len;
        f->in_row = 0;
        i += len;
    }
    size_t room = f->bytes.capacity - f->bytes.len;
    wipe(f->bytes.ptr + f->bytes.len, room < sizeof(block) ? room : sizeof(block));
    return OK;
}

uint64_t redact_flat_front(const struct redact_flat *f)
{
    return f->base + f->taken;
}

uint64_t redact_flat_end(const struct redact_flat *f)
{
    return f->base + f->bytes.len;
}

bool redact_flat_is_broken(const struct redact_flat *f, uint64_t at)
{
    size_t low = f->breaks_taken, high = f->break_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->breaks[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < f->break_count && f->breaks[low].at == at;
}

static enum err take_raw(struct redact_flat *f, size_t len, struct buf *out, uint64_t *taken_bytes)
{
    if (out && len)
        TRY(buf_put(out, str_bytes(f->raw.ptr + f->raw_taken, len)));
    f->raw_taken += len;
    *taken_bytes += len;
    return OK;
}

enum err redact_flat_take(struct redact_flat *f, uint64_t to, struct buf *out,
                          uint64_t *taken_bytes)
{
    size_t len = (size_t)(to - redact_flat_front(f));
    f->taken += len;
    for (; f->breaks_taken < f->break_count && f->breaks[f->breaks_taken].at < to;
         f->breaks_taken++)
        len += f->breaks[f->breaks_taken].len;
    return take_raw(f, len, out, taken_bytes);
}

enum err redact_flat_take_break(struct redact_flat *f, struct buf *out, uint64_t *taken_bytes)
{
    bool there =
        f->breaks_taken < f->break_count && f->breaks[f->breaks_taken].at == redact_flat_front(f);
    return there ? take_raw(f, f->breaks[f->breaks_taken++].len, out, taken_bytes) : OK;
}

static void drop_front(struct buf *b, size_t count)
{
    size_t rest = b->len - count;
    if (count && rest)
        memmove(b->ptr, b->ptr + count, rest);
    buf_truncate(b, rest);
}

void redact_flat_drop(struct redact_flat *f)
{
    f->base += f->taken;
    drop_front(&f->bytes, f->taken);
    drop_front(&f->raw, f->raw_taken);
    if (f->breaks_taken) {
        f->break_count -= f->breaks_taken;
        memmove(f->breaks, f->breaks + f->breaks_taken, f->break_count * sizeof *f->breaks);
    }
    f->taken = f->breaks_taken = f->raw_taken = 0;
}

size_t redact_flat_pattern(char *ptr, size_t len)
{
    size_t from = 0, kept = 0, row = 0;
    while (len && is_break(ptr[len - 1]))
        len--;
    while (from < len && is_break(ptr[from]))
        from++;
    for (size_t i = from; i < len; i++) {
        row = is_break(ptr[i]) ? row + 1 : 0;
        if (row == 0 || row > REDACT_BREAK_MAX_BYTES)
            ptr[kept++] = ptr[i];
    }
    return kept;
}
