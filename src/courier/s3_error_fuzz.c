#include "s3_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char code[S3_CODE_BYTES];
    memset(code, 1, sizeof code);
    s3_error_code(str_bytes(data, size), code);
    size_t len = strnlen(code, sizeof code);
    ASSERT(len < sizeof code);
    for (size_t i = 0; i < len; i++)
        ASSERT((unsigned char)code[i] > 0x20 && (unsigned char)code[i] < 0x7f && code[i] != '<');
    return 0;
}
