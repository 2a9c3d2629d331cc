/* GET /secrets and DELETE /secrets/{id}. */
#include "api_secret.h"

#include "api_policy.h"
#include "api_secret_lists.h"
#include "clock.h"
#include "job_names.h"

enum { LIST_MAX_BYTES = 64 * 1024 * 1024 }; /* SECRETS_PER_TEAM_MAX of the longest names */

enum err api_secret_members(struct json_out *o, const struct secret_row *row)
{
    json_out_member_str(o, "id", ulid_str(&row->id));
    json_out_member_str(o, "name", row->name);
    json_out_member_time(o, "createdAt", row->created_at_ms);
    json_out_member_int(o, "version", row->version);
    json_out_member_time(o, "updatedAt", row->updated_at_ms);
    json_out_member_time(o, "lastUsedAt", row->last_used_at_ms);
    return api_policy_write(o, row->policy);
}

enum err api_secret_write(struct json_out *o, const struct secret_row *row)
{
    json_out_open(o, '{');
    TRY(api_secret_members(o, row));
    json_out_close(o, '}');
    return OK;
}

static enum err write_list(struct http_request *r, struct buf *out)
{
    const struct actor *actor = api_actor(r);
    struct store_tx *tx;
    struct secret_row *rows;
    size_t count;
    TRY(store_read_begin(api_of(r)->store, &tx));
    enum err e = store_secret_list(tx, actor->team_id, http_arena(r), &rows, &count);
    store_read_end(api_of(r)->store, &tx);
    TRY(e);

    struct json_out o = json_out_make(out);
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++) {
        if (!job_names_match(actor->names, rows[i].name))
            continue;
        TRY(api_secret_write(&o, &rows[i]));
    }
    json_out_close(&o, ']');
    return json_out_end(&o);
}

static void reply_list(void *ctx, struct str list)
{
    http_reply(ctx, 200, "application/json", list);
}

void api_secret_list(struct http_request *r)
{
    struct api *api = api_of(r);
    const struct actor *actor = api_actor(r);
    struct secret_lists_now now = {.generation = store_secrets_generation(api->store),
                                   .uses = store_uses_generation(api->store),
                                   .at_ms = clock_monotonic_ms()};
    if (secret_lists_use(api->lists, now, actor->team_id, actor->names, reply_list, r))
        return;
    AUTO(buf) struct buf list = buf_make(LIST_MAX_BYTES);
    enum err e = write_list(r, &list);
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    secret_lists_put(api->lists, now, actor->team_id, actor->names, buf_str(&list));
    http_reply_json(r, 200, &list);
}

struct deletion {
    struct http_request *r;
    struct str id;
};

static enum err delete_op(struct store_tx *tx, void *ctx)
{
    const struct deletion *d = ctx;
    const struct actor *actor = api_actor(d->r);
    struct arena *a = http_arena(d->r);
    struct secret_row row;
    struct str name;
    TRY(store_secret_get(tx, actor->team_id, d->id, a, &row));
    if (!job_names_match(actor->names, row.name))
        return ERR_NOT_FOUND;
    TRY(store_secret_delete(tx, actor->team_id, d->id, a, &name));
    struct audit_record record = api_audit(actor, AUDIT_SECRET_DELETED);
    record.subject = d->id;
    record.name = name;
    record.version = row.version;
    return store_audit(tx, &record);
}

static void delete_done(enum err e, void *ctx)
{
    const struct deletion *d = ctx;
    if (e != OK)
        http_fail(d->r, e);
    else
        http_reply(d->r, 200, "application/json", STR("{}"));
}

void api_secret_delete(struct http_request *r)
{
    struct str id = http_param(r, "id");
    if (!ulid_valid(id)) {
        http_fail(r, ERR_NOT_FOUND);
        return;
    }
    struct deletion *d = arena_alloc(http_arena(r), sizeof *d);
    *d = (struct deletion){r, id};
    api_write(r, delete_op, delete_done, d);
}
