/* The recovery key, changed while the server runs. The key itself does not come this way: the
 * operator's command puts its public half into the data directory, which this process cannot reach,
 * and the supervisor hands it to the vault. */
#include "alloc.h"
#include "api_request.h"
#include "encode.h"
#include "key_rotation.h"
#include "recovery.h"
#include "recovery_text.h"

enum { ANSWER_MAX_BYTES = 4096, ID_LEN = 2 * RECOVERY_ID_BYTES };

struct change {
    struct http_request *r;
    struct change_body {
        struct str id;
    } body;
};

static enum err record_op(struct store_tx *tx, void *ctx)
{
    const struct change *c = ctx;
    struct audit_record record = api_audit(api_actor(c->r), AUDIT_RECOVERY_CHANGED);
    record.team_id = STR(KEY_ROTATION_INSTANCE);
    record.subject = c->body.id;
    return store_audit(tx, &record);
}

/* Which key the vault seals for, as hex; nothing when there is none. */
static enum err look_at_key(struct api *api, struct buf *ret_id)
{
    uint8_t id[RECOVERY_ID_BYTES];
    AUTO(buf) struct buf export = buf_make(RECOVERY_EXPORT_MAX_BYTES);
    struct recovery_parts parts;
    enum err e = vault_recovery_export(api->vault, &export);
    if (e == ERR_NO_RECOVERY_KEY)
        return OK;
    TRY(e);
    TRY(recovery_export_read(buf_str(&export), &parts));
    recovery_id(parts.public_key, id);
    return encode_hex(ret_id, str_bytes(id, sizeof id));
}

/* And the installation's mark, which becomes part of the key that is being made. */
static enum err look(struct api *api, struct buf *ret_id, struct buf *ret_mark)
{
    static const uint8_t zeros[32];
    uint8_t stamp[32];
    TRY(look_at_key(api, ret_id));
    TRY(vault_backup_stamp(api->vault, zeros, stamp));
    return encode_hex(ret_mark, str_bytes(stamp, RECOVERY_MARK_BYTES));
}

static void reply(struct http_request *r, struct str expected)
{
    AUTO(buf) struct buf id = buf_make(ID_LEN);
    AUTO(buf) struct buf mark = buf_make(2 * RECOVERY_MARK_BYTES);
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    enum err e = look(api_of(r), &id, &mark);
    if (e == OK && expected.len && !str_equal(expected, buf_str(&id)))
        e = ERR_AGAIN; /* not ERR_CONFLICT, by which nothing would have changed */
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    json_out_open(&o, '{');
    json_out_key(&o, "id");
    if (id.len)
        json_out_str(&o, buf_str(&id));
    else
        json_out_null(&o);
    json_out_member_str(&o, "mark", buf_str(&mark));
    json_out_close(&o, '}');
    api_reply_out(r, 200, &body, &o);
}

static void show(struct http_request *r)
{
    reply(r, STR_EMPTY);
}

void api_recovery_show(struct http_request *r)
{
    api_defer_or_fail(r, show, NULL);
}

/* On record before it is in effect: a change that nobody can read of does not happen. The record of
 * one that then fails stays. */
static void change(struct http_request *r)
{
    struct change *c = api_work(r);
    struct api *api = api_of(r);
    AUTO(buf) struct buf id = buf_make(RECOVERY_ID_BYTES);
    enum err e = decode_hex(c->body.id, &id);
    if (e == OK)
        e = store_write_wait(api->store, record_op, c);
    if (e == OK)
        e = api->offer_recovery
                ? api->offer_recovery(api->root_ctx, (const uint8_t *)buf_str(&id).ptr)
                : ERR_NOT_IMPLEMENTED;
    if (e == ERR_CONFLICT)
        http_fail_text(r, e, "The recovery key was not changed; the server's log says why");
    else if (e == ERR_TIMEOUT) /* a 408 would say that the request was at fault */
        http_fail_text(r, ERR_INTERNAL, "Whether the recovery key was changed is not known");
    else if (e != OK)
        http_fail(r, e);
    else
        reply(r, c->body.id);
}

static bool is_id(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (hex_digit(text.ptr[i]) < 0)
            return false;
    }
    return text.len == ID_LEN;
}

void api_recovery_change(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct change_body, id, "id", JSON_AS_STR, JSON_REQUIRED, ID_LEN),
    };
    struct change *c = arena_alloc(http_arena(r), sizeof *c);
    c->r = r;
    if (!api_decode(r, fields, ARRAY_LEN(fields), &c->body))
        return;
    if (!is_id(c->body.id))
        api_fail_field(r, "id", "must be the new key's id, 16 hexadecimal digits");
    else
        api_defer_or_fail(r, change, c);
}
