/* Random bytes from the kernel. Any thread. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H
#include <stddef.h>
void random_bytes(void *ret, size_t len_bytes); /* ends the process if the kernel has none */
#endif
