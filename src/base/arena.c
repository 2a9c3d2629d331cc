#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(16) char bytes[];
};

/* The first chunk is enough for most requests, and small enough for the allocator to have at hand;
 * as much as is taken is overwritten when it is given back. */
enum { FIRST_CHUNK_BYTES = 1024 - 32, CHUNK_BYTES = 4096 - 32 };

void *arena_alloc(struct arena *a, size_t size_bytes)
{
    size_t need = (size_bytes + 15) & ~(size_t)15;
    ASSERT(need >= size_bytes);
    struct arena_chunk *c = a->chunks;
    if (!c || c->size - c->used < need) {
        size_t size = c ? CHUNK_BYTES : FIRST_CHUNK_BYTES;
        size = need > size ? need : size;
        c = xmalloc(sizeof *c + size);
        c->used = 0;
        c->size = size;
        c->next = a->chunks;
        a->chunks = c;
    }
    void *p = c->bytes + c->used;
    c->used += need;
    a->used_bytes += need;
    memset(p, 0, need);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size_bytes)
{
    size_t total;
    ASSERT(CHECKED_MUL(count, size_bytes, &total));
    return arena_alloc(a, total);
}

struct str arena_str(struct arena *a, struct str s)
{
    return (struct str){arena_text(a, s), s.len};
}

char *arena_text(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    ASSERT(format);
    va_start(args, format);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(need >= 0);
    char *text = arena_alloc(a, (size_t)need + 1);
    vsnprintf(text, (size_t)need + 1, format, again);
    va_end(again);
    return (struct str){text, (size_t)need};
}

void arena_auto(struct arena *a)
{
    while (a->chunks) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        wipe(c->bytes, c->used);
        free(c);
    }
    a->used_bytes = 0;
}
