/* Answers from memory. The bytes are wiped when the library is done with them. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "alloc.h"
#include "http_internal.h"
#include "json_encode.h"

enum {
    ERROR_BODY_MAX_BYTES = 256 * 1024,
    HTTP_RAW_BODY_MAX_BYTES = 64 * 1024, /* what an empty socket buffer takes in one piece */
};

static const char JSON_TYPE[] = "application/json; charset=utf-8";

static void free_bytes(void *cls)
{
    struct buf *b = cls;
    buf_auto(b);
    free(b);
}

/* Takes the bytes of `body`. They live as long as the response does. */
static struct MHD_Response *response_of(struct buf *body, struct str *ret)
{
    struct buf *held = xmalloc(sizeof *held);
    *held = *body;
    *body = buf_make(held->max);
    *ret = buf_str(held);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        held->len, held->ptr ? held->ptr : (char *)held, free_bytes, held);
    ASSERT(response);
    return response;
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    /* Refused only when it holds CR or LF; http_answer_header has looked. */
    ASSERT(MHD_add_response_header(response, name, value) == MHD_YES);
}

static bool has_answer_header(const struct http_request *r, const char *name)
{
    for (const struct http_answer_field *f = r->answer_fields; f; f = f->next)
        if (str_equal_nocase(str_from(f->name), str_from(name)))
            return true;
    return false;
}

void http_answer(struct http_request *r, int status, const char *content_type,
                 struct MHD_Response *response)
{
    if (r->gone) {
        MHD_destroy_response(response);
        return;
    }
    ASSERT(!r->response);
    if (content_type)
        add(response, "Content-Type", content_type);
    add(response, "X-Request-Id", r->id.text);
    if (!has_answer_header(r, "Cache-Control"))
        add(response, "Cache-Control", "no-store");
    add(response, "X-Content-Type-Options", "nosniff");
    if (status == err_status(ERR_UNAUTHORIZED))
        add(response, "WWW-Authenticate", "Bearer");
    for (const struct http_answer_field *f = r->answer_fields; f; f = f->next)
        add(response, f->name, f->value);
    if (r->must_close)
        add(response, "Connection", "close");
    r->response = response;
    r->status = status;
    if (r->head_only)
        r->answer_bytes = 0;
    /* From here on r belongs to the connection's thread, unless that waits for us. */
    struct MHD_Connection *mhd = r->mhd;
    if (atomic_exchange(&r->answer_state, HTTP_ANSWERED) == HTTP_SUSPENDED)
        MHD_resume_connection(mhd);
}

/* The field of this name, which may be set already: a request is authorised twice. */
static struct http_answer_field *answer_header(struct http_request *r, const char *name)
{
    for (struct http_answer_field *f = r->answer_fields; f; f = f->next)
        if (str_equal_nocase(str_from(f->name), str_from(name)))
            return f;
    struct http_answer_field *f = arena_alloc(&r->arena, sizeof *f);
    f->name = arena_text(&r->arena, str_from(name));
    f->next = r->answer_fields;
    r->answer_fields = f;
    return f;
}

void http_answer_header(struct http_request *r, const char *name, const char *value)
{
    struct http_answer_field *f = answer_header(r, name);
    char *copy = arena_text(&r->arena, str_from(value));
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    f->value = copy;
}

/* Answers with these bytes, and takes them. */
static void answer_bytes(struct http_request *r, int status, const char *content_type,
                         struct buf *body)
{
    struct str bytes;
    struct MHD_Response *response = response_of(body, &bytes);
    r->answer_bytes = bytes.len;
    r->answer_body = bytes;
    http_answer(r, status, content_type, response);
}

void http_reply(struct http_request *r, int status, const char *content_type, struct str body)
{
    AUTO(buf) struct buf copy = buf_make(body.len ? body.len : 1);
    ASSERT(buf_put(&copy, body) == OK);
    answer_bytes(r, status, content_type, &copy);
}

void http_reply_json(struct http_request *r, int status, struct buf *body)
{
    answer_bytes(r, status, JSON_TYPE, body);
}

void http_reply_empty(struct http_request *r, int status)
{
    AUTO(buf) struct buf none = buf_make(1);
    answer_bytes(r, status, NULL, &none);
}

/* One tag, several, or "*"; a weak one too: it is compared as RFC 9110 13.1.2 wants. */
bool http_client_has(const struct http_request *r)
{
    struct str list = http_header(r, "If-None-Match");
    if (!r->tag || list.len == 0)
        return false;
    while (list.ptr) {
        struct str one;
        list = str_split(list, ',', &one);
        one = str_trim(one);
        if (str_starts(one, STR("W/")))
            one = str_slice(one, 2, one.len);
        if (str_is(one, r->tag) || str_is(one, "*"))
            return true;
    }
    return false;
}

