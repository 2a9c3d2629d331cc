#include "url.h"

/* What is accepted parses to itself, and holds nothing that could end a line or a host early. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(url) struct url u = {0};
    if (url_parse(str_bytes(data, size), &u) != OK)
        return 0;
    struct str text = buf_str(&u.text), host = buf_str(&u.host);
    for (size_t i = 0; i < text.len; i++)
        ASSERT((unsigned char)text.ptr[i] > 0x20 && text.ptr[i] != '\\');
    ASSERT(host.len > 0 && str_find(host, '@') == host.len && str_find(host, '/') == host.len);
    ASSERT(u.port != 0 && u.path.len > 0 && u.path.ptr[0] == '/');
    if (text.len > URL_MAX_BYTES) /* grew by percent-encoding */
        return 0;
    AUTO(url) struct url again = {0};
    ASSERT(url_parse(text, &again) == OK);
    ASSERT(str_equal(text, buf_str(&again.text)) && str_equal(host, buf_str(&again.host)));
    return 0;
}
