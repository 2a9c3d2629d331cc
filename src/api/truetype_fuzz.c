/* A family name is UTF-8 without control characters, within the limit, whatever the bytes. */
#include "truetype.h"

#include "json_chars.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf) struct buf family = buf_make(128);
    struct str file = str_bytes(data, size);
    if (truetype_problem(file) || truetype_family(file, &family) != OK)
        return 0;
    ASSERT(family.len > 0 && family.len <= 128);
    for (const char *p = family.ptr, *end = p + family.len; p < end;) {
        unsigned n = json_utf8_len(p, end);
        ASSERT(n > 0 && (unsigned char)*p >= ' ' && *p != 0x7f);
        p += n;
    }
    return 0;
}