void http_reply_static(struct http_request *r, const char *content_type, struct str body)
{
    if (http_client_has(r)) {
        http_reply_empty(r, 304);
        return;
    }
    /* UNSAFE: casts away const for the library, which only reads persistent memory. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_PERSISTENT);
    ASSERT(response);
    http_answer(r, 200, content_type, response);
}

/* --- errors --- */

void http_error_body(struct buf *body, const char *text, const char *code,
                     const struct problems *problems)
{
    struct json_out o = json_out_make(body);
    json_out_open(&o, '{');
    json_out_member_str(&o, "error", str_from(text));
    json_out_member_str(&o, "code", str_from(code));
    if (problems && problems->count) {
        json_out_key(&o, "details");
        json_out_open(&o, '[');
        for (size_t i = 0; i < problems->count; i++) {
            json_out_open(&o, '{');
            json_out_member_str(&o, "field", problems->list[i].field);
            json_out_member_str(&o, "message", problems->list[i].message);
            json_out_close(&o, '}');
        }
        json_out_close(&o, ']');
    }
    json_out_close(&o, '}');
    if (json_out_end(&o) == OK)
        return;
    /* More details than fit: the sentence and the code alone do. */
    ASSERT(problems);
    buf_reset(body);
    http_error_body(body, text, code, NULL);
}

static void fail(struct http_request *r, int status, const char *code, const char *text,
                 const struct problems *problems)
{
    AUTO(buf) struct buf body = buf_make(ERROR_BODY_MAX_BYTES);
    http_error_body(&body, text, code, problems);
    if (str_is(str_from(code), err_code(ERR_BUSY)))
        http_answer_header(r, "Retry-After", "1");
    http_reply_json(r, status, &body);
}

void http_fail_as(struct http_request *r, int status, const char *code, const char *text)
{
    fail(r, status, code, text, NULL);
}

void http_fail(struct http_request *r, enum err e)
{
    fail(r, err_status(e), err_code(e), err_text(e), NULL);
}

void http_fail_with(struct http_request *r, enum err e, const struct problems *problems)
{
    fail(r, err_status(e), err_code(e), err_text(e), problems);
}

void http_fail_text(struct http_request *r, enum err e, const char *text)
{
    fail(r, err_status(e), err_code(e), text, NULL);
}

/* --- straight to the socket --- */

/* Best effort: a peer that takes nothing gets nothing. */
static bool send_raw(struct http_request *r, struct str all)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info)
        return http_tls_send(info->tls_session, all);
    return send(r->conn->fd, all.ptr, all.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)all.len;
}

void http_fail_raw(struct http_request *r, enum err e)
{
    AUTO(buf) struct buf body = buf_make(ERROR_BODY_MAX_BYTES);
    AUTO(buf) struct buf all = buf_make(ERROR_BODY_MAX_BYTES);
    http_error_body(&body, err_text(e), err_code(e), NULL);
    enum err made = buf_printf(
        &all,
        "HTTP/1.1 %d Refused\r\nContent-Type: %s\r\nX-Request-Id: %s\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%.*s",
        err_status(e), JSON_TYPE, r->id.text, body.len, (int)body.len, body.ptr);
    ASSERT(made == OK);
    (void)send_raw(r, buf_str(&all));
}

static enum MHD_Result put_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct buf *all = cls;
    (void)kind;
    bool ours = str_equal_nocase(str_from(name), STR("Connection"));
    return ours || buf_printf(all, "%s: %s\r\n", name, value) == OK ? MHD_YES : MHD_NO;
}

bool http_answer_raw(struct http_request *r)
{
    struct str body = r->answer_body;
    if (!body.ptr || body.len > HTTP_RAW_BODY_MAX_BYTES)
        return false;
    char date[48];
    struct tm now;
    time_t seconds = time(NULL);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &now));
    AUTO(buf) struct buf all = buf_make(HTTP_RAW_BODY_MAX_BYTES + ERROR_BODY_MAX_BYTES);
    enum err e = buf_printf(&all, "HTTP/1.1 %d %s\r\n", r->status,
                            MHD_get_reason_phrase_for((unsigned)r->status));
    (void)MHD_get_response_headers(r->response, put_field, &all);
    if (e == OK && r->status != 204)
        e = buf_printf(&all, "Content-Length: %zu\r\n", body.len);
    if (e == OK)
        e = buf_printf(&all, "Date: %s\r\nConnection: close\r\n\r\n", date);
    if (e == OK && !r->head_only)
        e = buf_put(&all, body);
    return e == OK && send_raw(r, buf_str(&all));
}
