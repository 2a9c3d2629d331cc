/* free() and realloc() that overwrite what they give back. glibc's own M_PERTURB leaves out the
 * blocks of up to about 1 KiB that go into its per-thread cache, and those are the ones that hold
 * tokens and header values. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_FREE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define OWN_FREE 0
#endif
#endif
#ifndef OWN_FREE
#define OWN_FREE 1
#endif

/* That this is called is what brings the functions below into the program. */
void alloc_wipe_freed_memory(void)
{
}

#if OWN_FREE

extern void __libc_free(void *block); /* glibc's own names for its functions */
extern void *__libc_malloc(size_t size);

void free(void *block)
{
    if (!block)
        return;
    explicit_bzero(block, malloc_usable_size(block));
    __libc_free(block);
}

/* Growing in place would save a copy; moving without wiping would leave one. */
void *realloc(void *block, size_t size)
{
    if (!block)
        return __libc_malloc(size);
    if (size == 0) {
        free(block);
        return NULL;
    }
    size_t have = malloc_usable_size(block);
    if (size <= have && size >= have / 2)
        return block;
    void *fresh = __libc_malloc(size);
    if (!fresh)
        return NULL;
    memcpy(fresh, block, have < size ? have : size);
    free(block);
    return fresh;
}

#endif
