#include "audit_line.h"

#include "audit_tree.h"
#include "clock.h"
#include "encode.h"
#include "json_decode.h"
#include "json_encode.h"

static void put_optional(struct json_out *o, const char *key, struct str v)
{
    if (v.len > 0)
        json_out_member_str(o, key, v);
}

static void put_hex(struct json_out *o, const char *key, struct str bytes)
{
    AUTO(buf) struct buf hex = buf_make(256);
    enum err e = encode_hex(&hex, bytes);
    if (e == OK)
        json_out_member_str(o, key, buf_str(&hex));
    else if (o->err == OK)
        o->err = e;
}

enum err audit_line_put(const struct audit_fields *f, struct str record,
                        const uint8_t mac[static HASH_BYTES], struct buf *out)
{
    uint8_t leaf[HASH_BYTES];
    struct json_out o = json_out_make(out);
    audit_tree_leaf(record, mac, leaf);
    json_out_open(&o, '{');
    json_out_member_int(&o, "sequence", f->sequence);
    json_out_member_time(&o, "at", f->at_ms);
    json_out_member_str(&o, "team", f->team_id);
    json_out_member_str(&o, "event", f->event);
    put_optional(&o, "actor", f->actor);
    put_optional(&o, "address", f->address);
    put_optional(&o, "requestId", f->request_id);
    put_optional(&o, "subject", f->subject);
    put_optional(&o, "name", f->name);
    if (f->version != 0)
        json_out_member_int(&o, "version", f->version);
    put_optional(&o, "job", f->job_id);
    put_optional(&o, "field", f->field);
    put_optional(&o, "host", f->host);
    put_hex(&o, "mac", str_bytes(mac, HASH_BYTES));
    put_hex(&o, "leaf", str_bytes(leaf, sizeof leaf));
    json_out_close(&o, '}');
    TRY(json_out_end(&o));
    return buf_put_byte(out, '\n');
}

enum err audit_line_put_damaged(int64_t sequence, struct str record, struct str mac,
                                struct buf *out)
{
    AUTO(buf) struct buf bytes = buf_make(2 * AUDIT_BYTES_MAX);
    struct json_out o = json_out_make(out);
    TRY(encode_base64(&bytes, str_slice(record, 0, AUDIT_BYTES_MAX), BASE64_STD));
    json_out_open(&o, '{');
    json_out_member_int(&o, "sequence", sequence);
    json_out_member_str(&o, "damaged", buf_str(&bytes));
    put_hex(&o, "mac", str_slice(mac, 0, HASH_BYTES));
    json_out_close(&o, '}');
    TRY(json_out_end(&o));
    return buf_put_byte(out, '\n');
}

struct line {
    int64_t sequence, version;
    struct str at, team, event, actor, address, request_id, subject, name, job, field, host;
    struct str mac, leaf, damaged;
};
#define TEXT(member, name) JSON_FIELD(struct line, member, name, JSON_AS_STR, 0, AUDIT_BYTES_MAX)
static const struct json_field line_fields[] = {
    JSON_FIELD(struct line, sequence, "sequence", JSON_AS_INT, JSON_REQUIRED, INT64_MAX),
    JSON_FIELD(struct line, version, "version", JSON_AS_INT, 0, UINT32_MAX),
    TEXT(at, "at"),
    TEXT(team, "team"),
    TEXT(event, "event"),
    TEXT(actor, "actor"),
    TEXT(address, "address"),
    TEXT(request_id, "requestId"),
    TEXT(subject, "subject"),
    TEXT(name, "name"),
    TEXT(job, "job"),
    TEXT(field, "field"),
    TEXT(host, "host"),
    TEXT(mac, "mac"),
    TEXT(leaf, "leaf"),
    JSON_FIELD(struct line, damaged, "damaged", JSON_AS_STR, 0, 2 * AUDIT_BYTES_MAX),
};

static enum err read_hash(struct str hex, uint8_t ret[static HASH_BYTES])
{
    AUTO(buf) struct buf bytes = buf_make(HASH_BYTES);
    if (decode_hex(hex, &bytes) != OK || bytes.len != HASH_BYTES)
        return ERR_INVALID;
    memcpy(ret, bytes.ptr, HASH_BYTES);
    return OK;
}

static enum err fill(const struct line *l, struct audit_line *ret)
{
    AUTO(buf) struct buf record = buf_make(AUDIT_BYTES_MAX);
    ret->fields = (struct audit_fields){.sequence = l->sequence,
                                        .team_id = l->team,
                                        .event = l->event,
                                        .actor = l->actor,
                                        .address = l->address,
                                        .request_id = l->request_id,
                                        .subject = l->subject,
                                        .name = l->name,
                                        .version = (uint32_t)l->version,
                                        .job_id = l->job,
                                        .field = l->field,
                                        .host = l->host};
    TRY(clock_parse(l->at, &ret->fields.at_ms));
    TRY(read_hash(l->mac, ret->mac));
    TRY(read_hash(l->leaf, ret->leaf));
    if (audit_bytes_put(&ret->fields, &record) != OK)
        return ERR_INVALID;
    audit_tree_leaf(buf_str(&record), ret->mac, ret->made);
    return OK;
}

enum err audit_line_read(struct str line, struct arena *a, struct audit_line *ret)
{
    struct line l = {.sequence = 0};
    struct problems problems;
    problems_init(&problems, a);
    if (json_decode(line, line_fields, ARRAY_LEN(line_fields), STR_EMPTY, &problems, &l) != OK)
        return ERR_INVALID;
    ret->fields.sequence = l.sequence;
    if (l.damaged.ptr)
        return ERR_TAMPERED;
    return fill(&l, ret) == OK ? OK : ERR_INVALID;
}
