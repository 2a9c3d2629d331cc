/* POST /secrets/{id}/rollback: a new version with the value of an older one. The vault opens the
 * one and seals the other; what passes here is sealed before and after. */
#include "api_secret.h"
#include "clock.h"
#include "store_team.h"

enum { SEALED_MAX_BYTES = SECRET_VALUE_MAX_BYTES + 4096 };

struct rollback {
    struct http_request *r;
    struct rollback_body {
        int64_t version; /* -1: the one before the current */
        int64_t current; /* -1, or what has to be the current one: the caller saw no later */
    } body;
    struct team team;       /* as read; the commit insists on its key version */
    struct secret_row row;  /* as read, then as it is */
    struct sealed_row from; /* the older version */
    struct str from_key;    /* the team key it is under */
    struct sealed_row to;   /* the new one; to.sealed borrows from `sealed` */
    struct buf sealed;
};

/* "The one before" is another value once somebody else has rolled back: of two who do it at once,
 * or of one who repeats it, the second would bring the bad value back. */
static bool moved(const struct rollback *b)
{
    return b->body.current >= 0 && b->body.current != b->row.version;
}

/* Which version is meant. ERR_NOT_FOUND: there is none; ERR_CONFLICT: it is the current one, or
 * `current` is not. */
static enum err choose(struct store_tx *tx, const struct rollback *b, uint32_t *ret)
{
    struct secret_version *before;
    size_t count;
    if (moved(b))
        return ERR_CONFLICT;
    if (b->body.version >= 0) {
        *ret = (uint32_t)b->body.version;
        if (*ret == b->row.version)
            return ERR_CONFLICT;
        return *ret < b->row.version ? OK : ERR_NOT_FOUND;
    }
    TRY(store_secret_versions(tx, ulid_str(&b->row.team_id), ulid_str(&b->row.id), b->row.version,
                              1, http_arena(b->r), &before, &count));
    if (count == 0)
        return ERR_NOT_FOUND;
    *ret = before[0].version;
    return OK;
}

static enum err read_all(struct store_tx *tx, struct rollback *b)
{
    struct str team_id = api_actor(b->r)->team_id;
    struct arena *a = http_arena(b->r);
    uint32_t version;
    TRY(store_team_get(tx, team_id, a, &b->team));
    TRY(api_secret_find(b->r, tx, &b->row));
    TRY(choose(tx, b, &version));
    TRY(store_secret_sealed(tx, team_id, b->row.name, version, a, &b->from));
    /* A version that was left behind when the policy changed did not open then, nor does it now. */
    if (!str_equal(b->from.policy, b->row.policy))
        return ERR_TAMPERED;
    return store_team_key_get(tx, team_id, b->from.key_version, a, &b->from_key);
}

static enum err look_and_seal(struct rollback *b)
{
    struct store_tx *tx;
    TRY(store_read_begin(api_of(b->r)->store, &tx));
    enum err e = read_all(tx, b);
    store_read_end(api_of(b->r)->store, &tx);
    TRY(e);
    b->to = b->from;
    b->to.version = b->row.version + 1;
    b->to.epoch = b->row.epoch + 1;
    b->to.created_at_ms = clock_unix_ms();
    b->to.key_version = b->team.key_version;
    const struct seal_context context = {.team_id = ulid_str(&b->from.team_id),
                                         .secret_id = ulid_str(&b->from.id),
                                         .name = b->from.name,
                                         .version = b->from.version,
                                         .epoch = b->from.epoch,
                                         .created_at_ms = b->from.created_at_ms,
                                         .policy = b->from.policy};
    const struct vault_reseal as = {.version = b->to.version,
                                    .epoch = b->to.epoch,
                                    .created_at_ms = b->to.created_at_ms,
                                    .team_key = b->team.team_key};
    e = vault_reseal(api_of(b->r)->vault, &context, b->from_key, b->from.sealed, &as, &b->sealed);
    if (e == ERR_INVALID) /* the older version's epoch is not older: edited */
        return ERR_TAMPERED;
    TRY(e);
    b->to.sealed = buf_str(&b->sealed);
    return OK;
}

static enum err rollback_op(struct store_tx *tx, void *ctx)
{
    struct rollback *b = ctx;
    const struct actor *actor = api_actor(b->r);
    struct team team;
    TRY(store_team_get(tx, actor->team_id, http_arena(b->r), &team));
    if (team.key_version != b->to.key_version) /* nobody would move this record to the new key */
        return ERR_AGAIN;
    TRY(store_secret_rotate(tx, &b->to));
    struct audit_record record = api_audit(actor, AUDIT_SECRET_ROLLED_BACK);
    record.subject = ulid_str(&b->to.id);
    record.name = b->to.name;
    record.version = b->to.version;
    record.field = arena_printf(http_arena(b->r), "@%u", b->from.version);
    return store_audit(tx, &record);
}

static void reply(struct rollback *b)
{
    AUTO(buf) struct buf body = buf_make(JSON_BODY_MAX_BYTES);
    struct json_out o = json_out_make(&body);
    b->row.version = b->to.version;
    b->row.updated_at_ms = b->to.created_at_ms;
    enum err e = api_secret_write(&o, &b->row);
    if (e != OK)
        http_fail(b->r, e);
    else
        api_reply_out(b->r, 200, &body, &o);
}

static void roll_back(struct http_request *r)
{
    struct rollback *b = api_work(r);
    unsigned attempts = 0;
    enum err e;
    b->sealed = buf_make(SEALED_MAX_BYTES);
    do {
        e = look_and_seal(b);
        if (e == OK)
            e = store_write_wait(api_of(r)->store, rollback_op, b);
    } while (api_try_again(e, &attempts));
    buf_auto(&b->sealed);
    if (e == OK)
        reply(b);
    else if (e == ERR_CONFLICT && moved(b))
        http_fail_text(r, e, "The secret has another current version by now; look at it first");
    else if (e == ERR_CONFLICT)
        http_fail_text(r, e, "This is the current version already");
    else if (e == ERR_NOT_FOUND)
        http_fail_text(r, e, "There is no such secret, or it has no such version");
    else
        http_fail(r, e == ERR_AGAIN ? ERR_BUSY : e);
}

void api_secret_rollback(struct http_request *r)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct rollback_body, version, "version", JSON_AS_INT, JSON_NULLABLE,
                   UINT32_MAX),
        JSON_FIELD(struct rollback_body, current, "current", JSON_AS_INT, JSON_NULLABLE,
                   UINT32_MAX),
    };
    struct rollback *b = arena_alloc(http_arena(r), sizeof *b);
    *b = (struct rollback){.r = r, .body = {.version = -1, .current = -1}};
    if (!api_decode(r, fields, ARRAY_LEN(fields), &b->body))
        return;
    if (b->body.version == 0)
        api_fail_field(r, "version", "must be a version's number, from 1 on");
    else if (b->body.current == 0)
        api_fail_field(r, "current", "must be a version's number, from 1 on");
    else
        api_defer_or_fail(r, roll_back, b);
}
