/* Text that a worker or another server sent, without the values of its job. */
#include "errand.h"
#include "io.h"

static enum err open_all(const struct errand *e, struct ref_values *ret)
{
    const struct vault_use use = {.purpose = VAULT_FOR_MASKING, .job_id = e->order->job_id};
    const struct ref_bundle *b = &e->order->bundle;
    struct str refused;
    return b->record_count ? ref_bundle_open(b, e->vault, &use, ret, &refused) : OK;
}

/* Where text ends and compressed data begins, in which no value can be seen: gzip. */
static size_t compressed_at(struct str text)
{
    return str_search(text, STR(ORDER_COMPRESSED), 0);
}

/* How much of the end may be the beginning of it: that waits for what follows. */
static size_t perhaps_compressed(struct str text)
{
    return str_ends(text, STR("\x1f\x8b")) ? 2 : str_ends(text, STR("\x1f")) ? 1 : 0;
}

static enum err mask(const struct errand *e, const struct redact_set *set, struct buf *out,
                     int64_t *ret_consumed)
{
    struct str text = str_slice(e->order->body, 0, compressed_at(e->order->body));
    bool compressed = text.len < e->order->body.len;
    if (!e->order->final && !compressed)
        text.len -= perhaps_compressed(text);
    AUTOP(redact_stream) struct redact_stream *stream = redact_stream_new(set);
    TRY(redact_feed(stream, text, out));
    *ret_consumed = (int64_t)redact_consumed(stream);
    if (!e->order->final && !compressed)
        return OK;
    *ret_consumed = (int64_t)e->order->body.len;
    TRY(redact_finish(stream, out));
    return compressed ? buf_put(out, STR("[compressed data, left out]\n")) : OK;
}

static enum err run(const struct errand *e, int64_t *ret_consumed)
{
    AUTO(ref_values) struct ref_values values = {0};
    AUTOP(redact_set) struct redact_set *set = NULL;
    AUTO(buf) struct buf out = buf_make(COURIER_ORDER_MAX_BYTES);
    TRY(open_all(e, &values));
    /* UNSAFE: only adds const, at a depth where C wants it said. */
    const struct secret *const *list = (const struct secret *const *)values.values;
    TRY(redact_set_new(list, values.count, &set));
    TRY(mask(e, set, &out, ret_consumed));
    return io_write_all(e->data_fd, buf_str(&out));
}

void mask_run(const struct errand *e, struct errand_end *ret)
{
    enum err err = e->data_fd < 0 ? ERR_INVALID : run(e, &ret->consumed);
    if (err != OK) {
        errand_refuse(ret, "mask", STR_EMPTY, err);
        return;
    }
    ret->outcome = OUTCOME_DONE;
    ret->err = OK;
}
