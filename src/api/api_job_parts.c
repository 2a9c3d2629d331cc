/* What belongs to one job: its references and its deliveries. */
#include "api_request.h"
#include "job_uses.h"

/* A pointer through long member names may be any length: a job's references may be 1000 of them. */
enum { REFERENCES_MAX_BYTES = 16 * 1024 * 1024, DELIVERIES_MAX_BYTES = 1024 * 1024 };

/* Any odd id is simply one that is not there. */
static enum err read_job(struct http_request *r, struct store_tx *tx, bool with_payload,
                         struct job *ret)
{
    struct str id = http_param(r, "id");
    if (!ulid_valid(id))
        return ERR_NOT_FOUND;
    return store_job_get(tx, api_actor(r)->team_id, id, with_payload, http_arena(r), ret);
}

void api_job_references(struct http_request *r)
{
    struct store_tx *tx;
    struct job job;
    AUTO(buf) struct buf body = buf_make(REFERENCES_MAX_BYTES);
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = read_job(r, tx, true, &job);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e == OK)
        e = job_write_references(&job, api_actor(r)->names, http_arena(r), &body);
    if (e != OK)
        http_fail(r, e == ERR_TOO_LARGE ? ERR_LIMIT : e);
    else
        http_reply_json(r, 200, &body);
}

static const char *state_name(enum delivery_state state)
{
    return state == DELIVERY_DONE ? "done" : state == DELIVERY_FAILED ? "failed" : "due";
}

static void write_delivery(struct json_out *o, const struct delivery *d)
{
    json_out_open(o, '{');
    json_out_member_str(o, "id", ulid_str(&d->id));
    json_out_member_str(o, "kind", d->kind == DELIVERY_UPLOAD ? STR("upload") : STR("webhook"));
    json_out_member_str(o, "state", str_from(state_name(d->state)));
    json_out_member_int(o, "attempts", d->attempts);
    json_out_member_time(o, "nextAttemptAt", d->state == DELIVERY_DUE ? d->next_at_ms : 0);
    json_out_member_time(o, "updatedAt", d->updated_at_ms);
    json_out_member_str(o, "message", d->message);
    json_out_close(o, '}');
}

void api_job_deliveries(struct http_request *r)
{
    struct store_tx *tx;
    struct job job;
    struct delivery *list = NULL;
    size_t count = 0;
    AUTO(buf) struct buf body = buf_make(DELIVERIES_MAX_BYTES);
    enum err e = store_read_begin(api_of(r)->store, &tx);
    if (e == OK) {
        e = read_job(r, tx, false, &job);
        if (e == OK)
            e = store_delivery_of_job(tx, ulid_str(&job.id), http_arena(r), &list, &count);
        store_read_end(api_of(r)->store, &tx);
    }
    if (e != OK) {
        http_fail(r, e);
        return;
    }
    struct json_out o = json_out_make(&body);
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++)
        write_delivery(&o, &list[i]);
    json_out_close(&o, ']');
    api_reply_out(r, 200, &body, &o);
}
