/* Submit: payload rules, then every reference against the team's secrets, then the rows: one for
 * the job and one for each nested in it. */
#include "clock.h"
#include "job_payload.h"
#include "job_policy.h"
#include "job_stock.h"
#include "json_encode.h"
#include "store_audit.h"
#include "store_font.h"
#include "store_template.h"

/* So many bytes of names are told and one more name: lists of jobs are made of them. */
enum { MISSING_FONTS_BYTES = 8 * 1024 };

struct submit {
    struct job_refs refs; /* and what they share: read, actor, arena, problems */
    bool scanned;         /* its references were found */
    bool invalid;         /* there are problems */
    bool no_template;
    size_t nested;
    struct job_prepared *top; /* collects the warnings */
};

/* A job within what was submitted. */
struct source {
    struct str raw, at; /* its bytes; where they stand: "" or "/assets/3" */
    enum job_payload_of of;
    struct ref_list refs;              /* in raw; also those of the jobs nested in it */
    const struct template_row *stored; /* its template, when it names one by id alone */
};

static enum err judge(struct submit *s, enum err e)
{
    s->invalid |= e == ERR_INVALID;
    return e == ERR_INVALID ? OK : e;
}

static struct str prefixed(struct submit *s, struct str at, struct str pointer)
{
    if (!at.len)
        return pointer;
    return arena_printf(s->refs.arena, "%.*s%.*s", (int)at.len, at.ptr, (int)pointer.len,
                        pointer.ptr);
}

/* --- references --- */

/* A nested job is a document of its own: what may not hold a reference at its top may not here. */
static enum err scan_nested(struct submit *s, struct source *child)
{
    struct problems found;
    problems_init(&found, s->refs.arena);
    enum err e = ref_scan(child->raw, REF_SHAPE_JOB, s->refs.arena, &found, &child->refs);
    for (size_t i = 0; i < found.count; i++)
        (void)problems_add(s->refs.problems, prefixed(s, child->at, found.list[i].field),
                           found.list[i].message.ptr);
    for (size_t i = 0; e == OK && i < child->refs.count; i++)
        child->refs.refs[i].pointer = prefixed(s, child->at, child->refs.refs[i].pointer);
    return judge(s, e);
}

static bool stands_in(const struct ref *ref, struct str raw, struct str part)
{
    size_t begin = (size_t)(part.ptr - raw.ptr);
    return ref->begin >= begin && ref->begin < begin + part.len;
}

static struct ref_list own_refs(struct submit *s, const struct source *source,
                                const struct job_assets *assets)
{
    struct ref_list own = {
        .refs = arena_array(s->refs.arena, source->refs.count + 1, sizeof *own.refs)};
    for (size_t i = 0; i < source->refs.count; i++) {
        const struct ref *ref = &source->refs.refs[i];
        bool nested = false;
        for (size_t j = 0; j < assets->job_count && !nested; j++)
            nested = stands_in(ref, source->raw, assets->jobs[j].raw);
        if (!nested)
            own.refs[own.count++] = *ref;
    }
    return own;
}

/* --- warnings --- */

