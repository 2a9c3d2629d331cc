#include "fetch_head.h"

#include "limit.h"

/* Only what can be shown and passed on as one header value. */
static void take_text(struct str value, char *ret, size_t size)
{
    ret[0] = 0;
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < 0x20 || (unsigned char)value.ptr[i] > 0x7e)
            return;
    if (str_to_text(value, ret, size) != OK)
        ret[0] = 0;
}

static void take_status(struct fetch_head *head, struct str line)
{
    struct str version, code;
    uint64_t status = 0;
    (void)str_split(str_split(line, ' ', &version), ' ', &code);
    if (str_to_u64(str_trim(code), 999, &status) != OK)
        status = 0;
    head->status = (int)status;
    head->chunked = head->encoded = false;
    head->content_length = -1;
    head->content_type[0] = head->request_id[0] = head->etag[0] = head->date[0] = 0;
}

static void take_field(struct fetch_head *head, struct str name, struct str value)
{
    uint64_t length;
    if (str_equal_nocase(name, STR("content-type"))) {
        take_text(value, head->content_type, sizeof head->content_type);
    } else if (str_equal_nocase(name, STR("content-encoding"))) {
        head->encoded = head->encoded || !str_equal_nocase(value, STR("identity"));
    } else if (str_equal_nocase(name, STR("x-request-id"))) {
        take_text(value, head->request_id, sizeof head->request_id);
    } else if (str_equal_nocase(name, STR("etag"))) {
        take_text(value, head->etag, sizeof head->etag);
    } else if (str_equal_nocase(name, STR("date"))) {
        take_text(value, head->date, sizeof head->date);
    } else if (str_equal_nocase(name, STR("transfer-encoding"))) {
        head->chunked = true;
        head->content_length = -1;
    } else if (str_equal_nocase(name, STR("content-length")) && !head->chunked &&
               str_to_u64(value, INT64_MAX, &length) == OK) {
        head->content_length = (int64_t)length;
    }
}

enum err fetch_head_line(struct fetch_head *head, struct str line)
{
    if (line.len > UPSTREAM_HEADERS_MAX_BYTES - head->bytes)
        return ERR_TOO_LARGE;
    head->bytes += line.len;
    if (head->ended) /* a trailer */
        return OK;
    struct str text = str_trim(line), name;
    if (str_starts(text, STR("HTTP/"))) {
        take_status(head, text);
    } else if (text.len == 0) {
        head->ended = head->status >= 200;
    } else {
        struct str value = str_trim(str_split(text, ':', &name));
        take_field(head, name, value);
    }
    return OK;
}
