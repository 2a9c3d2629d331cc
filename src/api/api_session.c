/* Sessions of the web console: signing in with a token, out again, and which there are. */
#include <stdio.h>

#include "alloc.h"
#include "api_request.h"
#include "clock.h"
#include "session_guard.h"
#include "session_text.h"
#include "store_team.h"
#include "token_text.h"

enum { LIST_MAX_BYTES = 16 * 1024 * 1024, ANSWER_MAX_BYTES = 4096 };

/* Without Max-Age it ends with the browser; the server has limits of its own. */
#define COOKIE_ATTRIBUTES "; Path=/; Secure; HttpOnly; SameSite=Strict"

static void set_cookie(struct http_request *r, const char *text)
{
    struct str line = arena_printf(http_arena(r), SESSION_COOKIE "=%s" COOKIE_ATTRIBUTES, text);
    http_answer_header(r, "Set-Cookie", line.ptr);
}

static void clear_cookie(struct http_request *r)
{
    http_answer_header(r, "Set-Cookie", SESSION_COOKIE "=" COOKIE_ATTRIBUTES "; Max-Age=0");
}

/* --- what a page needs to know of its session --- */

struct shown {
    struct team team;
    struct token token;
};

static enum err read_shown(struct store_tx *tx, struct http_request *r, struct shown *ret)
{
    TRY(store_team_get(tx, api_actor(r)->team_id, http_arena(r), &ret->team));
    return store_token_get(tx, api_actor(r)->token_id, http_arena(r), &ret->token);
}

static void write_named(struct json_out *o, const char *key, struct str id, struct str name)
{
    json_out_key(o, key);
    json_out_open(o, '{');
    json_out_member_str(o, "id", id);
    json_out_member_str(o, "name", name);
    json_out_close(o, '}');
}

/* `cookie` empty: the token itself was shown, there is no session. */
static void reply_shown(struct http_request *r, int status, const struct shown *s,
                        struct str cookie, int64_t ends_at_ms)
{
    char csrf[SESSION_CSRF_LEN + 1];
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    write_named(&o, "team", ulid_str(&s->team.id), s->team.name);
    write_named(&o, "token", s->token.id, s->token.name);
    json_out_member_str(&o, "role", str_from(token_role_name(s->token.role)));
    json_out_member_str(&o, "names", s->token.names);
    json_out_key(&o, "csrf");
    if (cookie.len) {
        session_text_csrf(cookie, csrf);
        json_out_str(&o, str_bytes(csrf, SESSION_CSRF_LEN));
        wipe(csrf, sizeof csrf);
    } else {
        json_out_null(&o);
    }
    json_out_member_time(&o, "expiresAt", ends_at_ms);
    json_out_member_int(&o, "idleSeconds",
                        cookie.len ? auth_session_limits(api_of(r)->auth).idle_ms / 1000 : 0);
    json_out_close(&o, '}');
    api_reply_out(r, status, &body, &o);
}

static struct str cookie_of(const struct http_request *r)
{
    struct str cookie = STR_EMPTY;
    return api_user(r)->session_id.len && http_cookie(r, SESSION_COOKIE, &cookie) == 1 ? cookie
                                                                                       : STR_EMPTY;
}

void api_session_get(struct http_request *r)
{
    struct shown shown;
    struct store_tx *tx;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = read_shown(tx, r, &shown);
        store_read_end(api_of(r)->store, &tx);
    }
    const struct auth_user *user = api_user(r);
    if (e != OK)
        http_fail(r, e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e);
    else
        reply_shown(r, 200, &shown, cookie_of(r),
                    user->session_id.len ? user->session_ends_at_ms : user->expires_at_ms);
}

/* --- signing in --- */

struct sign_in {
    struct http_request *r;
    struct sign_in_body {
        struct str token;
    } body;
    struct session_row row;
    struct str replaced; /* the session this browser had; empty: none */
    struct shown shown;
    char text[SESSION_TEXT_LEN + 1];
};

/* Room for one more of this token: those that were unused longest give way. */
static enum err make_room(struct store_tx *tx, const struct sign_in *s)
{
    struct session_row *rows;
    size_t count;
    const struct actor *actor = api_actor(s->r);
    TRY(store_session_list(tx, actor->team_id, actor->token_id, http_arena(s->r), &rows, &count));
    for (; count >= CONSOLE_SESSIONS_PER_TOKEN_MAX; count--) {
        size_t oldest = 0;
        for (size_t i = 1; i < count; i++)
            if (rows[i].seen_at_ms < rows[oldest].seen_at_ms)
                oldest = i;
        TRY(session_end(tx, actor, &rows[oldest], SESSION_TOO_MANY));
        rows[oldest] = rows[count - 1];
    }
    return OK;
}

