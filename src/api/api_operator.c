/* The operator's calls: teams, and the state and rotation of keys. On the UNIX socket only. */
#include "alloc.h"
#include "api_list.h"
#include "api_team.h"
#include "api_token.h"
#include "clock.h"
#include "key_rotation.h"
#include "spool.h"

enum { ANSWER_MAX_BYTES = 16 * 1024, LIST_MAX_BYTES = 64 * 1024 * 1024, BLOB_MAX_BYTES = 4096 };

static void reply_empty_object(struct http_request *r, enum err e)
{
    if (e != OK)
        http_fail(r, e);
    else
        http_reply(r, 200, "application/json", STR("{}"));
}

static void write_team(struct json_out *o, const void *row)
{
    api_team_write(o, row);
}

static enum err read_teams(struct store_tx *tx, struct http_request *r, const void **ret_rows,
                           size_t *ret_count)
{
    struct team *rows = NULL;
    enum err e = store_team_list(tx, http_arena(r), &rows, ret_count);
    *ret_rows = rows;
    return e;
}

void api_operator_team_list(struct http_request *r)
{
    static const struct api_list list = {read_teams, write_team, sizeof(struct team),
                                         LIST_MAX_BYTES};
    api_list(r, &list);
}

/* --- a new team, with its first token --- */

struct creation {
    struct http_request *r;
    struct creation_body {
        struct str name;
    } body;
    struct team team;
    struct token_new first;
};

static enum err create_op(struct store_tx *tx, void *ctx)
{
    const struct creation *c = ctx;
    TRY(store_team_insert(tx, &c->team));
    struct audit_record record = api_audit(api_actor(c->r), AUDIT_TEAM_CREATED);
    record.team_id = record.subject = ulid_str(&c->team.id);
    record.name = c->team.name;
    TRY(store_audit(tx, &record));
    return token_new_insert(tx, api_actor(c->r), &c->first);
}

static enum err make_team(struct creation *c)
{
    struct api *api = api_of(c->r);
    AUTO(buf) struct buf key = buf_make(BLOB_MAX_BYTES);
    int64_t now = clock_unix_ms();
    c->team = (struct team){
        .id = ulid_new(), .name = c->body.name, .key_version = 1, .created_at_ms = now};
    c->first.row = (struct token){.team_id = c->team.id,
                                  .name = STR("first"),
                                  .role = ROLE_ADMIN,
                                  .names = STR("*"),
                                  .created_at_ms = now,
                                  .created_by = api_actor(c->r)->token_id};
    TRY(token_text_issue(api->vault, http_arena(c->r), &c->first.row, c->first.text));
    if (!key_rotation_hold(api->rotation))
        return ERR_BUSY;
    enum err e = vault_team_key_create(api->vault, ulid_str(&c->team.id), 1, &key);
    c->team.team_key = buf_str(&key);
    if (e == OK)
        e = store_write_wait(api->store, create_op, c);
    key_rotation_release(api->rotation);
    return e;
}

static void create(struct http_request *r)
{
    struct creation *c = api_work(r);
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    enum err e = make_team(c);
    if (e != OK) {
        wipe(c->first.text, sizeof c->first.text);
        http_fail(r, e);
        return;
    }
    json_out_open(&o, '{');
    api_team_write(&o, &c->team);
    json_out_member_str(&o, "tokenId", c->first.row.id);
    json_out_member_str(&o, "token", str_bytes(c->first.text, TOKEN_TEXT_LEN));
    json_out_close(&o, '}');
    wipe(c->first.text, sizeof c->first.text);
    api_reply_out(r, 201, &body, &o);
}

void api_operator_team_create(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct creation_body, name, "name", JSON_AS_STR, JSON_REQUIRED,
                   TEAM_NAME_MAX_BYTES),
    };
    struct creation *c = arena_alloc(http_arena(r), sizeof *c);
    c->r = r;
    if (!api_decode(r, fields, ARRAY_LEN(fields), &c->body))
        return;
    if (!team_name_valid(c->body.name))
        api_fail_field(r, "name",
                       "must be a-z 0-9 - _, begin with a letter or digit, and not be "
                       "root or operator");
    else
        api_defer_or_fail(r, create, c);
}

/* --- the end of one --- */

static enum err delete_op(struct store_tx *tx, void *ctx)
{
    struct http_request *r = ctx;
    struct team team;
    TRY(api_team_find(tx, r, &team));
    TRY(store_team_delete(tx, ulid_str(&team.id)));
    struct audit_record record = api_audit(api_actor(r), AUDIT_TEAM_DELETED);
    record.team_id = record.subject = ulid_str(&team.id);
    record.name = team.name;
    return store_audit(tx, &record);
}

