#include "str.h"

#include "alloc.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] != b.ptr[i] && lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool str_has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return true;
    }
    return false;
}

bool str_starts(struct str s, struct str prefix)
{
    return str_equal(str_slice(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_equal(str_slice(s, s.len - suffix.len, s.len), suffix);
}

int str_compare(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (struct str){s.ptr + from, to - from};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

size_t str_find(struct str s, char c)
{
    const char *hit = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : s.len;
}

size_t str_search(struct str s, struct str needle, size_t from)
{
    if (from >= s.len)
        return s.len;
    const char *hit = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return hit ? (size_t)(hit - s.ptr) : s.len;
}

struct str str_split(struct str s, char c, struct str *ret_head)
{
    size_t at = str_find(s, c);
    *ret_head = str_slice(s, 0, at);
    if (at == s.len)
        return (struct str){NULL, 0};
    return str_slice(s, at + 1, s.len);
}

enum err str_to_u64(struct str s, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    if (s.len == 0)
        return ERR_INVALID;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return ERR_INVALID;
        unsigned digit = (unsigned)(s.ptr[i] - '0');
        if (value > (max - digit) / 10 || digit > max)
            return ERR_INVALID;
        value = value * 10 + digit;
    }
    *ret = value;
    return OK;
}

enum err str_to_text(struct str s, char *ret, size_t size_bytes)
{
    if (s.len && memchr(s.ptr, 0, s.len))
        return ERR_INVALID;
    if (s.len >= size_bytes)
        return ERR_TOO_LARGE;
    if (s.len)
        memcpy(ret, s.ptr, s.len);
    ret[s.len] = 0;
    return OK;
}

char *str_dup(struct str s)
{
    char *copy = xmalloc(s.len + 1);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = 0;
    return copy;
}
