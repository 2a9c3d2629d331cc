/* After a restore: the operator says which of the tokens that it made void are good again. */
#include "api_team.h"
#include "token_text.h"

enum { ANSWER_MAX_BYTES = 256 };

struct approval {
    struct http_request *r;
    struct str id; /* empty: all of the team */
    int64_t approved;
};

static enum err approve_op(struct store_tx *tx, void *ctx)
{
    struct approval *v = ctx;
    struct team team;
    TRY(api_team_find(tx, v->r, &team));
    TRY(store_token_approve(tx, ulid_str(&team.id), v->id, &v->approved));
    if (v->approved == 0)
        return OK;
    struct audit_record record = api_audit(api_actor(v->r), AUDIT_TOKEN_APPROVED);
    record.team_id = ulid_str(&team.id);
    record.subject = v->id.len ? v->id : STR("all");
    return store_audit(tx, &record);
}

static void approve_done(enum err e, void *ctx)
{
    const struct approval *v = ctx;
    if (e == ERR_CONFLICT) {
        http_fail_text(v->r, e, "This token is revoked, and stays so: make another");
        return;
    }
    if (e != OK) {
        http_fail(v->r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    json_out_member_int(&o, "approved", v->approved);
    json_out_close(&o, '}');
    api_reply_out(v->r, 200, &body, &o);
}

static void approve(struct http_request *r, struct str id)
{
    struct approval *v = arena_alloc(http_arena(r), sizeof *v);
    *v = (struct approval){.r = r, .id = id};
    api_write(r, approve_op, approve_done, v);
}

void api_token_approve(struct http_request *r)
{
    struct str id = http_param(r, "id");
    if (id.len != TOKEN_ID_LEN)
        http_fail(r, ERR_NOT_FOUND);
    else
        approve(r, id);
}

void api_token_approve_all(struct http_request *r)
{
    approve(r, STR_EMPTY);
}
