/* What is wrong with a request: a list of {field, message}, which becomes `details` of a 400.
 * A field is a JSON pointer or a member's name made of our own words and array indices; a message
 * is ours and quotes nothing of the input. Owner thread; lives in the request's arena. */
#ifndef BASE_PROBLEMS_H
#define BASE_PROBLEMS_H

#include "arena.h"
#include "limit.h"

struct problem {
    struct str field, message;
};

struct problems {
    struct arena *arena;
    struct problem list[PROBLEMS_MAX];
    size_t count; /* past PROBLEMS_MAX further ones are dropped */
};

static inline void problems_init(struct problems *p, struct arena *arena)
{
    p->arena = arena;
    p->count = 0;
}

/* Both are copied. Always returns ERR_INVALID, so a caller can `return problems_add(...)`. */
enum err problems_add(struct problems *p, struct str field, const char *message);
enum err problems_addf(struct problems *p, struct str field, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
