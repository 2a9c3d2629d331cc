/* What is found lies in the header, and putting another pair behind it adds one. */
#include "alloc.h"
#include "cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char more[] = ";n=v";
    struct str header = str_bytes(data, size), value = STR_EMPTY;
    size_t found = cookie_find(header, STR("n"), &value);
    if (found > 0)
        ASSERT(value.ptr >= header.ptr && value.ptr + value.len <= header.ptr + header.len);
    char *longer = xmalloc(size + sizeof more);
    if (size > 0)
        memcpy(longer, data, size);
    memcpy(longer + size, more, sizeof more - 1);
    ASSERT(cookie_find(str_bytes(longer, size + sizeof more - 1), STR("n"), &value) == found + 1);
    mem_auto(&longer);
    return 0;
}
