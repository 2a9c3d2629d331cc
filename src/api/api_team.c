/* GET and PATCH /team, for a team's admin and for the operator. */
#include "api_team.h"

#include "clock.h"
#include "job_names.h"
#include "json_scan.h"
#include "store_secret.h"

#define SIGNING "webhookSigningSecret"

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
    json_out_member_str(o, "policyDefault", team->strict ? STR("strict") : STR("open"));
    json_out_key(o, SIGNING);
    if (team->webhook_signing.len)
        json_out_str(o, team->webhook_signing);
    else
        json_out_null(o);
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
    struct change_body { /* absent: ptr NULL, stays as it is */
        struct str put_existing, policy_default;
        struct str signing; /* raw: a string or null */
    } body;
    struct str signing_name; /* empty: none */
    bool no_such_secret;
    struct team team;
};

static enum err record_change(struct store_tx *tx, const struct change *c, const char *field)
{
    struct audit_record record = api_audit(api_actor(c->r), AUDIT_TEAM_CHANGED);
    record.team_id = record.subject = ulid_str(&c->team.id);
    record.name = c->team.name;
    record.field = str_from(field);
    return store_audit(tx, &record);
}

/* By name, like a reference: whatever value it has when a webhook is sent is what signs. A name
 * that the token is not for is one that is not there. */
static enum err change_signing(struct store_tx *tx, struct change *c)
{
    struct secret_row row;
    struct str id = ulid_str(&c->team.id);
    if (!c->body.signing.len || str_equal(c->team.webhook_signing, c->signing_name))
        return OK;
    enum err e = OK;
    if (c->signing_name.len && !job_names_match(api_actor(c->r)->names, c->signing_name))
        e = ERR_NOT_FOUND;
    else if (c->signing_name.len)
        e = store_secret_by_name(tx, id, c->signing_name, http_arena(c->r), &row);
    c->no_such_secret = e == ERR_NOT_FOUND;
    TRY(e);
    TRY(store_team_set_webhook_signing(tx, id, c->signing_name));
    c->team.webhook_signing = c->signing_name;
    return record_change(tx, c, "webhookSigningSecret");
}

static enum err change_op(struct store_tx *tx, void *ctx)
{
    struct change *c = ctx;
    TRY(api_team_find(tx, c->r, &c->team));
    struct str id = ulid_str(&c->team.id);
    bool rotates = str_is(c->body.put_existing, "rotate");
    bool strict = str_is(c->body.policy_default, "strict");
    if (c->body.put_existing.ptr && c->team.put_rotates != rotates) {
        TRY(store_team_set_put_rotates(tx, id, rotates));
        TRY(record_change(tx, c, "putExisting"));
        c->team.put_rotates = rotates;
    }
    if (c->body.policy_default.ptr && c->team.strict != strict) {
        TRY(store_team_set_strict(tx, id, strict));
        TRY(record_change(tx, c, "policyDefault"));
        c->team.strict = strict;
    }
    return change_signing(tx, c);
}

static void change_done(enum err e, void *ctx)
{
    struct change *c = ctx;
    if (c->no_such_secret)
        api_fail_field(c->r, SIGNING, "there is no such secret in this team");
    else if (e != OK)
        http_fail(c->r, e);
    else
        reply_team(c->r, &c->team);
}

static enum err one_of(struct problems *problems, const char *field, struct str given,
                       const char *one, const char *other)
{
    if (!given.ptr || str_is(given, one) || str_is(given, other))
        return OK;
    return problems_addf(problems, str_from(field), "must be \"%s\" or \"%s\"", one, other);
}

static enum err read_signing(struct change *c, struct problems *problems)
{
    struct str raw = c->body.signing;
    AUTO(buf) struct buf name = buf_make(SECRET_NAME_MAX_BYTES);
    c->signing_name = STR_EMPTY;
    if (!raw.len || str_is(raw, "null"))
        return OK;
    if (raw.ptr[0] == '"' && json_unescape(str_slice(raw, 1, raw.len - 1), &name) == OK &&
        ref_name_valid(buf_str(&name))) {
        c->signing_name = arena_str(http_arena(c->r), buf_str(&name));
        return OK;
    }
    return problems_add(problems, STR(SIGNING), "must be the name of a secret, or null");
}

void api_team_set(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct change_body, put_existing, "putExisting", JSON_AS_STR, JSON_OPTIONAL, 16),
        JSON_FIELD(struct change_body, policy_default, "policyDefault", JSON_AS_STR, JSON_OPTIONAL,
                   16),
        JSON_FIELD(struct change_body, signing, SIGNING, JSON_AS_RAW, JSON_OPTIONAL, 0),
    };
    struct problems problems;
    struct change *c = arena_alloc(http_arena(r), sizeof *c);
    c->r = r;
    problems_init(&problems, http_arena(r));
    if (!api_decode(r, fields, ARRAY_LEN(fields), &c->body))
        return;
    const struct change_body *b = &c->body;
    enum err first = one_of(&problems, "putExisting", b->put_existing, "refuse", "rotate");
    enum err second = one_of(&problems, "policyDefault", b->policy_default, "open", "strict");
    enum err third = read_signing(c, &problems);
    if (!b->put_existing.ptr && !b->policy_default.ptr && !b->signing.len)
        api_fail_field(r, "body",
                       "must name a setting: putExisting, policyDefault or webhookSigningSecret");
    else if (first != OK || second != OK || third != OK)
        http_fail_with(r, ERR_INVALID, &problems);
    else
        api_write(r, change_op, change_done, c);
}
