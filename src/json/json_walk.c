/* Elements and members of values that were validated before: json_decode.h's second half. It looks
 * at brackets and quotes only. */
#include "json_decode.h"

static struct str behind(struct str s, size_t from)
{
    return str_trim(str_slice(s, from, s.len));
}

/* Length of the string that s starts with, quotes included; s.len + 1 when it has no end. */
static size_t string_len(struct str s)
{
    for (size_t at = 1; at < s.len; at++) {
        if (s.ptr[at] == '\\')
            at++;
        else if (s.ptr[at] == '"')
            return at + 1;
    }
    return s.len + 1;
}

static size_t container_len(struct str s)
{
    size_t depth = 0;
    for (size_t at = 0; at < s.len; at++) {
        char c = s.ptr[at];
        if (c == '"')
            at += string_len(str_slice(s, at, s.len)) - 1;
        else if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return at + 1;
    }
    return s.len + 1;
}

/* Takes the value off the front of *rest, which has no blanks around it. */
static bool take_value(struct str *rest, struct str *ret)
{
    size_t len = 0;
    if (rest->len == 0)
        return false;
    if (rest->ptr[0] == '"')
        len = string_len(*rest);
    else if (rest->ptr[0] == '{' || rest->ptr[0] == '[')
        len = container_len(*rest);
    else
        while (len < rest->len && !memchr(", \t\r\n]}", rest->ptr[len], 7))
            len++;
    if (len == 0 || len > rest->len)
        return false;
    *ret = str_slice(*rest, 0, len);
    *rest = behind(*rest, len);
    return true;
}

static bool take_byte(struct str *rest, char byte)
{
    if (rest->len == 0 || rest->ptr[0] != byte)
        return false;
    *rest = behind(*rest, 1);
    return true;
}

/* What stands between the brackets, or nothing. */
static struct str inside(struct str container, char open, char close)
{
    struct str s = str_trim(container);
    if (s.len < 2 || s.ptr[0] != open || s.ptr[s.len - 1] != close)
        return STR_EMPTY;
    return str_trim(str_slice(s, 1, s.len - 1));
}

void json_elements_init(struct json_elements *e, struct str array)
{
    *e = (struct json_elements){inside(array, '[', ']'), 0, false};
}

bool json_elements_next(struct json_elements *e, struct str *ret_element)
{
    if (e->begun && !take_byte(&e->rest, ','))
        return false;
    if (!take_value(&e->rest, ret_element))
        return false;
    e->index += e->begun;
    e->begun = true;
    return true;
}

void json_members_init(struct json_members *m, struct str object)
{
    *m = (struct json_members){inside(object, '{', '}'), false};
}

bool json_members_next(struct json_members *m, struct str *ret_key, struct str *ret_value)
{
    struct str key, value;
    if (m->begun && !take_byte(&m->rest, ','))
        return false;
    if (m->rest.len == 0 || m->rest.ptr[0] != '"' || !take_value(&m->rest, &key))
        return false;
    if (!take_byte(&m->rest, ':') || !take_value(&m->rest, &value))
        return false;
    *ret_key = str_slice(key, 1, key.len - 1);
    *ret_value = value;
    m->begun = true;
    return true;
}
