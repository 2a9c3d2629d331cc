#include "random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

#include "attr.h"

void random_bytes(void *ret, size_t len_bytes)
{
    uint8_t *at = ret;
    while (len_bytes) {
        ssize_t n = getrandom(at, len_bytes < 256 ? len_bytes : 256, 0);
        if (n < 0) {
            ASSERT(errno == EINTR);
            continue;
        }
        at += n;
        len_bytes -= (size_t)n;
    }
}
