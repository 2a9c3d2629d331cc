/* Text that a worker or another server sent, without the values of its job. */
#include "errand.h"
#include "io.h"

static enum err open_all(const struct errand *e, struct ref_values *ret)
{
    const struct vault_use use = {.purpose = VAULT_FOR_MASKING, .job_id = e->order->job_id};
    const struct ref_bundle *b = &e->order->bundle;
    return b->record_count ? ref_bundle_open(b, e->vault, &use, ret) : OK;
}

static enum err mask(const struct errand *e, const struct redact_set *set, struct buf *out,
                     int64_t *ret_consumed)
{
    struct str text = e->order->body;
    AUTOP(redact_stream) struct redact_stream *stream = redact_stream_new(set);
    TRY(redact_feed(stream, text, out));
    *ret_consumed = (int64_t)redact_consumed(stream);
    if (!e->order->final)
        return OK;
    *ret_consumed = (int64_t)text.len;
    return redact_finish(stream, out);
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
        errand_refuse(ret, "mask", err);
        return;
    }
    ret->outcome = OUTCOME_DONE;
    ret->err = OK;
}
