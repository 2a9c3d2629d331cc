/* Bytes of a bundle, all integers little-endian, "text" is a u32 length and that many bytes:
 *
 *     u8    1, the format
 *     text  fragment
 *     text  team key
 *     u32   number of records, then for each:
 *           text team id, text secret id, text name, u32 version, u64 epoch, u64 created at (ms),
 *           text policy, text sealed
 *     u32   number of uses, then for each:
 *           u32 begin, u32 end, u8 literal, u8 sink, u32 record, text pointer
 */
#include "ref_bundle.h"

#include "alloc.h"
#include "limit.h"
#include "ref_grammar.h"
#include "ref_path.h"

enum { FORMAT = 1 };

static enum err record_encode(const struct ref_record *r, struct buf *out)
{
    TRY(buf_put_lengthed(out, r->context.team_id));
    TRY(buf_put_lengthed(out, r->context.secret_id));
    TRY(buf_put_lengthed(out, r->context.name));
    TRY(buf_put_u32(out, r->context.version));
    TRY(buf_put_u64(out, r->context.epoch));
    TRY(buf_put_u64(out, (uint64_t)r->context.created_at_ms));
    TRY(buf_put_lengthed(out, r->context.policy));
    return buf_put_lengthed(out, r->sealed);
}

static enum err record_decode(struct reader *in, struct ref_record *ret)
{
    uint64_t created_at_ms;
    TRY(reader_lengthed(in, &ret->context.team_id));
    TRY(reader_lengthed(in, &ret->context.secret_id));
    TRY(reader_lengthed(in, &ret->context.name));
    TRY(reader_u32(in, &ret->context.version));
    TRY(reader_u64(in, &ret->context.epoch));
    TRY(reader_u64(in, &created_at_ms));
    TRY(reader_lengthed(in, &ret->context.policy));
    ret->context.created_at_ms = (int64_t)created_at_ms;
    return reader_lengthed(in, &ret->sealed);
}

static enum err record_check(const struct ref_record *r)
{
    bool good = ulid_valid(r->context.team_id) && ulid_valid(r->context.secret_id) &&
                ref_name_valid(r->context.name) && r->context.version > 0 &&
                r->context.created_at_ms >= 0 && r->context.policy.len <= IPC_MESSAGE_MAX_BYTES &&
                r->sealed.len <= IPC_MESSAGE_MAX_BYTES;
    return good ? OK : ERR_INVALID;
}

static enum err use_encode(const struct ref_use *u, struct buf *out)
{
    TRY(buf_put_u32(out, (uint32_t)u->begin));
    TRY(buf_put_u32(out, (uint32_t)u->end));
    TRY(buf_put_byte(out, u->literal));
    TRY(buf_put_byte(out, (uint8_t)u->sink));
    TRY(buf_put_u32(out, u->record));
    return buf_put_lengthed(out, u->pointer);
}

static enum err use_decode(struct reader *in, struct ref_use *ret)
{
    uint32_t begin, end;
    uint8_t literal, sink;
    TRY(reader_u32(in, &begin));
    TRY(reader_u32(in, &end));
    TRY(reader_u8(in, &literal));
    TRY(reader_u8(in, &sink));
    TRY(reader_u32(in, &ret->record));
    TRY(reader_lengthed(in, &ret->pointer));
    if (literal > 1)
        return ERR_INVALID;
    ret->begin = begin;
    ret->end = end;
    ret->literal = literal;
    ret->sink = (enum ref_sink)sink;
    return OK;
}

