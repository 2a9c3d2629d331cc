/* What a handler may ask of its request. */
#include <stdlib.h>

#include "alloc.h"
#include "cookie.h"
#include "encode.h"
#include "http_internal.h"

void *http_ctx(const struct http_request *r)
{
    return r->server->options.ctx;
}

struct str http_method(const struct http_request *r)
{
    return r->method_name;
}

struct str http_path(const struct http_request *r)
{
    return r->path.whole;
}

struct str http_param(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->match.count; i++)
        if (str_is(r->match.names[i], name))
            return r->match.values[i];
    return STR_EMPTY;
}

/* Form decoding: %XX and '+'. A broken escape stays as it is. */
static struct str query_decode(struct arena *arena, struct str raw)
{
    char *out = arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '%' && raw.len - i >= 3 && hex_digit(raw.ptr[i + 1]) >= 0 &&
            hex_digit(raw.ptr[i + 2]) >= 0) {
            c = (char)(hex_digit(raw.ptr[i + 1]) << 4 | hex_digit(raw.ptr[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[len++] = c;
    }
    return str_bytes(out, len);
}

bool http_query(const struct http_request *r, const char *name, struct str *ret)
{
    struct str rest = r->query;
    while (rest.len) {
        struct str pair, key;
        rest = str_split(rest, '&', &pair);
        struct str value = str_split(pair, '=', &key);
        if (!str_is(query_decode(r->arena_here, key), name))
            continue;
        *ret = query_decode(r->arena_here, value);
        return true;
    }
    return false;
}

bool http_query_name(const struct http_request *r, size_t *at, struct str *ret)
{
    struct str pair = STR_EMPTY, key, rest = str_slice(r->query, *at, r->query.len);
    while (rest.len && pair.len == 0)
        rest = str_split(rest, '&', &pair);
    *at = r->query.len - rest.len;
    if (pair.len == 0)
        return false;
    (void)str_split(pair, '=', &key);
    *ret = query_decode(r->arena_here, key);
    return true;
}

struct query_pair {
    struct str name, value;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct query_pair *x = a, *y = b;
    int order = str_compare(x->name, y->name);
    return order ? order : str_compare(x->value, y->value);
}

/* Sorted, since a query of many short parameters must not cost their square. */
bool http_query_torn(const struct http_request *r)
{
    size_t count = 0, most = 1;
    struct str rest = r->query, raw;
    if (rest.len == 0)
        return false;
    for (size_t i = 0; i < rest.len; i++)
        most += rest.ptr[i] == '&';
    struct query_pair *pairs = arena_array(r->arena_here, most, sizeof *pairs);
    while (rest.len) {
        struct str key;
        rest = str_split(rest, '&', &raw);
        struct str value = str_split(raw, '=', &key);
        if (raw.len)
            pairs[count++] = (struct query_pair){query_decode(r->arena_here, key),
                                                 query_decode(r->arena_here, value)};
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    for (size_t i = 1; i < count; i++) {
        if (str_equal(pairs[i - 1].name, pairs[i].name) &&
            !str_equal(pairs[i - 1].value, pairs[i].value))
            return true;
    }
    return false;
}

struct str http_header(const struct http_request *r, const char *name)
{
    struct str wanted = str_from(name);
    for (size_t i = 0; i < r->field_count; i++)
        if (str_equal_nocase(r->fields[i].name, wanted))
            return r->fields[i].value;
    return STR_EMPTY;
}

struct str http_authorization(const struct http_request *r)
{
    return r->authorization.ptr ? r->authorization : STR_EMPTY;
}

struct str http_farm_secret(const struct http_request *r)
{
    return r->farm_secret.ptr ? r->farm_secret : STR_EMPTY;
}

size_t http_cookie(const struct http_request *r, const char *name, struct str *ret)
{
    size_t found = 0;
    for (size_t i = 0; i < r->field_count; i++) {
        struct str value;
        if (!str_equal_nocase(r->fields[i].name, STR("Cookie")))
            continue;
        size_t here = cookie_find(r->fields[i].value, str_from(name), &value);
        if (found == 0 && here > 0)
            *ret = value;
        found += here;
    }
    return found;
}

bool http_has_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (str_equal_nocase(r->fields[i].name, str_from(name)))
            return true;
    return false;
}

struct str http_body(const struct http_request *r)
{
    return buf_str(&r->body);
}

struct str http_peer(const struct http_request *r)
{
    return str_from(r->conn->peer);
}

struct str http_request_id(const struct http_request *r)
{
    return ulid_str(&r->id);
}

struct str http_base_url(const struct http_request *r)
{
    const struct http_options *o = &r->server->options;
    const char *scheme = o->tls_cert ? "https" : "http";
    struct str host = http_header(r, "Host");
    if (host.len)
        return arena_printf(r->arena_here, "%s://%.*s", scheme, (int)host.len, host.ptr);
    if (!o->address)
        return arena_printf(r->arena_here, "%s://localhost", scheme);
    bool v6 = strchr(o->address, ':') != NULL;
    return arena_printf(r->arena_here, "%s://%s%s%s:%u", scheme, v6 ? "[" : "", o->address,
                        v6 ? "]" : "", r->server->port);
}

bool http_is_tls(const struct http_request *r)
{
    return r->server->tls != NULL;
}

bool http_tls_names(const struct http_request *r, struct str host)
{
    enum { HOST_MAX_BYTES = 254 };
    char text[HOST_MAX_BYTES];
    return r->server->tls && str_to_text(host, text, sizeof text) == OK &&
           http_tls_cert_names(r->server->tls, text);
}

bool http_is_operator(const struct http_request *r)
{
    return r->server->options.operator_socket && !r->conn->refused;
}

struct arena *http_arena(struct http_request *r)
{
    return &r->arena;
}

void http_set_user(struct http_request *r, void *user)
{
    r->user = user;
}

void *http_user(const struct http_request *r)
{
    return r->user;
}

void http_stream_body(struct http_request *r, const struct http_sink *sink)
{
    ASSERT(r->phase == HTTP_PHASE_HEAD && !r->has_sink);
    r->sink = *sink;
    r->has_sink = true;
}

void http_suspend(struct http_request *r)
{
    r->suspend_wanted = true;
}
