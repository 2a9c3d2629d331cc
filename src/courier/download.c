/* A private asset, to whoever reads the pipe: what the other server sends passes a redactor that
 * knows the values that were sent, so an echo of the request does not reach a worker. */
#include "errand.h"
#include "headers.h"
#include "json_decode.h"

#include <fcntl.h>

enum { WHAT_MAX_BYTES = 1024, PIECE_MAX_BYTES = 8 * 1024 * 1024, TYPE_MAX_BYTES = 1024 };

struct asset {
    struct str src, params;
};
static const struct json_field ASSET[] = {
    JSON_FIELD(struct asset, src, "src", JSON_AS_RAW, JSON_REQUIRED, 0),
    JSON_FIELD(struct asset, params, "params", JSON_AS_OBJECT, JSON_NULLABLE, 0),
};
static const struct json_field PARAMS[] = {
    {"headers", JSON_AS_RAW, JSON_OPTIONAL, 0, 0},
};

static enum err decode(struct str fragment, struct asset *ret, struct str *ret_headers)
{
    AUTO(arena) struct arena arena = arena_make();
    struct problems problems;
    problems_init(&problems, &arena);
    *ret = (struct asset){0};
    *ret_headers = STR_EMPTY;
    TRY(json_decode(fragment, ASSET, ARRAY_LEN(ASSET), STR_EMPTY, &problems, ret));
    if (!ret->params.ptr)
        return OK;
    return json_decode(ret->params, PARAMS, ARRAY_LEN(PARAMS), STR_EMPTY, &problems, ret_headers);
}

static enum err members(struct str fragment, struct str ret[static RESOLVE_MEMBERS_MAX])
{
    struct asset asset;
    struct str headers;
    TRY(decode(fragment, &asset, &headers));
    ret[0] = asset.src;
    return OK;
}

static enum err destination(const struct order *order, struct str fragment, struct url *ret)
{
    (void)order;
    struct asset asset;
    struct str headers;
    AUTO(buf) struct buf text = buf_make(URL_MAX_BYTES);
    TRY(decode(fragment, &asset, &headers));
    TRY(resolve_text(asset.src, &text));
    return url_parse(buf_str(&text), ret);
}

static const struct resolve_how HOW = {members, destination};

struct stream {
    const struct errand *e;
    const struct redact_set *set; /* NULL: no value was used */
    struct redact_stream *redact; /* NULL with it */
    const struct fetch_result *result;
    bool compressed; /* refused: what cannot be looked into is not passed on */
    struct buf out;
};

static void stream_auto(struct stream *s)
{
    redact_stream_free(&s->redact);
    buf_auto(&s->out);
}

/* An echo may stand there as well as in the body. */
static bool shows_value(const struct stream *s, struct str text)
{
    AUTO(buf) struct buf masked = buf_make(TYPE_MAX_BYTES);
    return s->set &&
           (redact_text(s->set, text, &masked) != OK || !str_equal(buf_str(&masked), text));
}

static enum err on_head(void *ctx, int status, struct str content_type, int64_t content_length)
{
    (void)content_length; /* masking may change it */
    struct stream *s = ctx;
    if (status < 200 || status > 299)
        return ERR_UPSTREAM;
    s->compressed = s->set && s->result->encoded;
    if (s->compressed)
        return ERR_UPSTREAM;
    if (shows_value(s, content_type))
        content_type = STR_EMPTY;
    struct answer head = {.id = s->e->order->id,
                          .kind = ANSWER_HEAD,
                          .status = status,
                          .content_length = -1,
                          .content_type = content_type};
    return s->e->head(s->e->head_ctx, &head);
}

static enum err pass_on(struct stream *s)
{
    enum err err = errand_write(s->e->data_fd, buf_str(&s->out));
    buf_reset(&s->out);
    return err;
}

static enum err on_body(void *ctx, struct str piece)
{
    struct stream *s = ctx;
    if (!s->redact)
        return errand_write(s->e->data_fd, piece);
    TRY(redact_feed(s->redact, piece, &s->out));
    return pass_on(s);
}

static enum err finish(struct stream *s)
{
    if (!s->redact)
        return OK;
    TRY(redact_finish(s->redact, &s->out));
    return pass_on(s);
}

static enum err prepare(const struct errand *e, const struct resolved *r, struct headers *headers,
                        struct buf *what)
{
    struct asset asset;
    struct str object;
    int flags = fcntl(e->data_fd, F_GETFL);
    /* The reader may stall for ever; the time-out of errand_write needs this. */
    if (flags < 0 || fcntl(e->data_fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return ERR_INVALID;
    TRY(decode(buf_str(&r->json), &asset, &object));
    TRY(headers_read(object, headers));
    TRY(buf_put(what, STR("download from ")));
    return url_authority(&r->url, what);
}

void download_run(const struct errand *e, struct errand_end *ret)
{
    AUTO(resolved) struct resolved r = {0};
    AUTO(headers) struct headers headers = {0};
    AUTO(buf) struct buf what = buf_make(WHAT_MAX_BYTES);
    AUTO(fetch_result) struct fetch_result result = {0};
    AUTO(stream) struct stream stream = {.e = e, .out = buf_make(PIECE_MAX_BYTES)};
    enum err err = resolve(e, &HOW, &r);
    if (err == OK)
        err = prepare(e, &r, &headers, &what);
    if (err != OK) {
        errand_refuse(ret, "download", r.refused, err);
        return;
    }
    stream.set = r.set;
    stream.redact = r.set ? redact_stream_new(r.set) : NULL;
    stream.result = &result;
    struct fetch f = {.method = STR("GET"),
                      .url = buf_str(&r.url.text),
                      .headers = headers.list,
                      .header_count = headers.count,
                      .body_fd = -1,
                      .ca_file = e->ca_file,
                      .guard = e->guard,
                      .on_head = on_head,
                      .on_body = on_body,
                      .ctx = &stream,
                      .body_max_bytes = (size_t)OUTPUT_MAX_BYTES};
    err = fetch_run(&f, &result);
    if (err == OK)
        err = finish(&stream);
    bool cut = result.status != 0 && err != OK && err != ERR_UPSTREAM;
    struct str reason = stream.compressed ? STR("compressed, so secrets could not be masked in it")
                        : cut             ? str_from(result.why)
                                          : STR_EMPTY;
    errand_conclude(ret, r.set, buf_str(&what), err, &result, reason);
    if (cut || stream.compressed) { /* the head was fine, but not all of the body came */
        ret->outcome = errand_outcome(err);
        ret->err = err;
    }
}
