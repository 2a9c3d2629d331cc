/* PUT /secrets: a new secret, or (when asked for) a new version of one that exists. The value goes
 * from the body into locked memory, sealed to the vault and back, and into one transaction with its
 * audit record. */
#include "api_policy.h"
#include "api_secret.h"
#include "clock.h"
#include "job_names.h"
#include "redact_advice.h"
#include "store_team.h"

enum { SEALED_MAX_BYTES = SECRET_VALUE_MAX_BYTES + 4096, ATTEMPTS_MAX = 8 };

struct put {
    struct http_request *r;
    struct put_body {
        struct str name;
        struct secret *value;
        struct str policy; /* raw */
        bool rotate;
    } body;
    struct policy policy;  /* body.policy */
    struct team team;      /* as read; the commit insists on its key version */
    struct sealed_row row; /* row.sealed borrows from `sealed` */
    int64_t created_at_ms; /* of the secret, not of this version */
    int64_t last_used_at_ms;
    bool rotates;
    struct buf sealed;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct put_body, name, "name", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY,
               SECRET_NAME_MAX_BYTES),
    JSON_FIELD(struct put_body, value, "value", JSON_AS_SECRET, JSON_REQUIRED | JSON_NOT_EMPTY,
               SECRET_VALUE_MAX_BYTES),
    JSON_FIELD(struct put_body, rotate, "rotate", JSON_AS_BOOL, JSON_OPTIONAL, 0),
    JSON_FIELD(struct put_body, policy, "policy", JSON_AS_RAW, JSON_OPTIONAL, 0),
};

static void finish(struct put *p)
{
    secret_free(&p->body.value);
    buf_auto(&p->sealed);
}

static void fail(struct put *p, enum err e)
{
    finish(p);
    if (e == ERR_TOO_LARGE)
        http_fail_text(p->r, e, "Your team holds as many secrets as it may; delete some first");
    else if (e == ERR_CONFLICT)
        http_fail_text(p->r, e,
                       "The secret has another policy, which a new version keeps; change it with "
                       "PATCH /secrets/{id}");
    else
        http_fail(p->r, e == ERR_AGAIN ? ERR_BUSY : e);
}

/* What stands now, and so what this put becomes. ERR_SECRET_EXISTS. */
static enum err look(struct put *p)
{
    struct arena *a = http_arena(p->r);
    struct str team_id = api_actor(p->r)->team_id;
    struct secret_row have;
    struct store_tx *tx;
    TRY(store_read_begin(api_of(p->r)->store, &tx));
    enum err e = store_team_get(tx, team_id, a, &p->team);
    enum err known = OK;
    if (e == OK) {
        known = store_secret_by_name(tx, team_id, p->body.name, a, &have);
        e = known == ERR_NOT_FOUND ? OK : known;
    }
    store_read_end(api_of(p->r)->store, &tx);
    TRY(e);

    p->rotates = known == OK;
    if (p->rotates && !p->body.rotate && !p->team.put_rotates)
        return ERR_SECRET_EXISTS;
    int64_t now = clock_unix_ms();
    struct str policy = api_policy_bytes(&p->policy, p->team.strict, a);
    if (p->rotates && p->body.policy.ptr && !str_equal(policy, have.policy))
        return ERR_CONFLICT;
    p->row = (struct sealed_row){.id = p->rotates ? have.id : ulid_new(),
                                 .team_id = p->team.id,
                                 .name = p->body.name,
                                 .version = p->rotates ? have.version + 1 : 1,
                                 .epoch = p->rotates ? have.epoch + 1 : 1,
                                 .created_at_ms = now,
                                 .policy = p->rotates ? have.policy : policy,
                                 .key_version = p->team.key_version};
    p->created_at_ms = p->rotates ? have.created_at_ms : now;
    p->last_used_at_ms = p->rotates ? have.last_used_at_ms : 0;
    return OK;
}

static enum err look_and_seal(struct put *p)
{
    TRY(look(p));
    const struct seal_context context = {.team_id = ulid_str(&p->row.team_id),
                                         .secret_id = ulid_str(&p->row.id),
                                         .name = p->row.name,
                                         .version = p->row.version,
                                         .epoch = p->row.epoch,
                                         .created_at_ms = p->row.created_at_ms,
                                         .policy = p->row.policy};
    buf_reset(&p->sealed);
    TRY(vault_seal(api_of(p->r)->vault, &context, p->team.team_key, p->body.value, &p->sealed));
    p->row.sealed = buf_str(&p->sealed);
    return OK;
}

