/* A team's key: a new version, then every sealed record is re-wrapped under it, then the old
 * versions go. Only wrapped data keys change; no value is opened. */
#include "key_steps.h"
#include "store_audit.h"
#include "store_secret.h"
#include "store_team.h"

enum {
    BATCH = 500,  /* records in one transaction: most teams move at once */
    ROUNDS = 100, /* a put that was under way can leave one more record behind */
    BLOB_MAX_BYTES = 4096,
    SEALED_MAX_BYTES = SECRET_VALUE_MAX_BYTES + 4096
};

static enum err audit(struct store_tx *tx, const struct key_steps *s, enum audit_event_type type,
                      struct str team_id, uint32_t version)
{
    const struct audit_record record = {.type = type,
                                        .team_id = team_id,
                                        .actor = str_from(s->actor),
                                        .subject = team_id,
                                        .version = version};
    return store_audit(tx, &record);
}

static enum err read_team(const struct key_steps *s, struct str team_id, struct arena *a,
                          struct team *ret)
{
    struct store_tx *tx;
    TRY(store_read_begin(s->api->store, &tx));
    enum err e = store_team_get(tx, team_id, a, ret);
    store_read_end(s->api->store, &tx);
    return e;
}

/* --- a new version --- */

struct fresh {
    const struct key_steps *steps;
    struct str team_id, key;
    uint32_t version;
    struct arena *arena;
};

static enum err begin_op(struct store_tx *tx, void *ctx)
{
    const struct fresh *f = ctx;
    struct team team;
    TRY(store_team_get(tx, f->team_id, f->arena, &team));
    if (team.key_version + 1 != f->version)
        return ERR_AGAIN;
    TRY(store_team_key_put(tx, f->team_id, f->version, f->key));
    TRY(store_team_key_set_current(tx, f->team_id, f->version));
    return audit(tx, f->steps, AUDIT_KEY_ROTATED, f->team_id, f->version);
}

enum err key_steps_team_begin(const struct key_steps *s, struct str team_id)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf key = buf_make(BLOB_MAX_BYTES);
    struct team team;
    TRY(read_team(s, team_id, &a, &team));
    TRY(vault_team_key_create(s->api->vault, team_id, team.key_version + 1, &key));
    struct fresh f = {s, team_id, buf_str(&key), team.key_version + 1, &a};
    return store_write_wait(s->api->store, begin_op, &f);
}

/* --- the records --- */

struct batch {
    struct str team_id;
    struct team team;
    struct sealed_row *rows;
    struct str *old_keys, *resealed; /* one for each row; resealed.ptr NULL: it does not open */
    size_t count, moved;
    struct arena arena;
};

static void batch_auto(struct batch *b)
{
    arena_auto(&b->arena);
}

static enum err read_rows(struct store_tx *tx, struct batch *b)
{
    struct arena *a = &b->arena;
    TRY(store_team_get(tx, b->team_id, a, &b->team));
    TRY(store_sealed_below(tx, b->team_id, b->team.key_version, BATCH, a, &b->rows, &b->count));
    b->old_keys = arena_array(a, b->count + 1, sizeof *b->old_keys);
    for (size_t i = 0; i < b->count; i++) {
        uint32_t version = b->rows[i].key_version;
        if (i > 0 && b->rows[i - 1].key_version == version)
            b->old_keys[i] = b->old_keys[i - 1];
        else
            TRY(store_team_key_get(tx, b->team_id, version, a, &b->old_keys[i]));
    }
    return OK;
}

static enum err rewrap_rows(const struct key_steps *s, struct batch *b)
{
    b->resealed = arena_array(&b->arena, b->count + 1, sizeof *b->resealed);
    for (size_t i = 0; i < b->count; i++) {
        const struct sealed_row *row = &b->rows[i];
        AUTO(buf) struct buf out = buf_make(SEALED_MAX_BYTES);
        const struct seal_context context = {.team_id = b->team_id,
                                             .secret_id = ulid_str(&row->id),
                                             .name = row->name,
                                             .version = row->version,
                                             .epoch = row->epoch,
                                             .created_at_ms = row->created_at_ms,
                                             .policy = row->policy};
        enum err e = vault_rewrap(s->api->vault, &context, b->old_keys[i], b->team.team_key,
                                  row->sealed, &out);
        if (e == ERR_TAMPERED)
            continue;
        TRY(e);
        b->resealed[i] = arena_str(&b->arena, buf_str(&out));
        b->moved++;
    }
    return OK;
}

