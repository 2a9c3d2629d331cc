/* Small allocations that end the process on failure, overflow-checked arrays, and wiping.
 * A size that comes from input is checked against a named limit before it gets here.
 * Any thread. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *xmalloc(size_t size_bytes);
void *xcalloc(size_t count, size_t size_bytes);
void *xrealloc(void *ptr, size_t count, size_t size_bytes); /* contents must not be secret */
char *xstrdup(const char *text);

/* Overwrites memory in a way the compiler cannot remove. NULL with 0 is fine. */
void wipe(void *ptr, size_t len_bytes);

/* Compares without branching on the contents. */
bool equal_constant_time(const void *a, const void *b, size_t len_bytes);

/* Called once, first thing in main: every block that is freed, by us or by a library (HTTP, TLS,
 * curl), is overwritten first. Linking this function replaces free and realloc for the whole
 * program (not under the sanitizers, which have their own). */
void alloc_wipe_freed_memory(void);

/* AUTO(mem) char *p = str_dup(s); */
void mem_auto(void *pointer_to_pointer);

#define CHECKED_ADD(a, b, ret) (!__builtin_add_overflow((a), (b), (ret)))
#define CHECKED_MUL(a, b, ret) (!__builtin_mul_overflow((a), (b), (ret)))

#endif
