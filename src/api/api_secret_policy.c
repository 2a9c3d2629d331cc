/* PATCH /secrets/{id}: another policy. It is a part of what every version is sealed with, so the
 * data key of each is wrapped anew; no value is opened, and all of it is one transaction. */
#include "api_policy.h"
#include "api_secret.h"
#include "job_names.h"
#include "store_team.h"

enum { BATCH = 16, SEALED_MAX_BYTES = SECRET_VALUE_MAX_BYTES + 4096 };

struct change {
    struct http_request *r;
    struct str id;
    struct policy wanted;
    struct str policy;     /* what it becomes */
    struct team team;      /* as read; the commit insists on its key version */
    struct secret_row row; /* as read, then as it is */
    struct resealed {
        uint32_t version, key_version;
        struct str head; /* ptr NULL: it does not open, and stays as it is */
    } *resealed;
    size_t count, moved;
};

/* Some versions of the secret, with the team keys they are under. */
struct batch {
    struct arena arena;
    struct sealed_row *rows;
    struct str *keys;
    size_t count;
};

static void batch_auto(struct batch *b)
{
    arena_auto(&b->arena);
}

static enum err read_secret(struct store_tx *tx, struct change *c)
{
    const struct actor *actor = api_actor(c->r);
    struct arena *a = http_arena(c->r);
    TRY(store_team_get(tx, actor->team_id, a, &c->team));
    TRY(store_secret_get(tx, actor->team_id, c->id, a, &c->row));
    return job_names_match(actor->names, c->row.name) ? OK : ERR_NOT_FOUND;
}

static enum err read_batch(struct store_tx *tx, const struct change *c, uint32_t after,
                           struct batch *ret)
{
    struct str team_id = api_actor(c->r)->team_id;
    TRY(store_sealed_after(tx, team_id, c->id, after, BATCH, &ret->arena, &ret->rows, &ret->count));
    ret->keys = arena_array(&ret->arena, ret->count + 1, sizeof *ret->keys);
    for (size_t i = 0; i < ret->count; i++)
        TRY(store_team_key_get(tx, team_id, ret->rows[i].key_version, &ret->arena, &ret->keys[i]));
    return OK;
}

static enum err reseal(struct change *c, const struct sealed_row *row, struct str key)
{
    AUTO(buf) struct buf out = buf_make(SEALED_MAX_BYTES);
    const struct seal_context context = {.team_id = ulid_str(&row->team_id),
                                         .secret_id = ulid_str(&row->id),
                                         .name = row->name,
                                         .version = row->version,
                                         .epoch = row->epoch,
                                         .created_at_ms = row->created_at_ms,
                                         .policy = row->policy};
    struct resealed *to = &c->resealed[c->count++];
    *to = (struct resealed){row->version, row->key_version, {NULL, 0}};
    enum err e = vault_rewrap_policy(api_of(c->r)->vault, &context, c->policy, key,
                                     c->team.team_key, row->sealed, &out);
    if (e == ERR_TAMPERED) /* it opens for nobody and must not keep the others as they are */
        return OK;
    TRY(e);
    to->head = arena_str(http_arena(c->r), str_slice(buf_str(&out), 0, VAULT_SEALED_HEAD_BYTES));
    c->moved++;
    return OK;
}

/* *ret_more is false when there are no versions after this one. */
static enum err reseal_batch(struct change *c, uint32_t *after, bool *ret_more)
{
    struct batch b __attribute__((cleanup(batch_auto))) = {.arena = arena_make()};
    struct store_tx *tx;
    TRY(store_read_begin(api_of(c->r)->store, &tx));
    enum err e = read_batch(tx, c, *after, &b);
    store_read_end(api_of(c->r)->store, &tx);
    TRY(e);
    if (c->count + b.count > POLICY_VERSIONS_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < b.count; i++)
        TRY(reseal(c, &b.rows[i], b.keys[i]));
    *ret_more = b.count > 0;
    if (b.count > 0)
        *after = b.rows[b.count - 1].version;
    return OK;
}

static enum err look_and_reseal(struct change *c)
{
    struct store_tx *tx;
    uint32_t after = 0;
    TRY(store_read_begin(api_of(c->r)->store, &tx));
    enum err e = read_secret(tx, c);
    store_read_end(api_of(c->r)->store, &tx);
    TRY(e);
    c->policy = api_policy_bytes(&c->wanted, c->team.strict, http_arena(c->r));
    c->count = c->moved = 0;
    for (bool more = true; more;)
        TRY(reseal_batch(c, &after, &more));
    return c->moved ? OK : ERR_TAMPERED;
}

