#include "headers.h"

#include "json_decode.h"

static enum err add_text(struct headers *h, struct str raw, struct str *ret)
{
    size_t begin = h->text.len;
    bool quoted = raw.len >= 2 && raw.ptr[0] == '"';
    if (quoted)
        TRY(json_unescape(str_slice(raw, 1, raw.len - 1), &h->text));
    else
        TRY(buf_put(&h->text, raw));
    *ret = str_slice(buf_str(&h->text), begin, h->text.len);
    return OK;
}

static bool scalar(struct str raw)
{
    return raw.len > 0 && raw.ptr[0] != '{' && raw.ptr[0] != '[' && !str_is(raw, "null");
}

enum err headers_read(struct str object, struct headers *ret)
{
    *ret = (struct headers){.text = buf_make(object.len + 1)};
    if (object.len == 0 || str_is(object, "null"))
        return OK;
    if (object.ptr[0] != '{')
        return ERR_INVALID;
    /* Unescaping never makes longer: one reservation, so that what is borrowed stays in place. */
    TRY(buf_reserve(&ret->text, object.len));
    struct json_members members;
    struct str key, value;
    json_members_init(&members, object);
    while (json_members_next(&members, &key, &value)) {
        struct fetch_header *h = &ret->list[ret->count];
        if (ret->count == HEADERS_MAX || !scalar(value))
            return ERR_INVALID;
        size_t begin = ret->text.len;
        TRY(json_unescape(key, &ret->text));
        h->name = str_slice(buf_str(&ret->text), begin, ret->text.len);
        TRY(add_text(ret, value, &h->value));
        ret->count++;
    }
    return OK;
}

void headers_auto(struct headers *h)
{
    buf_auto(&h->text);
}

void headers_default(struct headers *h, struct str name, struct str value)
{
    for (size_t i = 0; i < h->count; i++)
        if (str_equal_nocase(h->list[i].name, name))
            return;
    h->list[h->count++] = (struct fetch_header){name, value};
}

void headers_set(struct headers *h, struct str name, struct str value)
{
    size_t kept = 0;
    for (size_t i = 0; i < h->count; i++)
        if (!str_equal_nocase(h->list[i].name, name))
            h->list[kept++] = h->list[i];
    h->list[kept++] = (struct fetch_header){name, value};
    h->count = kept;
}
