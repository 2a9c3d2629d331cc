/* Refuses what the library lets through and what would let two parsers see two different requests.
 * See docs/THREATS.md for what it cannot see. */
#include <limits.h>

#include "alloc.h"
#include "http_internal.h"

static const char *const ONCE[] = {"Host",
                                   "Authorization",
                                   "Content-Length",
                                   "Transfer-Encoding",
                                   "Content-Encoding",
                                   "Expect",
                                   "Content-Type",
                                   "nexrender-secret",
                                   "Origin",
                                   "X-Safelight-CSRF",
                                   "Sec-Fetch-Site"};

static bool refuse(struct http_request *r, int status, const char *code, const char *text)
{
    r->must_close = true;
    http_fail_as(r, status, code, text);
    return false;
}

static bool refuse_framing(struct http_request *r, const char *text)
{
    return refuse(r, 400, err_code(ERR_FRAMING), text);
}

/* --- collecting --- */

static enum MHD_Result take_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    struct http_request *r = cls;
    (void)kind;
    r->fields[r->field_count++] =
        (struct http_field){str_bytes(name, name_len), str_bytes(value ? value : "", value_len)};
    return MHD_YES;
}

static bool collect(struct http_request *r)
{
    int count = MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, NULL, NULL);
    if (count > HTTP_HEADERS_MAX)
        return refuse(r, 431, "HEADERS_TOO_LARGE", "The request has too many header fields");
    r->fields = arena_array(&r->arena, count > 0 ? (size_t)count : 1, sizeof *r->fields);
    (void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, take_field, r);
    return true;
}

/* --- the head as it stood on the wire --- */

/* Consumes `len` bytes and `zeros` terminators behind them. */
static bool step(const char **at, const char *end, const char *expected, size_t len, size_t zeros)
{
    if (*at != expected || (size_t)(end - *at) < len + zeros)
        return false;
    *at += len;
    for (size_t i = 0; i < zeros; i++)
        if (*(*at)++ != '\0')
            return false;
    return true;
}

/* Libraries before 1.0 end a line at a bare LF, cut a value at a NUL, join folded lines and skip
 * extra blanks, without a way to ask for less. They parse in place, though: each CR and LF they saw
 * has become a NUL, and names and values point into the head. So the head was well formed exactly
 * if, put end to end with one separator and two terminators a line, the pieces fill it.
 * UNSAFE: the walk reads only between `method` and its header size, which the library says is one
 * run of its memory, and every step is checked against that end before it is taken. */
static bool wire_exact(const struct http_request *r, const char *method, const char *url,
                       const char *version)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!info)
        return false;
    const char *at = method, *end = method + info->header_size;
    if (!step(&at, end, method, r->method_name.len, 1))
        return false;
    if (!step(&at, end, url, r->target_len, 1) || !step(&at, end, version, 8, 2))
        return false;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct http_field *f = &r->fields[i];
        if (!step(&at, end, f->name.ptr, f->name.len, 1))
            return false;
        while (at < end && at != f->value.ptr && (*at == ' ' || *at == '\t'))
            at++;
        if (!step(&at, end, f->value.ptr, f->value.len, 2))
            return false;
    }
    return step(&at, end, at, 0, 2) && at == end;
}

/* --- single fields --- */

