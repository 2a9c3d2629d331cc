#include "s3_error.h"

static void check_word(const char *word)
{
    size_t len = strnlen(word, S3_WORD_BYTES);
    ASSERT(len < S3_WORD_BYTES);
    for (size_t i = 0; i < len; i++)
        ASSERT((unsigned char)word[i] > 0x20 && (unsigned char)word[i] < 0x7f && word[i] != '<');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct s3_error e;
    AUTO(buf) struct buf text = buf_make(512);
    struct str body = str_bytes(data, size);
    memset(&e, 1, sizeof e);
    s3_error_read(body, &e);
    check_word(e.code);
    check_word(e.region);
    ASSERT(s3_error_describe(size > 0 ? 300 + data[0] : 200, &e, &text) == OK);
    struct str id = s3_error_upload_id(body);
    ASSERT(id.len <= S3_UPLOAD_ID_MAX_BYTES && str_find(id, '<') == id.len);
    return 0;
}