static void delete_team(struct http_request *r)
{
    struct api *api = api_of(r);
    enum err e = store_write_wait(api->store, delete_op, r);
    if (e == OK)
        spool_sweep(api->store, api->spool_folder, false);
    reply_empty_object(r, e);
}

void api_operator_team_delete(struct http_request *r)
{
    api_defer_or_fail(r, delete_team, NULL);
}

/* --- keys --- */

static const char *const levels[] = {[KEY_LEVEL_RESUME] = "resume",
                                     [KEY_LEVEL_TEAM] = "team",
                                     [KEY_LEVEL_MASTER] = "master",
                                     [KEY_LEVEL_ROOT] = "root"};

static void key_status(struct http_request *r)
{
    static const char *const states[] = {[KEY_IDLE] = "idle",
                                         [KEY_RUNNING] = "running",
                                         [KEY_DONE] = "done",
                                         [KEY_FAILED] = "failed"};
    struct vault_status v;
    enum err e = vault_status(api_of(r)->vault, &v);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    struct key_rotation_status k = key_rotation_status(api_of(r)->rotation);
    AUTO(buf) struct buf body = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '{');
    json_out_member_int(&o, "masterVersion", v.master_version);
    json_out_member_int(&o, "masterVersions", v.master_versions);
    json_out_member_bool(&o, "unlocked", v.unlocked);
    json_out_member_bool(&o, "pendingRoot", v.pending_root);
    json_out_member_bool(&o, "memoryLocked", v.memory_locked);
    json_out_member_bool(&o, "sandboxed", v.sandboxed);
    json_out_key(&o, "rotation");
    json_out_open(&o, '{');
    json_out_member_str(&o, "level", str_from(levels[k.level]));
    json_out_member_str(&o, "state", str_from(states[k.state]));
    json_out_member_int(&o, "done", (int64_t)k.done);
    if (k.level == KEY_LEVEL_TEAM)
        json_out_member_str(&o, "team", ulid_str(&k.team_id));
    if (k.err != OK) {
        json_out_member_str(&o, "code", str_from(err_code(k.err)));
        json_out_member_str(&o, "error", str_from(err_text(k.err)));
    }
    json_out_close(&o, '}');
    json_out_close(&o, '}');
    api_reply_out(r, 200, &body, &o);
}

void api_key_status(struct http_request *r)
{
    api_defer_or_fail(r, key_status, NULL);
}

struct rotate_body {
    struct str level, team;
};

static enum err begin(struct http_request *r, const struct rotate_body *b)
{
    struct key_rotation *rotation = api_of(r)->rotation;
    struct store_tx *tx;
    struct team team;
    if (str_is(b->level, "master"))
        return key_rotation_begin(rotation, KEY_LEVEL_MASTER, STR_EMPTY);
    if (str_is(b->level, "root"))
        return key_rotation_begin(rotation, KEY_LEVEL_ROOT, STR_EMPTY);
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = store_team_by_name(tx, b->team, http_arena(r), &team);
    store_read_end(api_of(r)->store, &tx);
    TRY(e);
    return key_rotation_begin(rotation, KEY_LEVEL_TEAM, ulid_str(&team.id));
}

void api_key_rotate(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct rotate_body, level, "level", JSON_AS_STR, JSON_REQUIRED, 16),
        JSON_FIELD(struct rotate_body, team, "team", JSON_AS_STR, JSON_OPTIONAL,
                   TEAM_NAME_MAX_BYTES),
    };
    struct rotate_body body = {0};
    if (!api_decode(r, fields, ARRAY_LEN(fields), &body))
        return;
    bool team = str_is(body.level, "team");
    if (!team && !str_is(body.level, "master") && !str_is(body.level, "root")) {
        api_fail_field(r, "level", "must be team, master or root");
        return;
    }
    if (team != (body.team.len > 0)) {
        api_fail_field(r, "team",
                       team ? "names the team whose key is rotated"
                            : "belongs to the level team only");
        return;
    }
    enum err e = begin(r, &body);
    if (e == ERR_CONFLICT)
        http_fail_text(r, e, "A key rotation is already running; wait until it is done");
    else if (e != OK)
        http_fail(r, e);
    else
        http_reply(r, 202, "application/json", STR("{\"state\":\"running\"}"));
}
