/* Tokens of a team: list, make, revoke; for its admins and for the operator. */
#include "api_token.h"

#include "alloc.h"
#include "api_list.h"
#include "api_team.h"
#include "auth_address.h"
#include "clock.h"
#include "session.h"

enum { LIST_MAX_BYTES = 16 * 1024 * 1024, ANSWER_MAX_BYTES = 4096 };
static const int64_t DAY_MS = 24 * 3600 * 1000LL;

static void write_row(struct json_out *o, const struct token *t)
{
    json_out_member_str(o, "id", t->id);
    json_out_member_str(o, "role", str_from(token_role_name(t->role)));
    json_out_member_str(o, "name", t->name);
    json_out_member_str(o, "names", t->names);
    json_out_member_str(o, "addresses", t->addresses);
    json_out_member_time(o, "createdAt", t->created_at_ms);
    json_out_member_str(o, "createdBy", t->created_by);
    json_out_member_time(o, "expiresAt", t->expires_at_ms);
}

static void write_listed(struct json_out *o, const void *row)
{
    const struct token *t = row;
    write_row(o, t);
    json_out_member_time(o, "lastUsedAt", t->last_used_at_ms);
    json_out_member_time(o, "revokedAt", t->revoked_at_ms);
    json_out_member_time(o, "suspendedAt", t->suspended_at_ms);
}

static enum err read_rows(struct store_tx *tx, struct http_request *r, const void **ret_rows,
                          size_t *ret_count)
{
    struct team team;
    struct token *rows = NULL;
    TRY(api_team_find(tx, r, &team));
    TRY(store_token_list(tx, ulid_str(&team.id), http_arena(r), &rows, ret_count));
    *ret_rows = rows;
    return OK;
}

void api_token_list(struct http_request *r)
{
    static const struct api_list list = {read_rows, write_listed, sizeof(struct token),
                                         LIST_MAX_BYTES};
    api_list(r, &list);
}

/* The token that asks: so that a person can tell which one it is before it is used or kept. */
void api_token_own(struct http_request *r)
{
    struct store_tx *tx;
    struct team team;
    struct token row;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = api_team_find(tx, r, &team);
        if (e == OK)
            e = store_token_get(tx, api_actor(r)->token_id, http_arena(r), &row);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    write_row(&o, &row);
    json_out_key(&o, "team");
    json_out_open(&o, '{');
    json_out_member_str(&o, "id", ulid_str(&team.id));
    json_out_member_str(&o, "name", team.name);
    json_out_close(&o, '}');
    json_out_close(&o, '}');
    api_reply_out(r, 200, &body, &o);
}

/* --- making one --- */

enum err token_new_insert(struct store_tx *tx, const struct actor *actor, const struct token_new *t)
{
    TRY(store_token_insert(tx, &t->row));
    struct audit_record record = api_audit(actor, AUDIT_TOKEN_CREATED);
    record.team_id = ulid_str(&t->row.team_id);
    record.subject = t->row.id;
    record.name = t->row.name;
    record.field = str_from(token_role_name(t->row.role));
    return store_audit(tx, &record);
}

void token_new_write(struct json_out *o, struct token_new *t)
{
    write_row(o, &t->row);
    json_out_member_str(o, "token", str_bytes(t->text, TOKEN_TEXT_LEN));
    wipe(t->text, sizeof t->text);
}

struct creation {
    struct http_request *r;
    struct creation_body {
        struct str role, name, names, addresses;
        int64_t days;
    } body;
    struct token_new made;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct creation_body, role, "role", JSON_AS_STR, JSON_REQUIRED, 16),
    JSON_FIELD(struct creation_body, name, "name", JSON_AS_STR, JSON_OPTIONAL,
               TOKEN_NAME_MAX_BYTES),
    JSON_FIELD(struct creation_body, names, "names", JSON_AS_STR, JSON_NOT_EMPTY,
               TOKEN_PATTERN_MAX_BYTES),
    JSON_FIELD(struct creation_body, addresses, "addresses", JSON_AS_STR, JSON_OPTIONAL,
               TOKEN_ADDRESSES_MAX_BYTES),
    JSON_FIELD(struct creation_body, days, "expiresInDays", JSON_AS_INT, JSON_OPTIONAL,
               TOKEN_EXPIRY_MAX_DAYS),
};

/* Answers itself when something is wrong with it. */
static bool check_body(struct creation *c)
{
    struct problems problems;
    problems_init(&problems, http_arena(c->r));
    if (!token_role_from(c->body.role, &c->made.row.role))
        problems_add(&problems, STR("role"), "must be admin, editor, submit, worker or audit");
    if (!auth_pattern_valid(c->body.names))
        problems_add(&problems, STR("names"), "must be *, a name, or the beginning of names and *");
    if (!auth_addresses_valid(c->body.addresses))
        problems_add(&problems, STR("addresses"),
                     "must be IP addresses or prefixes such as 10.0.0.0/8, with commas between");
    if (c->body.days < 1)
        problems_add(&problems, STR("expiresInDays"), "must be 1 or more");
    if (str_has_control(c->body.name))
        problems_add(&problems, STR("name"), "must not hold control characters");
    if (problems.count == 0)
        return true;
    http_fail_with(c->r, ERR_INVALID, &problems);
    return false;
}

