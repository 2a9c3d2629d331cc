#include "job_stock_doc.h"

#include "encode.h"
#include "job_ticket.h"

static size_t offset_of(const struct job_stock_doc *d, struct str raw)
{
    return (size_t)(raw.ptr - d->text->parts.payload.ptr);
}

/* The first reference at or after this offset of the payload. */
static size_t first_ref(const struct job_stock_doc *d, size_t offset)
{
    size_t low = 0, high = d->text->refs.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (d->text->refs.refs[middle].begin < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_ref(struct job_stock_doc *d, const struct ref *ref, size_t begin, bool in_address)
{
    size_t n = d->refs.count++;
    d->refs.refs[n] = *ref;
    d->refs.refs[n].begin = begin;
    d->refs.refs[n].end = begin + (ref->end - ref->begin);
    d->in_address[n] = in_address;
}

void job_stock_doc_value(struct job_stock_doc *d, struct str raw)
{
    json_out_raw(&d->out, raw);
    if (d->out.err != OK)
        return;
    size_t from = offset_of(d, raw), to = d->buf.len - raw.len;
    for (size_t i = first_ref(d, from); i < d->text->refs.count; i++) {
        const struct ref *ref = &d->text->refs.refs[i];
        if (ref->end > from + raw.len)
            break;
        add_ref(d, ref, to + (ref->begin - from), false);
    }
}

void job_stock_doc_copy(struct job_stock_doc *d, const char *key, struct str raw)
{
    if (!raw.ptr)
        return;
    json_out_key(&d->out, key);
    job_stock_doc_value(d, raw);
}

/* Text between two references of a raw string, as it stands in an address. */
static enum err put_text(struct job_stock_doc *d, struct str raw)
{
    AUTO(buf) struct buf text = buf_make(JOB_PAYLOAD_MAX_BYTES);
    TRY(json_unescape(raw, &text));
    return encode_percent(&d->buf, buf_str(&text), false);
}

enum err job_stock_doc_script(struct job_stock_doc *d, struct str raw)
{
    size_t from = offset_of(d, raw), at = from + 1, end = from + raw.len - 1;
    struct str payload = d->text->parts.payload;
    json_out_key(&d->out, "src");
    TRY(json_out_end(&d->out));
    TRY(buf_put(&d->buf, STR("\"data:text/javascript,")));
    for (size_t i = first_ref(d, from); i < d->text->refs.count; i++) {
        const struct ref *ref = &d->text->refs.refs[i];
        if (ref->end > end)
            break;
        TRY(put_text(d, str_slice(payload, at, ref->begin)));
        at = ref->end;
        if (ref->literal) {
            TRY(put_text(d, str_slice(payload, ref->begin + 1, ref->end)));
            continue;
        }
        add_ref(d, ref, d->buf.len, true);
        TRY(buf_put(&d->buf, str_slice(payload, ref->begin, ref->end)));
    }
    TRY(put_text(d, str_slice(payload, at, end)));
    TRY(buf_put(&d->buf, STR("\"")));
    d->out.comma = true;
    return OK;
}

static bool refers(const struct job_stock_doc *d, struct str raw)
{
    if (!raw.ptr)
        return false;
    size_t from = offset_of(d, raw);
    for (size_t i = first_ref(d, from); i < d->text->refs.count; i++) {
        const struct ref *ref = &d->text->refs.refs[i];
        if (ref->begin >= from + raw.len)
            return false;
        if (!ref->literal)
            return true;
    }
    return false;
}

enum err job_stock_doc_source(struct job_stock_doc *d, struct str src, struct str headers,
                              struct str pointer)
{
    struct str url;
    if (!refers(d, src) && !refers(d, headers)) {
        job_stock_doc_copy(d, "src", src);
        if (headers.ptr) {
            json_out_key(&d->out, "params");
            json_out_open(&d->out, '{');
            job_stock_doc_copy(d, "headers", headers);
            json_out_close(&d->out, '}');
        }
        return OK;
    }
    struct job_ticket t = {.job = &d->lease->job,
                           .kind = TICKET_ASSET_GET,
                           .base_url = d->lease->base_url,
                           .pointer = pointer,
                           .extension = job_stock_extension(src, d->lease->arena)};
    TRY(job_ticket_issue(d->tx, &t, d->lease->arena, &url));
    json_out_member_str(&d->out, "src", url);
    return OK;
}
