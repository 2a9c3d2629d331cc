#include "order.h"

#include "limit.h"
#include "ulid.h"

/* Order: "SLO2", u64 id, u8 kind, u8 final, u64 size, then job id, object name, content type, body,
 * delivery id and, if that is not empty, the signing bundle (each with its u32 length), then the
 * bundle to the end.
 * Answer: "SLA1", u64 id, u8 kind, u8 outcome, u16 err, u64 status, u64 content length (two's
 * complement), then content type and message (each with its u32 length). */
#define ORDER_MAGIC  STR("SLO2")
#define ANSWER_MAGIC STR("SLA1")

enum { TEXT_MAX_BYTES = 255 };

static enum err put_signing(const struct order *o, struct buf *out)
{
    AUTO(buf) struct buf bundle = buf_make(COURIER_ORDER_MAX_BYTES);
    TRY(buf_put_lengthed(out, o->delivery_id));
    if (!o->delivery_id.len)
        return OK;
    TRY(ref_bundle_encode(&o->signing, &bundle));
    return buf_put_lengthed(out, buf_str(&bundle));
}

static enum err read_signing(struct reader *r, struct arena *arena, struct order *o)
{
    struct str bundle;
    TRY(reader_lengthed(r, &o->delivery_id));
    if (!o->delivery_id.len)
        return OK;
    TRY(reader_lengthed(r, &bundle));
    TRY(ref_bundle_decode(bundle, arena, &o->signing));
    bool ok =
        o->kind == ORDER_WEBHOOK && ulid_valid(o->delivery_id) && o->signing.record_count == 1;
    return ok ? OK : ERR_INVALID;
}

enum err order_encode(const struct order *o, struct buf *out)
{
    TRY(buf_put(out, ORDER_MAGIC));
    TRY(buf_put_u64(out, o->id));
    TRY(buf_put_byte(out, (uint8_t)o->kind));
    TRY(buf_put_byte(out, o->final));
    TRY(buf_put_u64(out, o->size_bytes));
    TRY(buf_put_lengthed(out, o->job_id));
    TRY(buf_put_lengthed(out, o->object_name));
    TRY(buf_put_lengthed(out, o->content_type));
    TRY(buf_put_lengthed(out, o->body));
    TRY(put_signing(o, out));
    return ref_bundle_encode(&o->bundle, out);
}

static bool printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || (unsigned char)s.ptr[i] > 0x7e)
            return false;
    return s.len <= TEXT_MAX_BYTES;
}

/* One segment of a path and nothing else. */
static bool file_name_ok(struct str s)
{
    return printable(s) && s.len > 0 && str_find(s, '/') == s.len && s.ptr[0] != '.';
}

static enum err check(const struct order *o)
{
    bool upload = o->kind == ORDER_UPLOAD;
    if (!ulid_valid(o->job_id) || !printable(o->content_type) ||
        o->size_bytes > (uint64_t)OUTPUT_MAX_BYTES)
        return ERR_INVALID;
    return (upload ? file_name_ok(o->object_name) : o->object_name.len == 0) ? OK : ERR_INVALID;
}

static enum err read_magic(struct reader *r, struct str magic)
{
    struct str got;
    TRY(reader_bytes(r, magic.len, &got));
    return str_equal(got, magic) ? OK : ERR_INVALID;
}

enum err order_decode(struct str bytes, struct arena *arena, struct order *ret)
{
    struct reader r = {bytes};
    struct order o = {0};
    uint8_t kind, final;
    TRY(read_magic(&r, ORDER_MAGIC));
    TRY(reader_u64(&r, &o.id));
    TRY(reader_u8(&r, &kind));
    TRY(reader_u8(&r, &final));
    if (kind < ORDER_UPLOAD || kind > ORDER_MASK || final > 1)
        return ERR_INVALID;
    o.kind = (enum order_kind)kind;
    o.final = final == 1;
    TRY(reader_u64(&r, &o.size_bytes));
    TRY(reader_lengthed(&r, &o.job_id));
    TRY(reader_lengthed(&r, &o.object_name));
    TRY(reader_lengthed(&r, &o.content_type));
    TRY(reader_lengthed(&r, &o.body));
    TRY(read_signing(&r, arena, &o));
    TRY(check(&o));
    TRY(ref_bundle_decode(r.rest, arena, &o.bundle));
    *ret = o;
    return OK;
}

enum err answer_encode(const struct answer *a, struct buf *out)
{
    TRY(buf_put(out, ANSWER_MAGIC));
    TRY(buf_put_u64(out, a->id));
    TRY(buf_put_byte(out, (uint8_t)a->kind));
    TRY(buf_put_byte(out, (uint8_t)a->outcome));
    TRY(buf_put_u16(out, (uint16_t)a->err));
    TRY(buf_put_u64(out, (uint64_t)a->status));
    TRY(buf_put_u64(out, (uint64_t)a->content_length));
    TRY(buf_put_lengthed(out, a->content_type));
    return buf_put_lengthed(out, a->message);
}

static enum err check_answer(const struct answer *a)
{
    bool outcome_ok = a->kind != ANSWER_DONE
                          ? a->outcome == 0
                          : a->outcome >= OUTCOME_DONE && a->outcome <= OUTCOME_FAILED;
    if (a->kind < ANSWER_HEAD || a->kind > ANSWER_PROGRESS || !outcome_ok ||
        (unsigned)a->err >= ERR_COUNT || a->status < 0 || a->status > 999 ||
        a->content_length < -1 || !printable(a->content_type) ||
        a->message.len > ANSWER_MESSAGE_MAX_BYTES)
        return ERR_INVALID;
    return OK;
}

enum err answer_decode(struct str bytes, struct answer *ret)
{
    struct reader r = {bytes};
    struct answer a = {0};
    uint8_t kind, outcome;
    uint16_t err;
    uint64_t status, length;
    TRY(read_magic(&r, ANSWER_MAGIC));
    TRY(reader_u64(&r, &a.id));
    TRY(reader_u8(&r, &kind));
    TRY(reader_u8(&r, &outcome));
    TRY(reader_u16(&r, &err));
    TRY(reader_u64(&r, &status));
    TRY(reader_u64(&r, &length));
    TRY(reader_lengthed(&r, &a.content_type));
    TRY(reader_lengthed(&r, &a.message));
    TRY(reader_end(&r));
    a.kind = (enum answer_kind)kind;
    a.outcome = (enum outcome)outcome;
    a.err = (enum err)err;
    a.status = (int64_t)status;
    a.content_length = (int64_t)length;
    TRY(check_answer(&a));
    *ret = a;
    return OK;
}
