/* One arena per request for everything that is not secret; freed at once at the end (and wiped,
 * since reference text and names pass through it). Owner thread. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "str.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
    size_t used_bytes;
};

static inline struct arena arena_make(void)
{
    return (struct arena){NULL, 0};
}

/* Zeroed, aligned for anything. The size is checked by the caller when it comes from input. */
void *arena_alloc(struct arena *a, size_t size_bytes);
void *arena_array(struct arena *a, size_t count, size_t size_bytes);
struct str arena_str(struct arena *a, struct str s); /* copy; also NUL-terminated behind it */
char *arena_text(struct arena *a, struct str s);     /* copy with terminator */
struct str arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
void arena_auto(struct arena *a);

#endif
