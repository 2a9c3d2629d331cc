#include "audit_bytes.h"

enum { FORMAT_1 = 1 };

enum err audit_bytes_put(const struct audit_fields *f, struct buf *out)
{
    TRY(buf_put_byte(out, FORMAT_1));
    TRY(buf_put_u64(out, (uint64_t)f->sequence));
    TRY(buf_put_u64(out, (uint64_t)f->at_ms));
    TRY(buf_put_lengthed(out, f->team_id));
    TRY(buf_put_lengthed(out, f->event));
    TRY(buf_put_lengthed(out, f->actor));
    TRY(buf_put_lengthed(out, f->address));
    TRY(buf_put_lengthed(out, f->request_id));
    TRY(buf_put_lengthed(out, f->subject));
    TRY(buf_put_lengthed(out, f->name));
    TRY(buf_put_u32(out, f->version));
    TRY(buf_put_lengthed(out, f->job_id));
    TRY(buf_put_lengthed(out, f->field));
    return buf_put_lengthed(out, f->host);
}

enum err audit_bytes_read(struct str bytes, struct audit_fields *ret)
{
    struct reader in = {bytes};
    struct audit_fields f;
    uint8_t format;
    uint64_t sequence, at_ms;
    TRY(reader_u8(&in, &format));
    if (format != FORMAT_1)
        return ERR_INVALID;
    TRY(reader_u64(&in, &sequence));
    TRY(reader_u64(&in, &at_ms));
    TRY(reader_lengthed(&in, &f.team_id));
    TRY(reader_lengthed(&in, &f.event));
    TRY(reader_lengthed(&in, &f.actor));
    TRY(reader_lengthed(&in, &f.address));
    TRY(reader_lengthed(&in, &f.request_id));
    TRY(reader_lengthed(&in, &f.subject));
    TRY(reader_lengthed(&in, &f.name));
    TRY(reader_u32(&in, &f.version));
    TRY(reader_lengthed(&in, &f.job_id));
    TRY(reader_lengthed(&in, &f.field));
    TRY(reader_lengthed(&in, &f.host));
    TRY(reader_end(&in));
    f.sequence = (int64_t)sequence;
    f.at_ms = (int64_t)at_ms;
    *ret = f;
    return OK;
}
