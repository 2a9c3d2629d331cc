/* Submit: payload rules, then every reference against the team's secrets, then the row. */
#include "clock.h"
#include "job_names.h"
#include "job_nearest.h"
#include "job_payload.h"
#include "jobs.h"
#include "store_audit.h"
#include "store_secret.h"

/* One text for a name that is not there and one the token may not use: it tells nobody which. */
#define UNKNOWN "the secret does not exist, or this token may not use it"

enum { SUGGESTIONS_MAX = 5 }; /* each looks at every name of the team */

struct submit {
    struct store_tx *read;
    const struct actor *actor;
    struct arena *arena;
    struct problems *problems;
    struct secret_row *names; /* of the team; loaded for the first suggestion */
    size_t name_count, suggestions;
};

static enum err suggest(struct submit *s, struct str wanted, struct str *ret)
{
    unsigned best = JOB_NEAREST_MAX_EDITS + 1;
    *ret = STR_EMPTY;
    if (!s->actor->may_list_names || s->suggestions++ >= SUGGESTIONS_MAX)
        return OK;
    if (!s->names)
        TRY(store_secret_list(s->read, s->actor->team_id, s->arena, &s->names, &s->name_count));
    for (size_t i = 0; i < s->name_count; i++) {
        unsigned edits = job_nearest_edits(wanted, s->names[i].name);
        if (edits < best && job_names_match(s->actor->names, s->names[i].name)) {
            best = edits;
            *ret = s->names[i].name;
        }
    }
    return OK;
}

static enum err check_ref(struct submit *s, const struct ref *ref)
{
    struct secret_row row;
    struct str near;
    enum err e = job_names_match(s->actor->names, ref->name)
                     ? store_secret_by_name(s->read, s->actor->team_id, ref->name, s->arena, &row)
                     : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        TRY(suggest(s, ref->name, &near));
        if (near.len)
            return problems_addf(s->problems, ref->pointer, UNKNOWN "; did you mean %.*s?",
                                 (int)near.len, near.ptr);
        return problems_add(s->problems, ref->pointer, UNKNOWN);
    }
    TRY(e);
    if (ref->version == 0)
        return OK;
    struct sealed_row sealed;
    e = store_secret_sealed(s->read, s->actor->team_id, ref->name, ref->version, s->arena, &sealed);
    if (e == ERR_NOT_FOUND)
        return problems_add(s->problems, ref->pointer, "the secret has no such version");
    return e;
}

static bool same_ref(const struct ref *a, const struct ref *b)
{
    return !a->literal && a->version == b->version && str_equal(a->name, b->name);
}

/* Looks each (name, version) up once; a repeat of a bad one is reported too, each at its place. */
static enum err check_refs(struct submit *s, const struct ref_list *refs)
{
    enum err result = OK;
    bool *good = arena_array(s->arena, refs->count + 1, sizeof *good);
    for (size_t i = 0; i < refs->count; i++) {
        const struct ref *ref = &refs->refs[i];
        good[i] = ref->literal;
        for (size_t j = 0; j < i && !good[i]; j++)
            good[i] = good[j] && same_ref(&refs->refs[j], ref);
        if (good[i])
            continue;
        enum err e = check_ref(s, ref);
        if (e != OK && e != ERR_INVALID)
            return e;
        good[i] = e == OK;
        result = e == OK ? result : e;
    }
    return result;
}

/* Does this string become a part of outputUrl? */
static bool shown_in_answers(const struct job_payload *p, struct str pointer)
{
    if (str_is(pointer, "/upload/outputUrl") || str_is(pointer, "/upload/prefix"))
        return true;
    return !p->upload.output_url.len &&
           (str_is(pointer, "/upload/params/endpoint") ||
            str_is(pointer, "/upload/params/bucket") ||
            (!p->upload.endpoint.len && str_is(pointer, "/upload/params/region")));
}

static enum err collect_warnings(const struct job_payload *p, struct arena *a,
                                 struct job_prepared *ret)
{
    struct job_parts parts;
    TRY(job_parts_find(ret->job.payload, a, &parts));
    ret->warnings = arena_array(a, ret->refs.count + 1, sizeof *ret->warnings);
    for (size_t i = 0; i < ret->refs.count; i++) {
        const struct ref *ref = &ret->refs.refs[i];
        struct str message = STR_EMPTY;
        if (ref->literal)
            continue;
        if (shown_in_answers(p, ref->pointer))
            message = STR("this text comes back in answers as the reference");
        else if (job_parts_exposes(&parts, ref->begin))
            message = ref->sink == REF_SCRIPT
                          ? STR("the value will be run as a script and seen by the worker")
                          : STR("the value will be painted and seen by the worker");
        if (message.len)
            ret->warnings[ret->warning_count++] = (struct job_warning){ref->pointer, message};
    }
    return OK;
}

static enum err fill_job(const struct actor *actor, struct str payload, const struct job_payload *p,
                         struct arena *a, struct job *job)
{
    job->id = ulid_new();
    TRY(ulid_from(actor->team_id, &job->team_id));
    job->state = JOB_QUEUED;
    job->payload = payload;
    job->template_id = p->template_id;
    job->output_name =
        arena_printf(a, "%s%.*s", job->id.text, (int)p->extension.len, p->extension.ptr);
    job->output_url = job_payload_output_url(p, job->output_name, a);
    job->tags = p->tags;
    job->engine = p->engine;
    job->submitted_by = arena_str(a, actor->token_id);
    job->priority = p->priority;
    job->total_assets = (int64_t)p->asset_count;
    job->output_bytes = -1;
    job->created_at_ms = job->updated_at_ms = clock_unix_ms();
    return OK;
}

enum err job_prepare(struct store_tx *read, const struct actor *actor, struct str payload,
                     struct arena *a, struct problems *problems, struct job_prepared *ret)
{
    struct job_prepared prepared = {.actor = actor};
    struct job_payload rules = {0};
    if (payload.len > JOB_PAYLOAD_MAX_BYTES)
        return ERR_TOO_LARGE;
    payload = arena_str(a, payload);
    enum err scanned = ref_scan(payload, REF_SHAPE_JOB, a, problems, &prepared.refs);
    if (scanned != OK && scanned != ERR_INVALID)
        return scanned;
    enum err ruled = job_payload_read(payload, a, problems, &rules);
    if (ruled != OK && ruled != ERR_INVALID)
        return ruled;
    struct submit s = {.read = read, .actor = actor, .arena = a, .problems = problems};
    enum err known = scanned == OK ? check_refs(&s, &prepared.refs) : OK;
    TRY(scanned);
    TRY(ruled);
    TRY(known);
    if (rules.stored_template)
        return ERR_NOT_FOUND;
    TRY(fill_job(actor, payload, &rules, a, &prepared.job));
    TRY(collect_warnings(&rules, a, &prepared));
    *ret = prepared;
    return OK;
}

enum err job_insert_op(struct store_tx *tx, void *ctx)
{
    const struct job_prepared *p = ctx;
    TRY(store_job_insert(tx, &p->job));
    struct audit_record record = {.type = AUDIT_JOB_SUBMITTED,
                                  .team_id = p->actor->team_id,
                                  .actor = p->actor->token_id,
                                  .address = p->actor->address,
                                  .request_id = p->actor->request_id,
                                  .subject = ulid_str(&p->job.id),
                                  .job_id = ulid_str(&p->job.id)};
    return store_audit(tx, &record);
}
