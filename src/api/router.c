#include "router.h"

#include <stdlib.h>

#include "alloc.h"
#include "encode.h"

struct router_entry {
    const struct http_route *route;
    enum router_method method;
    bool bare; /* only as written, not under /api/v2 */
    size_t count;
    struct str segments[ROUTER_SEGMENTS_MAX]; /* of a {param}: its name */
    bool is_param[ROUTER_SEGMENTS_MAX];
};

struct router {
    struct router_entry *entries; /* by count, then literals before parameters */
    size_t count;
    size_t first[ROUTER_SEGMENTS_MAX + 2]; /* entries of n segments: [first[n], first[n + 1]) */
};

static const struct {
    const char *name;
    enum router_method method;
} METHODS[] = {
    {"GET", ROUTER_GET},         {"HEAD", ROUTER_HEAD},     {"POST", ROUTER_POST},
    {"PUT", ROUTER_PUT},         {"DELETE", ROUTER_DELETE}, {"PATCH", ROUTER_PATCH},
    {"OPTIONS", ROUTER_OPTIONS}, {"TRACE", ROUTER_NEVER},   {"CONNECT", ROUTER_NEVER},
    {"QUERY", ROUTER_NEVER},
};

enum router_method router_method(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(METHODS); i++)
        if (str_is(name, METHODS[i].name))
            return METHODS[i].method;
    return ROUTER_UNKNOWN;
}

struct str router_allow(unsigned methods, struct arena *arena)
{
    struct str list = STR_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(METHODS); i++)
        if (methods & METHODS[i].method)
            list = arena_printf(arena, "%s%s%s", list.ptr, list.len ? ", " : "", METHODS[i].name);
    return list;
}

/* --- a request's path --- */

/* Decodes raw[at] into *ret and moves `at` behind it. */
static enum err decode_one(struct str raw, size_t *at, unsigned char *ret)
{
    char c = raw.ptr[*at];
    if (c != '%') {
        *at += 1;
        *ret = (unsigned char)c;
        return OK;
    }
    if (raw.len - *at < 3)
        return ERR_NOT_FOUND;
    int high = hex_digit(raw.ptr[*at + 1]), low = hex_digit(raw.ptr[*at + 2]);
    if (high < 0 || low < 0)
        return ERR_NOT_FOUND;
    *at += 3;
    *ret = (unsigned char)(high << 4 | low);
    return *ret == '/' ? ERR_NOT_FOUND : OK;
}

static enum err end_segment(struct router_path *path, const char *start, const char *end)
{
    struct str segment = {start, (size_t)(end - start)};
    if (str_is(segment, ".") || str_is(segment, ".."))
        return ERR_NOT_FOUND;
    if (path->count == ROUTER_SEGMENTS_MAX)
        return ERR_NOT_FOUND;
    path->segments[path->count++] = segment;
    return OK;
}

enum err router_split(struct str raw, struct arena *arena, struct router_path *ret)
{
    ret->count = 0;
    if (raw.len == 0 || raw.ptr[0] != '/')
        return ERR_NOT_FOUND;
    char *text = arena_alloc(arena, raw.len + 1), *out = text, *start = text + 1;
    for (size_t at = 0; at < raw.len;) {
        bool boundary = raw.ptr[at] == '/';
        unsigned char c;
        TRY(decode_one(raw, &at, &c));
        if (c < 0x20 || c == 0x7f)
            return ERR_NOT_FOUND;
        if (boundary && out != text) {
            if (out == start)
                return ERR_NOT_FOUND;
            TRY(end_segment(ret, start, out));
            start = out + 1;
        }
        *out++ = (char)c;
    }
    ret->whole = str_bytes(text, (size_t)(out - text));
    return raw.len == 1 ? OK : end_segment(ret, start, out);
}

/* --- the table --- */