/* Nothing broader or longer-lived than the token that asks; without a wish, just as long. */
static bool check_reach(struct creation *c, bool wished)
{
    const struct auth_user *user = api_user(c->r);
    struct token *row = &c->made.row;
    if (user->expires_at_ms != 0 && row->expires_at_ms > user->expires_at_ms) {
        if (wished) {
            http_fail_text(c->r, ERR_FORBIDDEN, "A token cannot make one that outlives it");
            return false;
        }
        row->expires_at_ms = user->expires_at_ms;
    }
    if (!auth_addresses_within(row->addresses, user->addresses)) {
        http_fail_text(c->r, ERR_FORBIDDEN, "A token cannot make one for more addresses");
        return false;
    }
    if (auth_pattern_within(row->names, user->actor.names))
        return true;
    http_fail_text(c->r, ERR_FORBIDDEN, "A token cannot make one that may use more names");
    return false;
}

/* Who was revoked a moment ago leaves no token behind. */
static enum err maker_is_valid(struct store_tx *tx, struct http_request *r)
{
    struct token row;
    if (http_is_operator(r))
        return OK;
    TRY(store_token_get(tx, api_actor(r)->token_id, http_arena(r), &row));
    return row.revoked_at_ms == 0 && row.suspended_at_ms == 0 ? OK : ERR_UNAUTHORIZED;
}

static enum err create_op(struct store_tx *tx, void *ctx)
{
    struct creation *c = ctx;
    struct team team;
    TRY(maker_is_valid(tx, c->r));
    TRY(api_team_find(tx, c->r, &team));
    c->made.row.team_id = team.id;
    return token_new_insert(tx, api_actor(c->r), &c->made);
}

static void create_done(enum err e, void *ctx)
{
    struct creation *c = ctx;
    if (e != OK) {
        wipe(c->made.text, sizeof c->made.text);
        http_fail(c->r, e);
        return;
    }
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    token_new_write(&o, &c->made);
    json_out_close(&o, '}');
    api_reply_out(c->r, 201, &body, &o);
}

void api_token_create(struct http_request *r)
{
    struct creation *c = arena_alloc(http_arena(r), sizeof *c);
    const struct actor *actor = api_actor(r);
    c->r = r;
    c->body.names = actor->names;
    c->body.addresses = api_user(r)->addresses;
    c->body.days = -1;
    if (!api_decode(r, fields, ARRAY_LEN(fields), &c->body))
        return;
    bool wished = c->body.days >= 0;
    if (!wished)
        c->body.days = TOKEN_EXPIRY_DEFAULT_DAYS;
    if (!check_body(c))
        return;
    struct token *row = &c->made.row;
    row->name = c->body.name;
    row->names = c->body.names;
    row->addresses = c->body.addresses;
    row->created_at_ms = clock_unix_ms();
    row->expires_at_ms = row->created_at_ms + c->body.days * DAY_MS;
    row->created_by = actor->token_id;
    if (!check_reach(c, wished))
        return;
    enum err e = token_text_issue(api_of(r)->vault, http_arena(r), row, c->made.text);
    if (e != OK)
        http_fail(r, e);
    else
        api_write(r, create_op, create_done, c);
}

/* --- revoking --- */

struct revocation {
    struct http_request *r;
    struct str id;
};

static enum err revoke_op(struct store_tx *tx, void *ctx)
{
    const struct revocation *v = ctx;
    struct arena *a = http_arena(v->r);
    struct team team;
    struct token row;
    TRY(api_team_find(tx, v->r, &team));
    TRY(store_token_get(tx, v->id, a, &row));
    if (!str_equal(ulid_str(&row.team_id), ulid_str(&team.id)))
        return ERR_NOT_FOUND;
    if (row.revoked_at_ms != 0)
        return OK;
    TRY(store_token_revoke(tx, ulid_str(&team.id), v->id, clock_unix_ms()));
    TRY(session_end_of_token(tx, api_actor(v->r), ulid_str(&team.id), v->id, a));
    struct audit_record record = api_audit(api_actor(v->r), AUDIT_TOKEN_REVOKED);
    record.team_id = ulid_str(&team.id);
    record.subject = v->id;
    record.name = row.name;
    return store_audit(tx, &record);
}

static void revoke_done(enum err e, void *ctx)
{
    const struct revocation *v = ctx;
    if (e != OK)
        http_fail(v->r, e);
    else
        http_reply(v->r, 200, "application/json", STR("{}"));
}

void api_token_revoke(struct http_request *r)
{
    struct revocation *v = arena_alloc(http_arena(r), sizeof *v);
    *v = (struct revocation){r, http_param(r, "id")};
    if (v->id.len != TOKEN_ID_LEN)
        http_fail(r, ERR_NOT_FOUND);
    else
        api_write(r, revoke_op, revoke_done, v);
}
