/* Any bytes: the scanner's verdict is jansson's, and tokens lie in order inside the input. */
#include "json_encode.h"
#include "json_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_bytes(data, size);
    ASSERT(json_oracle_agrees(input));
    ASSERT(str_find(input, '\0') == size || json_opinion_of_ours(input) != JSON_ACCEPTED);
    AUTOP(json_scan) struct json_scan *scan = json_scan_new(input, JSON_LIMITS_DEFAULT);
    AUTO(buf) struct buf plain = buf_make(size + 1), again = buf_make(6 * size + 1);
    struct json_token token;
    size_t last = 0;
    while (json_scan_next(scan, &token) == OK && token.type != JSON_END) {
        ASSERT(token.begin >= last && token.end > token.begin && token.end <= size);
        last = token.end;
        if (token.type != JSON_STRING && token.type != JSON_KEY)
            continue;
        ASSERT(token.escaped == (str_find(token.raw, '\\') < token.raw.len));
        ASSERT(token.dollar == (str_find(token.raw, '$') < token.raw.len));
        /* Unescaping and escaping again gives a string that means the same. */
        buf_reset(&plain);
        buf_reset(&again);
        ASSERT(json_unescape(token.raw, &plain) == OK);
        ASSERT(json_escape(&again, buf_str(&plain)) == OK);
        ASSERT(again.len == json_escaped_len(buf_str(&plain)));
        AUTO(buf) struct buf back = buf_make(size + 1);
        ASSERT(json_unescape(buf_str(&again), &back) == OK);
        ASSERT(str_equal(buf_str(&back), buf_str(&plain)));
    }
    return 0;
}
