/* One webhook call: the job object (with the job's own data beside it), or the data alone. */
#include "errand.h"
#include "headers.h"
#include "json_decode.h"
#include "webhook_sign.h"

enum {
    TOTAL_MS = 10 * 1000,
    METHOD_MAX_BYTES = 16,
    WHAT_MAX_BYTES = 1024,
    BODY_MAX_BYTES = RESOLVED_PAYLOAD_MAX_BYTES + JOB_PAYLOAD_MAX_BYTES,
};

struct webhook {
    struct str url, method, headers, data;
    struct str custom; /* raw: null means false */
};
static const struct json_field WEBHOOK[] = {
    JSON_FIELD(struct webhook, url, "url", JSON_AS_RAW, JSON_REQUIRED, 0),
    JSON_FIELD(struct webhook, method, "method", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct webhook, headers, "headers", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct webhook, data, "data", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct webhook, custom, "custom", JSON_AS_RAW, JSON_OPTIONAL, 0),
};

static enum err decode(struct str fragment, struct webhook *ret)
{
    AUTO(arena) struct arena arena = arena_make();
    struct problems problems;
    problems_init(&problems, &arena);
    *ret = (struct webhook){0};
    return json_decode(fragment, WEBHOOK, ARRAY_LEN(WEBHOOK), STR_EMPTY, &problems, ret);
}

static enum err members(struct str fragment, struct str ret[static RESOLVE_MEMBERS_MAX])
{
    struct webhook w;
    TRY(decode(fragment, &w));
    ret[0] = w.url;
    return OK;
}

static enum err destination(const struct order *order, struct str fragment, struct url *ret)
{
    (void)order;
    struct webhook w;
    AUTO(buf) struct buf text = buf_make(URL_MAX_BYTES);
    TRY(decode(fragment, &w));
    TRY(resolve_text(w.url, &text));
    return url_parse(buf_str(&text), ret);
}

static const struct resolve_how HOW = {members, destination};

static bool given(struct str raw)
{
    return raw.len > 0 && !str_is(raw, "null");
}

/* The job's object with one more member before its closing brace. */
static enum err put_with_data(struct str object, struct str data, struct buf *out)
{
    object = str_trim(object);
    if (object.len < 2 || object.ptr[0] != '{' || object.ptr[object.len - 1] != '}')
        return ERR_INVALID;
    struct str inside = str_trim(str_slice(object, 1, object.len - 1));
    TRY(buf_put_byte(out, '{'));
    TRY(buf_put(out, inside));
    TRY(buf_put(out, inside.len ? STR(",\"data\":") : STR("\"data\":")));
    TRY(buf_put(out, data));
    return buf_put_byte(out, '}');
}

static enum err put_body(const struct errand *e, const struct webhook *w, struct buf *out)
{
    if (str_is(w->custom, "true"))
        return buf_put(out, given(w->data) ? w->data : STR("{}"));
    if (given(w->data))
        return put_with_data(e->order->body, w->data, out);
    return buf_put(out, e->order->body);
}

static enum err read_method(const struct webhook *w, struct buf *out)
{
    static const char *const known[] = {"GET", "POST", "PUT", "DELETE"};
    TRY(resolve_text(w->method, out));
    if (out->len == 0)
        return buf_put(out, STR("POST"));
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_is(buf_str(out), known[i]))
            return OK;
    return ERR_INVALID;
}

/* Only its status counts. */
static enum err ignore_body(void *ctx, struct str piece)
{
    (void)ctx;
    (void)piece;
    return OK;
}

struct call {
    struct buf method, body;
    struct headers headers;
    struct webhook_signature signature;
};

static void call_auto(struct call *c)
{
    buf_auto(&c->method);
    buf_auto(&c->body);
    headers_auto(&c->headers);
    webhook_signature_auto(&c->signature);
}