static enum err end_replaced(struct store_tx *tx, const struct sign_in *s)
{
    struct session_row row;
    if (s->replaced.len == 0)
        return OK;
    enum err e = store_session_get(tx, s->replaced, http_arena(s->r), &row);
    if (e == OK)
        e = session_end(tx, api_actor(s->r), &row, SESSION_REPLACED);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err create_op(struct store_tx *tx, void *ctx)
{
    struct sign_in *s = ctx;
    struct arena *a = http_arena(s->r);
    const struct auth *auth = api_of(s->r)->auth;
    enum err e = read_shown(tx, s->r, &s->shown);
    if (e == ERR_NOT_FOUND || (e == OK && s->shown.token.revoked_at_ms != 0))
        return ERR_UNAUTHORIZED; /* a moment ago */
    TRY(e);
    TRY(session_sweep(tx, auth_session_limits(auth), auth_now_ms(auth), a));
    TRY(end_replaced(tx, s));
    TRY(make_room(tx, s));
    TRY(store_session_insert(tx, &s->row));
    struct audit_record record = api_audit(api_actor(s->r), AUDIT_SESSION_CREATED);
    record.subject = ulid_str(&s->row.id);
    record.name = s->shown.token.name;
    return store_audit(tx, &record);
}

static void fail_unauthorized(struct http_request *r)
{
    http_fail_text(r, ERR_UNAUTHORIZED,
                   "This is not a valid API token, or it has expired or was revoked");
}

static void create_done(enum err e, void *ctx)
{
    struct sign_in *s = ctx;
    struct http_request *r = s->r;
    if (e == OK) {
        int64_t max_ms = auth_session_limits(api_of(r)->auth).max_ms;
        int64_t ends =
            session_ends_at_ms(s->row.created_at_ms, max_ms, s->shown.token.expires_at_ms);
        set_cookie(r, s->text);
        reply_shown(r, 201, &s->shown, str_bytes(s->text, SESSION_TEXT_LEN), ends);
    } else if (e == ERR_UNAUTHORIZED) {
        fail_unauthorized(r);
    } else {
        http_fail(r, e);
    }
}

/* As much of it as a list shows; another program's text, so nothing but plain characters. */
static struct str browser_of(struct http_request *r)
{
    struct str given = str_slice(http_header(r, "User-Agent"), 0, CONSOLE_USER_AGENT_MAX_BYTES);
    char *text = arena_text(http_arena(r), given);
    for (size_t i = 0; i < given.len; i++)
        if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
    return str_bytes(text, given.len);
}

/* A session that this browser has already is replaced by the new one, never taken up. */
static struct str present_session(struct http_request *r)
{
    struct str cookie;
    struct auth_user *user;
    if (http_cookie(r, SESSION_COOKIE, &cookie) != 1)
        return STR_EMPTY;
    struct auth_given given = {.session = cookie, .background = true};
    enum err e = auth_check(api_of(r)->auth, given, http_peer(r), http_arena(r), &user);
    return e == OK ? user->session_id : STR_EMPTY;
}

static void fail_locked(struct http_request *r, int64_t wait_ms)
{
    char seconds[24];
    (void)snprintf(seconds, sizeof seconds, "%lld", (long long)(wait_ms + 999) / 1000);
    http_answer_header(r, "Retry-After", seconds);
    http_fail_text(r, ERR_RATE,
                   "This is not a valid API token, and there were too many of those from this "
                   "address: wait a minute, or send a valid one");
}

/* False: answered. */
static bool check_token(struct http_request *r, struct str token)
{
    struct auth_user *user;
    int64_t wait_ms;
    enum err e = auth_sign_in(api_of(r)->auth, str_trim(token), http_peer(r), http_arena(r), &user,
                              &wait_ms);
    api_count_refusal(e);
    if (e == ERR_RATE)
        fail_locked(r, wait_ms);
    else if (e == ERR_UNAUTHORIZED)
        fail_unauthorized(r);
    else if (e != OK)
        http_fail(r, e);
    if (e != OK)
        return false;
    user->actor.address = http_peer(r);
    user->actor.request_id = http_request_id(r);
    http_set_user(r, user);
    if (auth_role_allows(user->role, SCOPE_CONSOLE))
        return true;
    auth_denied(api_of(r)->auth, user);
    api_count_refusal(ERR_FORBIDDEN);
    http_fail_text(r, ERR_FORBIDDEN, "The console takes tokens of the roles admin and editor");
    return false;
}

void api_session_create(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct sign_in_body, token, "token", JSON_AS_STR, JSON_REQUIRED, 256),
    };
    struct sign_in *s = arena_alloc(http_arena(r), sizeof *s);
    s->r = r;
    enum err e = session_guard_origin(r);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    if (!api_decode(r, fields, ARRAY_LEN(fields), &s->body) || !check_token(r, s->body.token))
        return;
    s->replaced = present_session(r);
    s->row = (struct session_row){.token_id = api_actor(r)->token_id,
                                  .created_at_ms = auth_now_ms(api_of(r)->auth),
                                  .address = http_peer(r),
                                  .user_agent = browser_of(r)};
    s->row.seen_at_ms = s->row.created_at_ms;
    e = ulid_from(api_actor(r)->team_id, &s->row.team_id);
    if (e == OK)
        e = session_text_issue(api_of(r)->vault, &s->row, s->text);
    if (e != OK)
        http_fail(r, e);
    else
        api_write(r, create_op, create_done, s);
}

