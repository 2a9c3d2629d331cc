/* Whatever parses has exactly the form, and any other last character makes it another text. */
#include "alloc.h"
#include "token_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str token;
    struct token_text t;
    struct str input = str_bytes(data, size);
    if (token_text_from_header(input, &token) != OK)
        token = input;
    if (token_text_parse(token, &t) != OK)
        return 0;
    ASSERT(token.len == TOKEN_TEXT_LEN && str_starts(token, STR("slt_")));
    ASSERT(t.id.len == TOKEN_ID_LEN && t.proof.len > TOKEN_ID_LEN + TOKEN_SECRET_LEN);
    char other[TOKEN_TEXT_LEN];
    memcpy(other, token.ptr, sizeof other);
    other[TOKEN_TEXT_LEN - 1] = other[TOKEN_TEXT_LEN - 1] == 'a' ? 'b' : 'a';
    ASSERT(token_text_parse(str_bytes(other, sizeof other), &t) != OK);
    return 0;
}