static enum err replace(struct store_tx *tx, const struct change *c, const struct resealed *to,
                        const struct sealed_row *row)
{
    AUTO(buf) struct buf sealed = buf_make(SEALED_MAX_BYTES);
    if (row->version != to->version || row->key_version != to->key_version)
        return ERR_AGAIN;
    if (!to->head.ptr)
        return OK;
    TRY(buf_put(&sealed, to->head));
    TRY(buf_put(&sealed, str_slice(row->sealed, VAULT_SEALED_HEAD_BYTES, row->sealed.len)));
    const struct sealed_change change = {c->team.key_version, c->policy, buf_str(&sealed)};
    return store_sealed_replace(tx, row, &change);
}

/* Every version there is, and no other than those that were resealed. */
static enum err replace_all(struct store_tx *tx, const struct change *c)
{
    for (size_t done = 0;;) {
        struct batch b __attribute__((cleanup(batch_auto))) = {.arena = arena_make()};
        TRY(read_batch(tx, c, done ? c->resealed[done - 1].version : 0, &b));
        if (b.count == 0)
            return done == c->count ? OK : ERR_AGAIN;
        if (done + b.count > c->count)
            return ERR_AGAIN;
        for (size_t i = 0; i < b.count; i++)
            TRY(replace(tx, c, &c->resealed[done++], &b.rows[i]));
    }
}

static enum err change_op(struct store_tx *tx, void *ctx)
{
    struct change *c = ctx;
    const struct actor *actor = api_actor(c->r);
    uint32_t key_version = c->team.key_version;
    bool strict = c->team.strict;
    TRY(read_secret(tx, c));
    /* The team's key was rotated, or the team made strict, since they were resealed. */
    if (c->team.key_version != key_version || c->team.strict != strict)
        return ERR_AGAIN;
    TRY(replace_all(tx, c));
    TRY(store_secret_set_policy(tx, actor->team_id, c->id, c->policy));
    c->row.policy = c->policy;
    struct audit_record record = api_audit(actor, AUDIT_SECRET_POLICY_CHANGED);
    record.subject = c->id;
    record.name = c->row.name;
    record.version = c->row.version;
    return store_audit(tx, &record);
}

static void reply(const struct change *c)
{
    AUTO(buf) struct buf body = buf_make(JSON_BODY_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    enum err e = api_secret_write(&o, &c->row);
    if (e != OK)
        http_fail(c->r, e);
    else
        api_reply_out(c->r, 200, &body, &o);
}

static void change_policy(struct http_request *r)
{
    struct change *c = api_work(r);
    unsigned attempts = 0;
    enum err e;
    c->resealed = arena_array(http_arena(r), POLICY_VERSIONS_MAX, sizeof *c->resealed);
    do {
        e = look_and_reseal(c);
        if (e == OK)
            e = store_write_wait(api_of(r)->store, change_op, c);
    } while (api_try_again(e, &attempts));
    if (e == OK)
        reply(c);
    else if (e == ERR_TOO_LARGE)
        http_fail_text(r, ERR_CONFLICT,
                       "The secret has too many versions for its policy to be changed; delete it "
                       "and store it anew");
    else
        http_fail(r, e == ERR_AGAIN ? ERR_BUSY : e);
}

void api_secret_patch(struct http_request *r)
{
    struct body {
        struct str policy;
    } body = {.policy = {NULL, 0}};
    static const struct json_field fields[] = {
        JSON_FIELD(struct body, policy, "policy", JSON_AS_RAW, JSON_REQUIRED, 0),
    };
    struct problems problems;
    struct change *c = arena_alloc(http_arena(r), sizeof *c);
    *c = (struct change){.r = r, .id = http_param(r, "id")};
    problems_init(&problems, http_arena(r));
    if (!ulid_valid(c->id)) {
        http_fail(r, ERR_NOT_FOUND);
        return;
    }
    if (!api_decode(r, fields, ARRAY_LEN(fields), &body))
        return;
    enum err e = api_policy_read(body.policy, http_arena(r), &problems, &c->wanted);
    if (e != OK)
        http_fail_with(r, e, &problems);
    else
        api_defer_or_fail(r, change_policy, c);
}
