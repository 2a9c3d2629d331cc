/* GET /audit?after=N&limit=M: a team's audit log, oldest first; for the operator any team's, or the
 * instance's own. */
#include "api_team.h"
#include "clock.h"
#include "encode.h"
#include "key_rotation.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, LIST_MAX_BYTES = 96 * 1024 * 1024 };

static void write_optional(struct json_out *o, const char *key, struct str v)
{
    if (v.len > 0)
        json_out_member_str(o, key, v);
}

static void write_row(struct json_out *o, const struct audit_row *row)
{
    const struct audit_record *f = &row->fields;
    AUTO(buf) struct buf mac = buf_make(2 * sizeof row->mac);
    json_out_open(o, '{');
    json_out_member_int(o, "sequence", row->sequence);
    json_out_member_time(o, "at", row->at_ms);
    json_out_member_str(o, "event", str_from(audit_event_code(f->type)));
    write_optional(o, "actor", f->actor);
    write_optional(o, "address", f->address);
    write_optional(o, "requestId", f->request_id);
    write_optional(o, "subject", f->subject);
    write_optional(o, "name", f->name);
    if (f->version != 0)
        json_out_member_int(o, "version", f->version);
    write_optional(o, "job", f->job_id);
    write_optional(o, "field", f->field);
    write_optional(o, "host", f->host);
    if (encode_hex(&mac, str_bytes(row->mac, sizeof row->mac)) == OK)
        json_out_member_str(o, "mac", buf_str(&mac));
    json_out_close(o, '}');
}

/* Answers itself when it is out of range. */
static bool query_number(struct http_request *r, const char *name, uint64_t least, uint64_t most,
                         uint64_t *ret)
{
    struct str text;
    uint64_t v;
    if (!http_query(r, name, &text))
        return true;
    if (str_to_u64(text, most, &v) != OK || v < least) {
        api_fail_field(r, name, "is not a number in the allowed range");
        return false;
    }
    *ret = v;
    return true;
}

static enum err read_rows(struct http_request *r, uint64_t after, uint64_t limit,
                          struct audit_row **ret, size_t *ret_count)
{
    struct store_tx *tx;
    struct team team;
    struct str team_id = STR(KEY_ROTATION_INSTANCE);
    bool instance = http_is_operator(r) && http_param(r, "team").len == 0;
    enum err e = OK;
    TRY(store_read_begin(api_of(r)->store, &tx));
    if (!instance) {
        e = api_team_find(tx, r, &team);
        team_id = ulid_str(&team.id);
    }
    if (e == OK)
        e = store_audit_list(tx, team_id, (int64_t)after, limit, http_arena(r), ret, ret_count);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

void api_audit_list(struct http_request *r)
{
    uint64_t after = 0, limit = LIMIT_DEFAULT;
    if (!query_number(r, "after", 0, INT64_MAX, &after) ||
        !query_number(r, "limit", 1, LIMIT_MAX, &limit))
        return;
    struct audit_row *rows = NULL;
    size_t count = 0;
    enum err e = read_rows(r, after, limit, &rows, &count);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(LIST_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++)
        write_row(&o, &rows[i]);
    json_out_close(&o, ']');
    api_reply_out(r, 200, &body, &o);
}
