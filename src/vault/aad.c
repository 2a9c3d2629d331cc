#include "aad.h"

#include "hash.h"

static enum err put_number(struct buf *out, const void *present, uint64_t number, uint16_t bytes)
{
    if (!present)
        return buf_put_u32(out, 0);
    TRY(buf_put_u32(out, bytes));
    return bytes == 4 ? buf_put_u32(out, (uint32_t)number) : buf_put_u64(out, number);
}

static enum err put_digest(struct buf *out, const struct str *bytes)
{
    uint8_t digest[HASH_BYTES];
    if (!bytes)
        return buf_put_u32(out, 0);
    hash_blake2b(*bytes, digest);
    return buf_put_lengthed(out, str_bytes(digest, sizeof digest));
}

enum err aad_build(const struct aad *f, struct buf *out)
{
    static const char format[2] = {ENVELOPE_FORMAT, ENVELOPE_ALGORITHM};
    TRY(buf_put_lengthed(out, str_bytes(format, sizeof format)));
    TRY(buf_put_lengthed(out, f->purpose));
    TRY(buf_put_lengthed(out, f->instance_id));
    TRY(buf_put_lengthed(out, f->team_id));
    TRY(buf_put_lengthed(out, f->secret_id));
    TRY(buf_put_lengthed(out, f->name));
    TRY(put_number(out, f->version, f->version ? *f->version : 0, 4));
    TRY(put_number(out, f->created_at_ms, f->created_at_ms ? (uint64_t)*f->created_at_ms : 0, 8));
    TRY(put_number(out, f->epoch, f->epoch ? *f->epoch : 0, 8));
    TRY(put_digest(out, f->policy));
    return buf_put_lengthed(out, f->kek_id);
}