static enum err put_op(struct store_tx *tx, void *ctx)
{
    struct put *p = ctx;
    const struct actor *actor = api_actor(p->r);
    struct team team;
    TRY(store_team_get(tx, actor->team_id, http_arena(p->r), &team));
    /* The team's key was rotated meanwhile: nobody would move this record to the new one. Or it
     * was made strict: then the policy may lack its sinks. */
    if (team.key_version != p->row.key_version || team.strict != p->team.strict)
        return ERR_AGAIN;
    enum err e = p->rotates ? store_secret_rotate(tx, &p->row) : store_secret_insert(tx, &p->row);
    if (e == ERR_LIMIT) /* the team's, which waiting does not mend */
        return ERR_TOO_LARGE;
    TRY(e);
    struct audit_record record =
        api_audit(actor, p->rotates ? AUDIT_SECRET_ROTATED : AUDIT_SECRET_CREATED);
    record.subject = ulid_str(&p->row.id);
    record.name = p->row.name;
    record.version = p->row.version;
    return store_audit(tx, &record);
}

static void reply(struct put *p)
{
    AUTO(buf) struct buf body = buf_make(JSON_BODY_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    const char *advice = redact_advice(p->body.value);
    json_out_open(&o, '{');
    const struct secret_row row = {.id = p->row.id,
                                   .name = p->row.name,
                                   .version = p->row.version,
                                   .created_at_ms = p->created_at_ms,
                                   .updated_at_ms = p->row.created_at_ms,
                                   .last_used_at_ms = p->last_used_at_ms,
                                   .policy = p->row.policy};
    ASSERT(api_secret_members(&o, &row) == OK); /* it was sealed a moment ago */
    if (advice) {
        json_out_key(&o, "warnings");
        json_out_open(&o, '[');
        json_out_open(&o, '{');
        json_out_member_str(&o, "field", STR("value"));
        json_out_member_str(&o, "message", str_from(advice));
        json_out_close(&o, '}');
        json_out_close(&o, ']');
    }
    json_out_close(&o, '}');
    finish(p);
    api_reply_out(p->r, 201, &body, &o);
}

/* Off the writer's thread: everything again, from what stands now, and in a row, so that a thousand
 * puts of one name do not keep each other from ever winning. */
static void put_again(struct http_request *r)
{
    struct put *p = api_work(r);
    pthread_mutex_t *lock = &api_of(r)->put_lock;
    enum err e = ERR_AGAIN;
    pthread_mutex_lock(lock);
    for (int i = 0; i < ATTEMPTS_MAX && e == ERR_AGAIN; i++) {
        e = look_and_seal(p);
        if (e == OK)
            e = store_write_wait(api_of(r)->store, put_op, p);
        /* It came into being after the look: the next look finds it. */
        if (e == ERR_SECRET_EXISTS && !p->rotates && (p->body.rotate || p->team.put_rotates))
            e = ERR_AGAIN;
    }
    pthread_mutex_unlock(lock);
    if (e == OK)
        reply(p);
    else
        fail(p, e);
}

static void put_done(enum err e, void *ctx)
{
    struct put *p = ctx;
    bool raced = e == ERR_AGAIN ||
                 (e == ERR_SECRET_EXISTS && !p->rotates && (p->body.rotate || p->team.put_rotates));
    if (e == OK) {
        reply(p);
    } else if (raced) {
        if (!api_defer(p->r, put_again, p))
            fail(p, ERR_BUSY);
    } else {
        fail(p, e);
    }
}

/* A value in an address would end up in every log on the way. */
static bool query_is_empty(struct http_request *r)
{
    static const char *const names[] = {"name", "value", "secret", "rotate", "key", "token"};
    struct str ignored;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (http_query(r, names[i], &ignored))
            return false;
    }
    return true;
}

void api_secret_put(struct http_request *r)
{
    if (!query_is_empty(r)) {
        api_fail_field(r, "query", "takes no parameters; the secret goes into the body");
        return;
    }
    struct put *p = arena_alloc(http_arena(r), sizeof *p);
    p->r = r;
    p->sealed = buf_make(SEALED_MAX_BYTES);
    if (!api_decode(r, fields, ARRAY_LEN(fields), &p->body)) {
        finish(p);
        return;
    }
    struct problems problems;
    problems_init(&problems, http_arena(r));
    enum err e = api_policy_read(p->body.policy, http_arena(r), &problems, &p->policy);
    if (e != OK) {
        finish(p);
        http_fail_with(r, e, &problems);
        return;
    }
    if (!ref_name_valid(p->body.name)) {
        finish(p);
        api_fail_field(r, "name", "may hold only A-Z a-z 0-9 _ - . / and at most 128 of them");
        return;
    }
    if (!job_names_match(api_actor(r)->names, p->body.name))
        e = ERR_FORBIDDEN;
    if (e == OK)
        e = look_and_seal(p);
    if (e != OK)
        fail(p, e);
    else
        api_write(r, put_op, put_done, p);
}
