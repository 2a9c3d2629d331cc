/* GET and PATCH /team, for a team's admin and for the operator. */
#include "api_team.h"

#include "clock.h"

enum err api_team_find(struct store_tx *tx, struct http_request *r, struct team *ret)
{
    if (!http_is_operator(r))
        return store_team_get(tx, api_actor(r)->team_id, http_arena(r), ret);
    struct str name = http_param(r, "team");
    if (!team_name_valid(name))
        return ERR_NOT_FOUND;
    return store_team_by_name(tx, name, http_arena(r), ret);
}

enum err api_team_read(struct http_request *r, struct team *ret)
{
    struct store_tx *tx;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = api_team_find(tx, r, ret);
    store_read_end(api_of(r)->store, &tx);
    return e;
}

void api_team_write(struct json_out *o, const struct team *team)
{
    json_out_member_str(o, "id", ulid_str(&team->id));
    json_out_member_str(o, "name", team->name);
    json_out_member_str(o, "putExisting", team->put_rotates ? STR("rotate") : STR("refuse"));
    json_out_member_time(o, "createdAt", team->created_at_ms);
}

static void reply_team(struct http_request *r, const struct team *team)
{
    AUTO(buf) struct buf body = buf_make(4096);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    api_team_write(&o, team);
    json_out_close(&o, '}');
    api_reply_out(r, 200, &body, &o);
}

void api_team_get(struct http_request *r)
{
    struct team team;
    enum err e = api_team_read(r, &team);
    if (e != OK)
        http_fail(r, e);
    else
        reply_team(r, &team);
}

struct change {
    struct http_request *r;
    struct change_body {
        struct str put_existing;
    } body;
    bool rotates;
    struct team team;
};

static enum err change_op(struct store_tx *tx, void *ctx)
{
    struct change *c = ctx;
    TRY(api_team_find(tx, c->r, &c->team));
    if (c->team.put_rotates == c->rotates)
        return OK;
    TRY(store_team_set_put_rotates(tx, ulid_str(&c->team.id), c->rotates));
    c->team.put_rotates = c->rotates;
    struct audit_record record = api_audit(api_actor(c->r), AUDIT_TEAM_CHANGED);
    record.team_id = record.subject = ulid_str(&c->team.id);
    record.name = c->team.name;
    record.field = STR("putExisting");
    return store_audit(tx, &record);
}

static void change_done(enum err e, void *ctx)
{
    struct change *c = ctx;
    if (e != OK)
        http_fail(c->r, e);
    else
        reply_team(c->r, &c->team);
}

void api_team_set(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct change_body, put_existing, "putExisting", JSON_AS_STR, JSON_REQUIRED, 16),
    };
    struct change *c = arena_alloc(http_arena(r), sizeof *c);
    c->r = r;
    if (!api_decode(r, fields, ARRAY_LEN(fields), &c->body))
        return;
    c->rotates = str_is(c->body.put_existing, "rotate");
    if (!c->rotates && !str_is(c->body.put_existing, "refuse"))
        api_fail_field(r, "putExisting", "must be \"refuse\" or \"rotate\"");
    else
        api_write(r, change_op, change_done, c);
}
