#include "s3_error.h"

static bool plain(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_'))
            return false;
    }
    return word.len > 0;
}

void s3_error_code(struct str body, char ret[static S3_CODE_BYTES])
{
    const struct str open = STR("<Code>"), close = STR("</Code>");
    ret[0] = 0;
    size_t begin = str_search(body, open, 0);
    if (begin == body.len)
        return;
    begin += open.len;
    size_t end = str_search(body, close, begin);
    struct str word = str_slice(body, begin, end);
    if (end == body.len || !plain(word) || str_to_text(word, ret, S3_CODE_BYTES) != OK)
        ret[0] = 0;
}