/* What stands there is a reference, and it asks for the record it is given. */
static enum err use_check(const struct ref_bundle *b, const struct ref_use *u, size_t from)
{
    struct ref_match m;
    if (u->begin < from || u->begin >= u->end || u->end > b->fragment.len ||
        u->pointer.len > REF_POINTER_MAX_BYTES || (unsigned)u->sink > REF_SCRIPT)
        return ERR_INVALID;
    struct str text = str_slice(b->fragment, u->begin, u->end);
    if (!ref_grammar_next(text, 0, &m) || m.begin != 0 || m.end != text.len ||
        m.form != (u->literal ? REF_FORM_LITERAL : REF_FORM_PLAIN))
        return ERR_INVALID;
    if (u->literal)
        return u->record == 0 && u->sink == 0 ? OK : ERR_INVALID;
    bool half_a_literal = u->begin > 0 && b->fragment.ptr[u->begin - 1] == '$';
    if (half_a_literal || u->record >= b->record_count)
        return ERR_INVALID;
    const struct seal_context *context = &b->records[u->record].context;
    bool asked =
        str_equal(m.name, context->name) && (m.version == 0 || m.version == context->version);
    return asked ? OK : ERR_INVALID;
}

static enum err check(const struct ref_bundle *b)
{
    size_t from = 0;
    if (b->fragment.len > JOB_PAYLOAD_MAX_BYTES || b->team_key.len > IPC_MESSAGE_MAX_BYTES ||
        b->record_count > REF_BUNDLE_RECORDS_MAX || b->use_count > REFS_PER_PAYLOAD_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < b->record_count; i++)
        TRY(record_check(&b->records[i]));
    for (size_t i = 0; i < b->use_count; i++) {
        TRY(use_check(b, &b->uses[i], from));
        from = b->uses[i].end;
    }
    return OK;
}

enum err ref_bundle_encode(const struct ref_bundle *b, struct buf *out)
{
    TRY(check(b));
    TRY(buf_put_byte(out, FORMAT));
    TRY(buf_put_lengthed(out, b->fragment));
    TRY(buf_put_lengthed(out, b->team_key));
    TRY(buf_put_u32(out, (uint32_t)b->record_count));
    for (size_t i = 0; i < b->record_count; i++)
        TRY(record_encode(&b->records[i], out));
    TRY(buf_put_u32(out, (uint32_t)b->use_count));
    for (size_t i = 0; i < b->use_count; i++)
        TRY(use_encode(&b->uses[i], out));
    return OK;
}

/* The smallest a record or use can be, so that a count cannot ask for more memory than its bytes
 * could fill. */
enum { RECORD_LEAST_BYTES = 5 * 4 + 4 + 8 + 8, USE_LEAST_BYTES = 4 + 4 + 1 + 1 + 4 + 4 };

static enum err read_count(struct reader *in, size_t max, size_t least_bytes, size_t *ret)
{
    uint32_t count;
    TRY(reader_u32(in, &count));
    if (count > max || count > in->rest.len / least_bytes)
        return ERR_INVALID;
    *ret = count;
    return OK;
}

enum err ref_bundle_decode(struct str bytes, struct arena *arena, struct ref_bundle *ret)
{
    struct reader in = {bytes};
    struct ref_bundle b = {0};
    uint8_t format;
    TRY(reader_u8(&in, &format));
    if (format != FORMAT)
        return ERR_INVALID;
    TRY(reader_lengthed(&in, &b.fragment));
    TRY(reader_lengthed(&in, &b.team_key));
    TRY(read_count(&in, REF_BUNDLE_RECORDS_MAX, RECORD_LEAST_BYTES, &b.record_count));
    b.records = arena_array(arena, b.record_count, sizeof *b.records);
    for (size_t i = 0; i < b.record_count; i++)
        TRY(record_decode(&in, &b.records[i]));
    TRY(read_count(&in, REFS_PER_PAYLOAD_MAX, USE_LEAST_BYTES, &b.use_count));
    b.uses = arena_array(arena, b.use_count, sizeof *b.uses);
    for (size_t i = 0; i < b.use_count; i++)
        TRY(use_decode(&in, &b.uses[i]));
    TRY(reader_end(&in));
    TRY(check(&b));
    *ret = b;
    return OK;
}
