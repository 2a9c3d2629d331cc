/* GET /audit/verify, POST /audit/checkpoint, GET /audit/key. */
#include "api_audit_walk.h"
#include "audit_note.h"
#include "encode.h"

static void reply_verdict(struct http_request *r, const struct audit_walk *w)
{
    AUTO(buf) struct buf body = buf_make(4096), head = buf_make(2 * HASH_BYTES);
    struct json_out o = json_out_make(&body);
    if (encode_hex(&head, str_bytes(w->head, sizeof w->head)) != OK) {
        http_fail(r, ERR_INTERNAL);
        return;
    }
    json_out_open(&o, '{');
    json_out_member_bool(&o, "valid", w->first_bad == 0);
    json_out_member_int(&o, "records", (int64_t)w->tree.size);
    json_out_key(&o, "firstBad");
    if (w->first_bad)
        json_out_int(&o, w->first_bad);
    else
        json_out_null(&o);
    json_out_member_str(&o, "head", buf_str(&head));
    json_out_close(&o, '}');
    api_reply_out(r, 200, &body, &o);
}

static enum err walk(struct http_request *r, struct audit_walk *ret)
{
    struct str team_id;
    TRY(api_audit_team(r, &team_id));
    return audit_walk(api_of(r), team_id, ret);
}

static void verify(struct http_request *r)
{
    struct audit_walk w;
    enum err e = walk(r, &w);
    if (e != OK)
        http_fail(r, e);
    else
        reply_verdict(r, &w);
}

void api_audit_verify(struct http_request *r)
{
    if (api_query_only(r, ""))
        api_defer_or_fail(r, verify, NULL);
}

/* What is not whole is not signed: a checkpoint must not make good what somebody edited. */
static void sign(struct http_request *r)
{
    AUTO(buf) struct buf note = buf_make(AUDIT_NOTE_MAX_BYTES);
    struct audit_walk w;
    uint8_t root[HASH_BYTES];
    enum err e = walk(r, &w);
    if (e == OK && w.first_bad) {
        http_fail_text(r, ERR_CONFLICT,
                       "The audit log is not as it was written, so it is not signed; GET "
                       "/audit/verify tells the first record that is wrong");
        return;
    }
    if (e == OK) {
        audit_tree_root(&w.tree, root);
        e = vault_sign_checkpoint(api_of(r)->vault, w.team_id, w.tree.size, root, w.head, &note);
    }
    if (e != OK)
        http_fail(r, e);
    else
        http_reply(r, 200, "text/plain; charset=utf-8", buf_str(&note));
}

void api_audit_checkpoint(struct http_request *r)
{
    if (api_query_only(r, ""))
        api_defer_or_fail(r, sign, NULL);
}

void api_audit_key(struct http_request *r)
{
    AUTO(buf) struct buf key = buf_make(AUDIT_KEY_MAX_BYTES), body = buf_make(4096);
    struct json_out o = json_out_make(&body);
    struct str team_id;
    if (!api_query_only(r, ""))
        return;
    enum err e = api_audit_team(r, &team_id);
    if (e == OK)
        e = vault_checkpoint_key(api_of(r)->vault, team_id, &key);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    json_out_open(&o, '{');
    json_out_member_str(&o, "key", buf_str(&key));
    json_out_close(&o, '}');
    api_reply_out(r, 200, &body, &o);
}