static enum err prepare(const struct errand *e, struct str json, struct call *ret)
{
    struct webhook w;
    *ret = (struct call){.method = buf_make(METHOD_MAX_BYTES), .body = buf_make(BODY_MAX_BYTES)};
    TRY(decode(json, &w));
    TRY(read_method(&w, &ret->method));
    TRY(headers_read(w.headers, &ret->headers));
    struct str method = buf_str(&ret->method);
    if (str_is(method, "GET") || str_is(method, "DELETE"))
        return OK;
    headers_default(&ret->headers, STR("Content-Type"), STR("application/json"));
    return put_body(e, &w, &ret->body);
}

static enum err describe(const struct call *c, const struct url *url, struct buf *out)
{
    TRY(buf_printf(out, "webhook %.*s to ", (int)c->method.len, c->method.ptr));
    return url_authority(url, out);
}

/* A receiver that counts on signatures must not be sent one call without. */
static void refuse_unsigned(const struct errand *e, enum err err, struct errand_end *ret)
{
    const struct ref_record *record = &e->order->signing.records[0];
    struct str name = record->context.name;
    if (err != ERR_INVALID) {
        errand_refuse(ret, "webhook signature", name, err);
        return;
    }
    ret->outcome = OUTCOME_FAILED;
    ret->err = err;
    if (buf_printf(&ret->message,
                   "webhook: the secret %.*s, which signs the team's webhooks, is no signing key: "
                   "give it whsec_ and base64 of %d to %d bytes, or that many bytes",
                   (int)name.len, name.ptr, WEBHOOK_KEY_MIN_BYTES, WEBHOOK_KEY_MAX_BYTES) != OK)
        buf_reset(&ret->message);
}

static const struct {
    int least, most;
    const char *advice;
} statuses[] = {
    {300, 399, "the receiver sends elsewhere, which is not followed; give the final address"},
    {401, 401, "the receiver asks for a valid credential; check the secret in headers"},
    {403, 403, "the receiver does not allow it; check the secret in headers"},
    {404, 404, "nothing is at this address"},
    {405, 405, "the receiver does not take this method"},
    {429, 429, "the receiver asks for fewer calls"},
    {500, 599, "the receiver failed"},
};

static struct str advice(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (status >= statuses[i].least && status <= statuses[i].most)
            return str_from(statuses[i].advice);
    return STR_EMPTY;
}

void webhook_run(const struct errand *e, struct errand_end *ret)
{
    AUTO(resolved) struct resolved r = {0};
    AUTO(call) struct call call = {0};
    AUTO(buf) struct buf what = buf_make(WHAT_MAX_BYTES);
    AUTO(fetch_result) struct fetch_result result = {0};
    enum err err = resolve(e, &HOW, &r);
    if (err == OK)
        err = prepare(e, buf_str(&r.json), &call);
    if (err == OK)
        err = describe(&call, &r.url, &what);
    if (err != OK) {
        errand_refuse(ret, "webhook", r.refused, err);
        return;
    }
    err = webhook_sign(e, &r.url, buf_str(&call.body), &call.headers, &call.signature);
    if (err != OK) {
        refuse_unsigned(e, err, ret);
        return;
    }
    struct fetch f = {.method = buf_str(&call.method),
                      .url = buf_str(&r.url.text),
                      .headers = call.headers.list,
                      .header_count = call.headers.count,
                      .body = buf_str(&call.body),
                      .body_fd = -1,
                      .ca_file = e->ca_file,
                      .guard = e->guard,
                      .total_ms = TOTAL_MS,
                      .on_body = ignore_body};
    err = fetch_run(&f, &result);
    errand_conclude(ret, r.set, buf_str(&what), err, &result, advice(result.status));
    /* A receiver that is not ready yet may well say 404, and the vendor's documentation promises
     * another try after every answer but success. */
    if (result.status && ret->outcome == OUTCOME_FAILED)
        ret->outcome = OUTCOME_RETRY;
}