static void warn(struct submit *s, struct str field, struct str message)
{
    s->top->warnings[s->top->warning_count++] = (struct job_warning){field, message};
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

static void note_exposure(struct submit *s, const struct job_payload *p, struct job_prepared *job)
{
    for (size_t i = 0; i < job->refs.count; i++) {
        const struct ref *ref = &job->refs.refs[i];
        if (ref->literal)
            continue;
        job->job.exposes |= job->reach[i].exposed;
        if (shown_in_answers(p, ref->pointer))
            warn(s, ref->pointer, STR("this text comes back in answers as the reference"));
        else if (job->reach[i].exposed)
            warn(s, ref->pointer,
                 job->reach[i].sink == REF_SCRIPT
                     ? STR("the value will be run as a script and seen by the worker")
                     : STR("the value will be painted and seen by the worker"));
    }
}

/* What the open-source worker cannot do is never sent to one. */
static enum err choose_engine(struct submit *s, const struct source *source,
                              const struct job_payload *p, struct str *ret)
{
    struct str why;
    bool mogrt;
    *ret = p->engine;
    if (p->engine.len)
        return OK;
    if (source->of == JOB_PAYLOAD_JOIN) {
        warn(s, prefixed(s, source->at, STR("/assets")),
             STR("only a worker of Safelight's own that offers the engine ffmpeg joins videos"));
        *ret = STR(JOB_ENGINE_JOIN);
        return OK;
    }
    if (p->assets.functions) {
        warn(s, prefixed(s, source->at, STR("/assets")),
             STR("only a worker of Safelight's own that offers the engine function takes a job "
                 "with function assets"));
        *ret = STR(JOB_ENGINE_FUNCTION);
        return OK;
    }
    *ret = STR(JOB_ENGINE_OWN);
    if (!p->composition && !p->mogrt) {
        warn(s, prefixed(s, source->at, STR("/template/composition")),
             STR("is not there: only a worker of Safelight's own takes the job"));
        return OK;
    }
    TRY(job_stock_cannot(source->raw, source->stored, s->refs.arena, &why, &mogrt));
    if (why.len)
        warn(s, source->at,
             arena_printf(s->refs.arena, "only a worker of Safelight's own takes a job that %.*s",
                          (int)why.len, why.ptr));
    else
        *ret = mogrt ? STR(JOB_ENGINE_MOGRT) : STR_EMPTY;
    if (!why.len && mogrt && !job_stock_takes_mogrt(STR_EMPTY))
        warn(s, prefixed(s, source->at, STR("/template")),
             STR("is a mogrt: of the open-source farm's workers only those before 1.63 take the "
                 "job, unless stock-mogrt is on"));
    return OK;
}

/* --- what the store knows --- */

static enum err check_template(struct submit *s, struct source *source, struct job_payload *p)
{
    struct template_row *row = arena_alloc(s->refs.arena, sizeof *row);
    if (!p->stored_template)
        return OK;
    enum err e = store_template_get(s->refs.read, s->refs.actor->team_id, p->template_id,
                                    s->refs.arena, row);
    if (e == ERR_NOT_FOUND) {
        s->no_template = true;
        return OK;
    }
    TRY(e);
    source->stored = row;
    p->mogrt = row->type == TEMPLATE_MOGRT;
    if (row->status == TEMPLATE_UPLOADED)
        return OK;
    return judge(s, problems_add(s->refs.problems, prefixed(s, source->at, STR("/template/id")),
                                 "this template has no file yet: upload it first"));
}

static enum err find_fonts(struct submit *s, const struct job_payload *p, struct job_prepared *ret)
{
    AUTO(buf) struct buf missing = buf_make(2 * JOB_PAYLOAD_MAX_BYTES); /* escapes and all */
    struct json_out o = json_out_make(&missing);
    bool some = false;
    ret->fonts = arena_array(s->refs.arena, p->font_count + 1, sizeof *ret->fonts);
    json_out_open(&o, '[');
    for (size_t i = 0; i < p->font_count; i++) {
        struct font_row row;
        enum err e = store_font_by_name(s->refs.read, s->refs.actor->team_id, p->fonts[i],
                                        s->refs.arena, &row);
        if (e == OK) {
            ret->fonts[ret->font_count++] = row.id;
            continue;
        }
        if (e != ERR_NOT_FOUND)
            return e;
        some = true;
        if (missing.len < MISSING_FONTS_BYTES)
            json_out_str(&o, p->fonts[i]);
    }
    json_out_close(&o, ']');
    TRY(json_out_end(&o));
    ret->job.missing_fonts = some ? arena_str(s->refs.arena, buf_str(&missing)) : STR_EMPTY;
    return OK;
}

/* --- the rows --- */

static enum err fill_job(struct submit *s, const struct source *source, const struct job_payload *p,
                         const struct job *parent, struct job *job)
{
    const struct job_assets *assets = &p->assets;
    struct str extension = p->settings.extension;
    job->id = ulid_new();
    TRY(ulid_from(s->refs.actor->team_id, &job->team_id));
    job->kind = source->of == JOB_PAYLOAD_JOIN ? JOB_KIND_JOIN : JOB_KIND_RENDER;
    job->state = assets->job_count ? JOB_PENDING : JOB_QUEUED;
    job->waiting = (int64_t)assets->job_count;
    job->payload = source->raw;
    job->template_id = p->template_id;
    job->output_name =
        arena_printf(s->refs.arena, "%s%.*s", job->id.text, (int)extension.len, extension.ptr);
    job->output_url = job_payload_output_url(p, job->output_name, s->refs.arena);
    job->tags = parent && !p->tags.len ? parent->tags : p->tags;
    TRY(choose_engine(s, source, p, &job->engine));
    job->submitted_by = arena_str(s->refs.arena, s->refs.actor->token_id);
    job->priority = parent && !p->priority ? parent->priority : p->priority;
    job->parent_id = parent ? arena_str(s->refs.arena, ulid_str(&parent->id)) : STR_EMPTY;
    job->batch_id = STR_EMPTY;
    job->total_assets = (int64_t)assets->count;
    job->output_bytes = -1;
    job->created_at_ms = job->updated_at_ms = clock_unix_ms();
    return OK;
}

static enum err prepare_one(struct submit *s, struct source *source, const struct job *parent,
                            struct job_prepared *ret);

static enum err prepare_children(struct submit *s, const struct source *source,
                                 const struct job_assets *assets, struct job_prepared *ret)
{
    struct arena *a = s->refs.arena;
    ret->children = arena_array(a, assets->job_count + 1, sizeof *ret->children);
    for (size_t i = 0; i < assets->job_count; i++) {
        struct source child = {
            .raw = assets->jobs[i].raw,
            .at = arena_printf(a, "%.*s/assets/%zu", (int)source->at.len, source->at.ptr,
                               assets->jobs[i].index),
            .of = JOB_PAYLOAD_NESTED,
        };
        if (s->nested++ == JOB_NESTED_MAX)
            return judge(s, problems_addf(s->refs.problems, child.at,
                                          "there may be at most %d nested jobs in all",
                                          JOB_NESTED_MAX));
        if (s->nested > JOB_NESTED_MAX) /* said once */
            return OK;
        if (s->scanned)
            TRY(scan_nested(s, &child));
        struct job_prepared *one = &ret->children[ret->child_count++];
        TRY(prepare_one(s, &child, &ret->job, one));
        one->job.parent_asset = (int64_t)assets->jobs[i].index;
    }
    return OK;
}

static enum err prepare_one(struct submit *s, struct source *source, const struct job *parent,
                            struct job_prepared *ret)
{
    struct job_payload p = {.template_id = STR_EMPTY};
    struct arena *a = s->refs.arena;
    enum err ruled = job_payload_read(source->raw, source->of, source->at, a, s->refs.problems, &p);
    TRY(judge(s, ruled));
    ret->actor = s->refs.actor;
    ret->refs = own_refs(s, source, &p.assets);
    TRY(judge(s, job_refs_check(&s->refs, &ret->refs, &ret->versions)));
    if (ruled == OK) {
        TRY(check_template(s, source, &p));
        TRY(find_fonts(s, &p, ret));
        TRY(fill_job(s, source, &p, parent, &ret->job));
        TRY(job_reach_find(source->raw, &ret->refs, a, &ret->reach));
        TRY(judge(s, job_policy_check(&s->refs, &ret->refs, ret->reach)));
        note_exposure(s, &p, ret);
        ret->stored_template = p.stored_template;
    }
    return prepare_children(s, source, &p.assets, ret);
}

enum err job_prepare(struct store_tx *read, const struct actor *actor, enum job_kind kind,
                     struct str payload, struct arena *a, struct problems *problems,
                     struct job_prepared *ret)
{
    struct job_prepared top = {.actor = actor};
    struct submit s = {.top = &top,
                       .refs = {.read = read, .actor = actor, .arena = a, .problems = problems}};
    struct source source = {
        .raw = payload,
        .at = STR_EMPTY,
        .of = kind == JOB_KIND_JOIN ? JOB_PAYLOAD_JOIN : JOB_PAYLOAD_RENDER,
    };
    if (payload.len > JOB_PAYLOAD_MAX_BYTES)
        return ERR_TOO_LARGE;
    enum err e = ref_scan(payload, REF_SHAPE_JOB, a, problems, &source.refs);
    s.scanned = e == OK;
    TRY(judge(&s, e));
    top.warnings = arena_array(a, source.refs.count + JOB_NESTED_MAX + 1, sizeof *top.warnings);
    TRY(prepare_one(&s, &source, NULL, &top));
    if (s.invalid)
        return ERR_INVALID;
    if (s.no_template)
        return ERR_NOT_FOUND;
    top.nested_count = s.nested;
    *ret = top;
    return OK;
}

/* It was there a moment ago; a job that has not ended keeps it from being deleted from now on. */
static enum err use_parts(struct store_tx *tx, const struct job_prepared *p)
{
    struct template_row template;
    AUTO(arena) struct arena a = arena_make();
    if (p->stored_template)
        TRY(store_template_get(tx, p->actor->team_id, p->job.template_id, &a, &template));
    for (size_t i = 0; i < p->font_count; i++) {
        struct font_row font;
        enum err e = store_font_get(tx, p->actor->team_id, ulid_str(&p->fonts[i]), &a, &font);
        if (e == OK)
            e = store_font_use(tx, ulid_str(&font.id), ulid_str(&p->job.id));
        if (e != OK && e != ERR_NOT_FOUND)
            return e;
    }
    return OK;
}

enum err job_insert_op(struct store_tx *tx, void *ctx)
{
    struct job_prepared *p = ctx;
    TRY(store_job_insert(tx, &p->job));
    TRY(use_parts(tx, p));
    for (size_t i = 0; i < p->refs.count; i++) {
        if (!p->refs.refs[i].literal)
            TRY(store_job_secret_add(tx, &p->job, p->refs.refs[i].name));
    }
    struct audit_record record = {.type = AUDIT_JOB_SUBMITTED,
                                  .team_id = p->actor->team_id,
                                  .actor = p->actor->token_id,
                                  .address = p->actor->address,
                                  .request_id = p->actor->request_id,
                                  .subject = ulid_str(&p->job.id),
                                  .job_id = ulid_str(&p->job.id)};
    TRY(store_audit(tx, &record));
    for (size_t i = 0; i < p->child_count; i++)
        TRY(job_insert_op(tx, &p->children[i]));
    return OK;
}
