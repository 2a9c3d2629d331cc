#include "job_uses.h"

#include "job_bundle.h"
#include "job_names.h"
#include "job_reach.h"

enum err job_write_references(const struct job *job, struct str pattern, struct arena *a,
                              struct buf *out)
{
    struct job_text text;
    struct job_reach *reach;
    struct json_out o = json_out_make(out);
    if (job_bundle_read(job->payload, a, &text) != OK)
        return ERR_TAMPERED; /* it was good when it was stored */
    TRY(job_reach_find(job->payload, &text.refs, a, &reach));
    json_out_open(&o, '[');
    for (size_t i = 0; i < text.refs.count; i++) {
        const struct ref *ref = &text.refs.refs[i];
        if (!ref->literal && job_names_match(pattern, ref->name))
            job_reach_write(&o, ref, &reach[i], 0);
    }
    json_out_close(&o, ']');
    return json_out_end(&o);
}

static bool names(const struct ref *ref, struct str name)
{
    return !ref->literal && str_equal(ref->name, name);
}

static void write_user(struct json_out *o, const struct job *job, const struct ref_list *refs,
                       struct str name)
{
    json_out_open(o, '{');
    json_out_member_str(o, "id", ulid_str(&job->id));
    json_out_member_str(o, "status", str_from(job_state_name(job->state)));
    json_out_member_time(o, "createdAt", job->created_at_ms);
    json_out_member_bool(o, "waiting", !job_state_final(job->state));
    json_out_key(o, "fields");
    json_out_open(o, '[');
    for (size_t i = 0, told = 0; i < refs->count; i++) {
        if (!names(&refs->refs[i], name))
            continue;
        told += json_escaped_len(refs->refs[i].pointer);
        if (told > JOB_USES_FIELDS_BYTES)
            break;
        json_out_str(o, refs->refs[i].pointer);
    }
    json_out_close(o, ']');
    json_out_close(o, '}');
}

/* A payload may be large: each has an arena of its own. */
static enum err add_user(struct store_tx *tx, const struct job_users *q, const struct job *row,
                         struct json_out *o)
{
    AUTO(arena) struct arena a = arena_make();
    struct job job;
    struct job_text text;
    TRY(store_job_get(tx, q->team_id, ulid_str(&row->id), true, &a, &job));
    if (job_bundle_read(job.payload, &a, &text) != OK) /* edited; it must not hide the others */
        return OK;
    for (size_t i = 0; i < text.refs.count; i++) {
        if (names(&text.refs.refs[i], q->name)) {
            write_user(o, &job, &text.refs, q->name);
            break;
        }
    }
    return OK;
}

enum err job_write_users(struct store_tx *tx, const struct job_users *q, struct buf *out)
{
    AUTO(arena) struct arena a = arena_make();
    struct json_out o = json_out_make(out);
    struct job *jobs;
    size_t count;
    TRY(store_job_secret_users(tx, q->team_id, q->name, q->waiting, q->limit, &a, &jobs, &count));
    json_out_open(&o, '[');
    for (size_t i = 0; i < count; i++)
        TRY(add_user(tx, q, &jobs[i], &o));
    json_out_close(&o, ']');
    return json_out_end(&o);
}