/* --- which there are --- */

/* An editor sees to its own token's alone. */
static struct str own_token(const struct http_request *r)
{
    return auth_role_allows(api_user(r)->role, SCOPE_ADMIN) ? STR_EMPTY : api_actor(r)->token_id;
}

static void write_session(struct json_out *o, const struct session_row *row, int64_t max_ms,
                          struct str current_id)
{
    struct str id = ulid_str(&row->id);
    json_out_open(o, '{');
    json_out_member_str(o, "id", id);
    write_named(o, "token", row->token_id, row->token_name);
    json_out_member_str(o, "role", str_from(token_role_name(row->token_role)));
    json_out_member_time(o, "createdAt", row->created_at_ms);
    json_out_member_time(o, "lastSeenAt", row->seen_at_ms);
    json_out_member_time(o, "expiresAt",
                         session_ends_at_ms(row->created_at_ms, max_ms, row->token_expires_at_ms));
    json_out_member_str(o, "address", row->address);
    json_out_member_str(o, "userAgent", row->user_agent);
    json_out_member_bool(o, "current", str_equal(id, current_id));
    json_out_close(o, '}');
}

void api_session_list(struct http_request *r)
{
    struct session_row *rows = NULL;
    size_t count = 0;
    struct store_tx *tx;
    const struct auth *auth = api_of(r)->auth;
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = store_session_list(tx, api_actor(r)->team_id, own_token(r), http_arena(r), &rows,
                               &count);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    struct session_limits limits = auth_session_limits(auth);
    int64_t now = auth_now_ms(auth);
    AUTO(buf) struct buf body = buf_make(LIST_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++)
        if (!session_is_over(&rows[i], limits, now))
            write_session(&o, &rows[i], limits.max_ms, api_user(r)->session_id);
    json_out_close(&o, ']');
    api_reply_out(r, 200, &body, &o);
}

/* --- ending one --- */

struct ending {
    struct http_request *r;
    struct str id, why;
};

static enum err end_op(struct store_tx *tx, void *ctx)
{
    const struct ending *v = ctx;
    const struct actor *actor = api_actor(v->r);
    struct session_row row;
    TRY(store_session_get(tx, v->id, http_arena(v->r), &row));
    struct str token_id = own_token(v->r);
    if (!str_equal(ulid_str(&row.team_id), actor->team_id) ||
        (token_id.len && !str_equal(row.token_id, token_id)))
        return ERR_NOT_FOUND;
    return session_end(tx, actor, &row, v->why);
}

static void end_done(enum err e, void *ctx)
{
    const struct ending *v = ctx;
    if (e != OK) {
        http_fail(v->r, e);
        return;
    }
    if (str_equal(v->id, api_user(v->r)->session_id))
        clear_cookie(v->r);
    http_reply_empty(v->r, 204);
}

static void end_session(struct http_request *r, struct str id, struct str why)
{
    struct ending *v = arena_alloc(http_arena(r), sizeof *v);
    *v = (struct ending){r, id, why};
    if (!ulid_valid(id))
        http_fail(r, ERR_NOT_FOUND);
    else
        api_write(r, end_op, end_done, v);
}

void api_session_sign_out(struct http_request *r)
{
    end_session(r, api_user(r)->session_id, SESSION_SIGNED_OUT);
}

void api_session_revoke(struct http_request *r)
{
    end_session(r, http_param(r, "id"), SESSION_REVOKED);
}
