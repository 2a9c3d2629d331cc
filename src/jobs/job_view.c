/* A job as answers and webhooks show it: reference text and names, never a value. */
#include "job_reach.h"
#include "json_encode.h"

static void key_str_or_null(struct json_out *o, const char *key, struct str v)
{
    json_out_key(o, key);
    if (v.len)
        json_out_str(o, v);
    else
        json_out_null(o);
}

/* Seconds from the last pick-up to the whole output. */
static void key_render_duration(struct json_out *o, const struct job *job)
{
    json_out_key(o, "renderDuration");
    if (job->rendered_at_ms && job->started_at_ms && job->rendered_at_ms >= job->started_at_ms)
        json_out_number(o, (double)(job->rendered_at_ms - job->started_at_ms) / 1000.0);
    else
        json_out_null(o);
}

void job_write_stats(struct json_out *o, const struct job *job)
{
    json_out_key(o, "stats");
    json_out_open(o, '{');
    json_out_member_time(o, "createdAt", job->created_at_ms);
    json_out_member_time(o, "updatedAt", job->updated_at_ms);
    json_out_member_time(o, "startedAt", job->started_at_ms);
    json_out_member_time(o, "finishedAt", job->finished_at_ms);
    json_out_member_time(o, "errorAt", job->error_at_ms);
    json_out_member_int(o, "totalAssets", job->total_assets);
    key_render_duration(o, job);
    key_str_or_null(o, "error", job->error);
    json_out_close(o, '}');
}

/* Only there when some are. */
static void key_missing_fonts(struct json_out *o, const struct job *job)
{
    if (!job->missing_fonts.len)
        return;
    json_out_key(o, "missingFonts");
    json_out_raw(o, job->missing_fonts);
}

static void write_members(struct json_out *o, const struct job *job, bool minimal)
{
    json_out_member_str(o, "id", ulid_str(&job->id));
    key_str_or_null(o, "templateId", job->template_id);
    json_out_member_str(o, "status", str_from(job_state_name(job->state)));
    json_out_member_int(o, "progress", job->progress);
    if (!minimal)
        job_write_stats(o, job);
    key_str_or_null(o, "outputUrl", job->output_url);
    key_missing_fonts(o, job);
}

enum err job_write(const struct job *job, bool minimal, struct buf *out)
{
    struct json_out o = json_out_make(out);
    json_out_open(&o, '{');
    write_members(&o, job, minimal);
    json_out_close(&o, '}');
    return json_out_end(&o);
}

static void write_children(struct json_out *o, const struct job_prepared *p)
{
    json_out_key(o, "children");
    json_out_open(o, '[');
    for (size_t i = 0; i < p->child_count; i++) {
        const struct job_prepared *child = &p->children[i];
        json_out_open(o, '{');
        json_out_member_str(o, "id", ulid_str(&child->job.id));
        json_out_member_str(o, "status", str_from(job_state_name(child->job.state)));
        key_str_or_null(o, "outputUrl", child->job.output_url);
        key_missing_fonts(o, &child->job);
        if (child->child_count)
            write_children(o, child);
        json_out_close(o, '}');
    }
    json_out_close(o, ']');
}

static void write_warnings(struct json_out *o, const struct job_prepared *p, size_t most)
{
    json_out_key(o, "warnings");
    json_out_open(o, '[');
    for (size_t i = 0; i < p->warning_count && i < most; i++) {
        json_out_open(o, '{');
        json_out_member_str(o, "field", p->warnings[i].field);
        json_out_member_str(o, "message", p->warnings[i].message);
        json_out_close(o, '}');
    }
    json_out_close(o, ']');
}

void job_write_created_members(struct json_out *o, const struct job_prepared *p)
{
    write_members(o, &p->job, false);
    if (p->child_count)
        write_children(o, p);
    if (p->warning_count)
        write_warnings(o, p, PROBLEMS_MAX);
}

enum err job_write_created(const struct job_prepared *p, struct buf *out)
{
    struct json_out o = json_out_make(out);
    json_out_open(&o, '{');
    write_members(&o, &p->job, false);
    if (p->child_count)
        write_children(&o, p);
    if (p->warning_count)
        write_warnings(&o, p, p->warning_count);
    json_out_close(&o, '}');
    return json_out_end(&o);
}

void job_reach_write(struct json_out *o, const struct ref *ref, const struct job_reach *reach,
                     uint32_t version)
{
    json_out_open(o, '{');
    json_out_member_str(o, "field", ref->pointer);
    json_out_member_str(o, "name", ref->name);
    json_out_key(o, "version");
    if (ref->version)
        json_out_int(o, ref->version);
    else
        json_out_null(o);
    if (version)
        json_out_member_int(o, "resolvesTo", version);
    json_out_member_str(o, "sink", str_from(ref_sink_name(reach->sink)));
    key_str_or_null(o, "host", reach->host);
    json_out_member_bool(o, "exposed", reach->exposed);
    json_out_close(o, '}');
}

static void write_references(struct json_out *o, const struct job_prepared *p)
{
    for (size_t i = 0; i < p->refs.count; i++) {
        if (!p->refs.refs[i].literal)
            job_reach_write(o, &p->refs.refs[i], &p->reach[i],
                            p->actor->may_list_names ? p->versions[i] : 0);
    }
    for (size_t i = 0; i < p->child_count; i++)
        write_references(o, &p->children[i]);
}

enum err job_write_checked(const struct job_prepared *p, struct buf *out)
{
    struct json_out o = json_out_make(out);
    json_out_open(&o, '{');
    json_out_member_bool(&o, "valid", true);
    json_out_key(&o, "references");
    json_out_open(&o, '[');
    write_references(&o, p);
    json_out_close(&o, ']');
    write_warnings(&o, p, p->warning_count);
    json_out_close(&o, '}');
    return json_out_end(&o);
}

/* Receivers in the wild read either the nested or the flat members: both are there. */
enum err job_write_webhook(const struct job *job, struct buf *out)
{
    struct json_out o = json_out_make(out);
    json_out_open(&o, '{');
    write_members(&o, job, false);
    json_out_member_str(&o, "state", str_from(job_state_name(job->state)));
    key_str_or_null(&o, "error", job->error);
    json_out_member_time(&o, "finishedAt", job->finished_at_ms);
    key_render_duration(&o, job);
    json_out_close(&o, '}');
    return json_out_end(&o);
}
