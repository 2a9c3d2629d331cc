#include "alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attr.h"

static void *need(void *ptr)
{
    if (!ptr) {
        fputs("safelight: out of memory\n", stderr);
        abort();
    }
    return ptr;
}

void *xmalloc(size_t size_bytes)
{
    return need(malloc(size_bytes ? size_bytes : 1));
}

void *xcalloc(size_t count, size_t size_bytes)
{
    return need(calloc(count ? count : 1, size_bytes ? size_bytes : 1));
}

void *xrealloc(void *ptr, size_t count, size_t size_bytes)
{
    size_t total;
    ASSERT(CHECKED_MUL(count, size_bytes, &total));
    return need(realloc(ptr, total ? total : 1));
}

char *xstrdup(const char *text)
{
    return need(strdup(text));
}

void wipe(void *ptr, size_t len_bytes)
{
    if (len_bytes)
        explicit_bzero(ptr, len_bytes);
}

bool equal_constant_time(const void *a, const void *b, size_t len_bytes)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < len_bytes; i++)
        difference |= (uint8_t)(x[i] ^ y[i]);
    return difference == 0;
}

void mem_auto(void *pointer_to_pointer)
{
    void **p = pointer_to_pointer;
    free(*p);
    *p = NULL;
}