static struct str trim_blanks(struct str s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = str_slice(s, 1, s.len);
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool field_clean(const struct http_field *f)
{
    if (f->name.len == 0)
        return false;
    for (size_t i = 0; i < f->name.len; i++)
        if (!is_token_char(f->name.ptr[i]))
            return false;
    for (size_t i = 0; i < f->value.len; i++) {
        unsigned char c = (unsigned char)f->value.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static size_t times(const struct http_request *r, struct str name)
{
    size_t n = 0;
    for (size_t i = 0; i < r->field_count; i++)
        n += str_equal_nocase(r->fields[i].name, name);
    return n;
}

static bool host_clean(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool fine = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    (c != '\0' && strchr(".-_:[]", c) != NULL);
        if (!fine)
            return false;
    }
    return host.len > 0;
}

static bool check_fields(struct http_request *r, bool http_1_1)
{
    for (size_t i = 0; i < r->field_count; i++) {
        if (!field_clean(&r->fields[i]))
            return refuse_framing(r, "A header field is malformed");
        r->fields[i].value = trim_blanks(r->fields[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(ONCE); i++)
        if (times(r, str_from(ONCE[i])) > 1)
            return refuse_framing(r, "A header field that may stand once stands repeatedly");
    struct str host = http_header(r, "Host");
    if (times(r, STR("Host")) == 0 ? http_1_1 : !host_clean(host))
        return refuse_framing(r, "The Host header is missing or malformed");
    return true;
}

static bool check_length(struct http_request *r, bool http_1_1)
{
    bool has_length = times(r, STR("Content-Length")) > 0;
    bool has_coding = times(r, STR("Transfer-Encoding")) > 0;
    if (has_length && has_coding)
        return refuse_framing(r, "Content-Length and Transfer-Encoding exclude each other");
    if (has_coding) {
        if (!http_1_1 || !str_equal_nocase(http_header(r, "Transfer-Encoding"), STR("chunked")))
            return refuse_framing(r, "The only Transfer-Encoding taken is chunked");
        r->content_length = -1;
        r->body_announced = true;
    } else if (has_length) {
        uint64_t length;
        if (str_to_u64(http_header(r, "Content-Length"), INT64_MAX, &length) != OK)
            return refuse_framing(r, "The Content-Length is not a number");
        r->content_length = (int64_t)length;
        r->body_announced = length > 0;
    }
    return true;
}

static bool check_body_fields(struct http_request *r)
{
    struct str coding = http_header(r, "Content-Encoding");
    if (coding.len && !str_equal_nocase(coding, STR("identity")))
        return refuse(r, err_status(ERR_MEDIA_TYPE), err_code(ERR_MEDIA_TYPE),
                      "A body must be sent without Content-Encoding");
    struct str expect = http_header(r, "Expect");
    if (expect.len && !str_equal_nocase(expect, STR("100-continue")))
        return refuse(r, 417, "EXPECTATION_FAILED", "The only Expect taken is 100-continue");
    return true;
}

static bool check_target(struct http_request *r)
{
    if (r->target_len > HTTP_TARGET_MAX_BYTES || r->parameters > HTTP_QUERY_PARAMETERS_MAX)
        return refuse(r, err_status(ERR_URI_TOO_LONG), err_code(ERR_URI_TOO_LONG),
                      err_text(ERR_URI_TOO_LONG));
    if (r->method == ROUTER_UNKNOWN)
        return refuse(r, err_status(ERR_NOT_IMPLEMENTED), err_code(ERR_NOT_IMPLEMENTED),
                      "This method is not known here");
    bool path = r->target.len > 0 && r->target.ptr[0] == '/';
    if (!path && (r->method == ROUTER_NEVER || r->method == ROUTER_OPTIONS)) {
        http_answer_header(r, "Allow", "GET, HEAD, POST, PUT, DELETE, PATCH");
        return refuse(r, err_status(ERR_METHOD), err_code(ERR_METHOD), err_text(ERR_METHOD));
    }
    if (!path)
        return refuse_framing(r, "The request target must be a path");
    for (size_t i = 0; i < r->target.len; i++) {
        unsigned char c = (unsigned char)r->target.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return refuse_framing(r, "The request target holds a byte that must be encoded");
    }
    return true;
}

/* A token leaves the library's memory at once: what stays readable is in our arena. */
static struct str take_token(struct http_request *r, const char *name)
{
    struct str held = http_header(r, name);
    struct str token = arena_str(&r->arena, trim_blanks(held));
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].value.ptr == held.ptr && held.len)
            r->fields[i].value = token;
    /* UNSAFE: casts away const; these bytes are the library's own writable buffer, and it reads
     * only Connection, Expect and the framing fields from here on. */
    wipe((char *)(uintptr_t)held.ptr, held.len);
    return token;
}

static enum MHD_Result wipe_parsed(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    (void)cls;
    (void)kind;
    (void)name;
    (void)name_len;
    /* UNSAFE: casts away const; the library's own copy, and it does not look at cookies. */
    if (value)
        wipe((char *)(uintptr_t)value, value_len);
    return MHD_YES;
}

/* The same for cookies, of which the library makes a copy. */
static void take_cookies(struct http_request *r)
{
    for (size_t i = 0; i < r->field_count; i++) {
        struct str held = r->fields[i].value;
        if (held.len == 0 || !str_equal_nocase(r->fields[i].name, STR("Cookie")))
            continue;
        r->fields[i].value = arena_str(&r->arena, held);
        /* UNSAFE: as above. */
        wipe((char *)(uintptr_t)held.ptr, held.len);
    }
    (void)MHD_get_connection_values_n(r->mhd, MHD_COOKIE_KIND, wipe_parsed, NULL);
}

bool http_check_head(struct http_request *r, const char *method, const char *url,
                     const char *version)
{
    r->method_name = arena_str(&r->arena, str_from(method));
    r->method = router_method(r->method_name);
    r->head_only = r->method == ROUTER_HEAD;
    bool http_1_1 = strcmp(version, "HTTP/1.1") == 0;
    if (!collect(r))
        return false;
    /* 1.0 and later parse strictly when they are told to (see http_server.c). */
    bool exact = MHD_get_version()[0] != '0' || wire_exact(r, method, url, version);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t head_bytes = info ? info->header_size : 0;
    r->authorization = take_token(r, "Authorization");
    r->farm_secret = take_token(r, "nexrender-secret");
    take_cookies(r);
    if (!exact || (!http_1_1 && strcmp(version, "HTTP/1.0") != 0))
        return refuse_framing(r, "The request head is malformed");
    if (!check_fields(r, http_1_1) || !check_length(r, http_1_1))
        return false;
    if (r->target_len <= HTTP_TARGET_MAX_BYTES && head_bytes > HTTP_HEADER_MAX_BYTES)
        return refuse(r, 431, "HEADERS_TOO_LARGE", "The request's header fields are too large");
    return check_target(r) && check_body_fields(r);
}