static enum err replace_op(struct store_tx *tx, void *ctx)
{
    const struct batch *b = ctx;
    for (size_t i = 0; i < b->count; i++) {
        if (!b->resealed[i].ptr)
            continue;
        const struct sealed_row *row = &b->rows[i];
        const struct sealed_change change = {b->team.key_version, row->policy, b->resealed[i]};
        enum err e = store_sealed_replace(tx, row, &change);
        if (e != ERR_AGAIN && e != ERR_NOT_FOUND) /* deleted, or its policy changed meanwhile */
            TRY(e);
    }
    return OK;
}

/* *ret_left is false when there was nothing to move. */
static enum err move_batch(const struct key_steps *s, struct str team_id, bool *ret_left)
{
    struct batch b __attribute__((cleanup(batch_auto))) = {.team_id = team_id};
    struct store_tx *tx;
    TRY(store_read_begin(s->api->store, &tx));
    enum err e = read_rows(tx, &b);
    store_read_end(s->api->store, &tx);
    TRY(e);
    *ret_left = b.count > 0;
    if (b.count == 0)
        return OK;
    TRY(rewrap_rows(s, &b));
    if (b.moved == 0)
        return ERR_TAMPERED;
    TRY(store_write_wait(s->api->store, replace_op, &b));
    *s->done += b.moved;
    return OK;
}

/* --- the old versions --- */

struct retirement {
    const struct key_steps *steps;
    struct str team_id;
    struct team team;
};

static enum err retire_op(struct store_tx *tx, void *ctx)
{
    const struct retirement *r = ctx;
    TRY(store_team_key_retire(tx, r->team_id));
    return audit(tx, r->steps, AUDIT_KEY_RETIRED, r->team_id, r->team.key_version - 1);
}

static enum err has_old_keys(const struct key_steps *s, struct str team_id, const struct team *team,
                             struct arena *a, bool *ret)
{
    struct store_tx *tx;
    struct team_key_row *rows;
    size_t count;
    TRY(store_read_begin(s->api->store, &tx));
    enum err e = store_team_keys_after(tx, team_id, 0, 1, a, &rows, &count);
    store_read_end(s->api->store, &tx);
    TRY(e);
    *ret = count > 0 && str_equal(ulid_str(&rows[0].team_id), team_id) &&
           rows[0].key_version < team->key_version;
    return OK;
}

enum err key_steps_team_finish(const struct key_steps *s, struct str team_id)
{
    AUTO(arena) struct arena a = arena_make();
    struct retirement r = {.steps = s, .team_id = team_id};
    for (int round = 0; round < ROUNDS; round++) {
        bool old;
        enum err e = read_team(s, team_id, &a, &r.team);
        if (e == ERR_NOT_FOUND) /* deleted meanwhile: its keys went with it */
            return OK;
        TRY(e);
        TRY(has_old_keys(s, team_id, &r.team, &a, &old));
        if (!old)
            return OK;
        for (bool left = true; left;) {
            if (*s->stop)
                return ERR_BUSY;
            TRY(move_batch(s, team_id, &left));
        }
        e = store_write_wait(s->api->store, retire_op, &r);
        if (e != ERR_KEY_IN_USE)
            return e;
    }
    return ERR_KEY_IN_USE;
}

enum err key_steps_all_teams(const struct key_steps *s)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_tx *tx;
    struct team *teams;
    size_t count;
    TRY(store_read_begin(s->api->store, &tx));
    enum err e = store_team_list(tx, &a, &teams, &count);
    store_read_end(s->api->store, &tx);
    TRY(e);
    enum err result = OK;
    for (size_t i = 0; i < count; i++) {
        e = key_steps_team_finish(s, ulid_str(&teams[i].id));
        if (e == ERR_TAMPERED) /* the others are not held up by it */
            result = e;
        else
            TRY(e);
    }
    return result;
}