static void entry_init(struct router_entry *e, const struct http_route *route)
{
    struct str rest = str_from(route->pattern);
    size_t params = 0;
    e->route = route;
    e->method = router_method(str_from(route->method));
    e->bare = rest.ptr[0] == '!';
    rest = str_slice(rest, e->bare ? 1 : 0, rest.len);
    struct str pattern = rest;
    ASSERT(rest.len > 0 && rest.ptr[0] == '/');
    ASSERT(e->method < ROUTER_NEVER && e->method != ROUTER_HEAD);
    rest = str_slice(rest, 1, rest.len);
    while (rest.len > 0) {
        struct str head;
        rest = str_split(rest, '/', &head);
        ASSERT(head.len > 0 && e->count < ROUTER_SEGMENTS_MAX);
        bool param = head.ptr[0] == '{';
        e->is_param[e->count] = param;
        e->segments[e->count++] = param ? str_slice(head, 1, head.len - 1) : head;
        params += param;
    }
    if (pattern.len > 1 && pattern.ptr[pattern.len - 1] == '/') {
        ASSERT(e->count < ROUTER_SEGMENTS_MAX);
        e->segments[e->count++] = STR_EMPTY;
    }
    ASSERT(params <= ROUTER_PARAMS_MAX);
}

static int entry_compare(const void *a, const void *b)
{
    const struct router_entry *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? -1 : 1;
    for (size_t i = 0; i < x->count; i++)
        if (x->is_param[i] != y->is_param[i])
            return x->is_param[i] ? 1 : -1;
    return x->route < y->route ? -1 : x->route > y->route;
}

struct router *router_new(const struct http_route *routes, size_t count)
{
    struct router *r = xcalloc(1, sizeof *r);
    r->entries = xcalloc(count, sizeof *r->entries);
    r->count = count;
    for (size_t i = 0; i < count; i++)
        entry_init(&r->entries[i], &routes[i]);
    qsort(r->entries, count, sizeof *r->entries, entry_compare);
    size_t at = 0;
    for (size_t n = 0; n < ARRAY_LEN(r->first); n++) {
        while (at < count && r->entries[at].count < n)
            at++;
        r->first[n] = at;
    }
    return r;
}

void router_free(struct router **r)
{
    if (!*r)
        return;
    free((*r)->entries);
    free(*r);
    *r = NULL;
}

static bool entry_matches(const struct router_entry *e, const struct str *segments)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->is_param[i] ? segments[i].len == 0 : !str_equal(e->segments[i], segments[i]))
            return false;
    return true;
}

static void match_take(const struct router_entry *e, const struct str *segments,
                       struct router_match *ret)
{
    ret->route = e->route;
    ret->count = 0;
    for (size_t i = 0; i < e->count; i++)
        if (e->is_param[i]) {
            ret->names[ret->count] = e->segments[i];
            ret->values[ret->count++] = segments[i];
        }
}

/* One way to read the path: as it stands, or behind /api/v2. */
static bool find_in(const struct router *r, const struct str *segments, size_t count, bool prefixed,
                    enum router_method method, struct router_match *ret, unsigned *allowed)
{
    for (size_t i = r->first[count]; i < r->first[count + 1]; i++) {
        const struct router_entry *e = &r->entries[i];
        if ((e->bare && prefixed) || !entry_matches(e, segments))
            continue;
        if (e->method == method) {
            match_take(e, segments, ret);
            return true;
        }
        *allowed |= e->method;
    }
    return false;
}

enum err router_find(const struct router *r, const struct router_path *path,
                     enum router_method method, struct router_match *ret, unsigned *ret_allowed)
{
    enum router_method wanted = method == ROUTER_HEAD ? ROUTER_GET : method;
    unsigned allowed = 0;
    const struct str *s = path->segments;
    if (find_in(r, s, path->count, false, wanted, ret, &allowed))
        return OK;
    if (path->count >= 2 && str_is(s[0], "api") && str_is(s[1], "v2") &&
        find_in(r, s + 2, path->count - 2, true, wanted, ret, &allowed))
        return OK;
    if (!(allowed & ~(unsigned)ROUTER_OPTIONS)) /* there is nothing else to allow */
        return ERR_NOT_FOUND;
    *ret_allowed = allowed | (allowed & ROUTER_GET ? ROUTER_HEAD : 0);
    return ERR_METHOD;
}
