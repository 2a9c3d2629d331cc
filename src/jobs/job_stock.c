/* What can be said in protocol v1 at all, and the light form of a job. */
#include "job_stock.h"

#include "job_payload.h"
#include "job_stock_read.h"
#include "json_encode.h"

/* A name of a layer becomes a key there, where no value may stand. */
static bool holds_reference(struct str raw)
{
    return str_search(raw, STR("${"), 0) < raw.len;
}

static const char *value_cannot(const struct job_stock_asset *asset)
{
    if (!asset->kind->property && !asset->property.ptr)
        return "has a data asset without a property";
    return NULL;
}

static const char *asset_cannot(const struct job_stock_asset *asset, bool mogrt)
{
    bool layer = asset->layer_name.ptr || asset->layer_index.ptr;
    switch (asset->kind->way) {
    case STOCK_NEVER:
        return "has a function asset";
    case STOCK_VALUE:
        return layer ? value_cannot(asset) : "has an asset without a layerName";
    case STOCK_FILE:
        return layer || str_is(asset->type, "static") ? NULL : "has an asset without a layerName";
    case STOCK_CHILD:
        return layer ? NULL : "has an asset without a layerName";
    case STOCK_SCRIPT:
        return asset->src.ptr || (asset->value.len && asset->value.ptr[0] == '"')
                   ? NULL
                   : "has a script that is no text";
    case STOCK_PARAM:
        if (!mogrt)
            return "has an essential asset, and its template is no mogrt";
        return asset->layer_name.ptr && !holds_reference(asset->layer_name)
                   ? NULL
                   : "has an essential asset without a plain layerName";
    }
    return NULL;
}

static const char *output_cannot(const struct job_settings *s)
{
    if (str_is(s->type, "aep"))
        return "makes a project, not a file that is rendered";
    if (str_is(s->type, "image") && !(s->frames && s->first == s->last))
        return "makes more than one image";
    return NULL;
}

static const char *template_cannot(const struct job_stock_template *t,
                                   const struct template_row *stored)
{
    bool named = t->decompressed.len > 2 && t->decompressed.ptr[0] == '"';
    if (!t->src.ptr && !stored)
        return "has no template";
    if (t->type == TEMPLATE_MOGRT)
        return NULL;
    if (!t->composition.ptr)
        return "names no composition";
    if (t->type == TEMPLATE_ZIP && !named && !(stored && stored->project.len))
        return stored && !stored->src.len
                   ? "has a zip as its template that does not plainly hold one project (.aep), and "
                     "template.decompressed does not say which"
                   : "has a zip as its template, and template.decompressed does not say which "
                     "project in it";
    return NULL;
}

enum err job_stock_cannot(struct str payload, const struct template_row *stored, struct arena *a,
                          struct str *ret_why, bool *ret_mogrt)
{
    struct job_stock_read read;
    struct job_settings settings;
    TRY(job_stock_read(payload, stored, a, &read));
    TRY(job_payload_settings(payload, a, &settings));
    const char *why = template_cannot(&read.template, stored);
    if (!why)
        why = output_cannot(&settings);
    for (size_t i = 0; i < read.asset_count && !why; i++)
        why = asset_cannot(&read.assets[i], read.template.type == TEMPLATE_MOGRT);
    *ret_why = str_from(why);
    *ret_mogrt = read.template.type == TEMPLATE_MOGRT;
    return OK;
}

/* --- logs --- */

static _Atomic enum job_stock_log log_where = JOB_STOCK_LOG_OFF;

bool job_stock_log_from(struct str name, enum job_stock_log *ret)
{
    static const char *const names[] = {
        [JOB_STOCK_LOG_OFF] = "off",
        [JOB_STOCK_LOG_TEMP] = "temp",
        [JOB_STOCK_LOG_PROJECT] = "project",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(name, names[i])) {
            *ret = (enum job_stock_log)i;
            return true;
        }
    }
    return false;
}

void job_stock_set_log(enum job_stock_log where)
{
    log_where = where;
}

enum job_stock_log job_stock_log(void)
{
    return log_where;
}

/* --- states --- */

bool job_stock_word_from(struct str state, enum job_stock_word *ret)
{
    static const struct {
        const char *state;
        enum job_stock_word word;
    } words[] = {{"created", STOCK_ALIVE}, {"queued", STOCK_QUEUED},     {"picked", STOCK_ALIVE},
                 {"started", STOCK_ALIVE}, {"finished", STOCK_FINISHED}, {"error", STOCK_ERROR}};
    if (str_starts(state, STR("render:"))) {
        *ret = STOCK_ALIVE;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(state, words[i].state)) {
            *ret = words[i].word;
            return true;
        }
    }
    return false;
}

/* Protocol v1 has no word for a job that waits for others, nor for one that was cancelled. */
static const char *state_of(const struct job *job)
{
    switch (job->state) {
    case JOB_PENDING:
        return "created";
    case JOB_CANCELLED:
        return "error";
    default:
        return job_state_name(job->state);
    }
}

static void member_str_or_null(struct json_out *o, const char *key, struct str v)
{
    json_out_key(o, key);
    if (v.len)
        json_out_str(o, v);
    else
        json_out_null(o);
}

enum err job_stock_write_light(const struct job *job, struct buf *out)
{
    struct json_out o = json_out_make(out);
    struct str error = job->error;
    if (job->state == JOB_CANCELLED && !error.len)
        error = STR("the job was cancelled");
    json_out_open(&o, '{');
    json_out_member_str(&o, "uid", ulid_str(&job->id));
    json_out_member_str(&o, "state", str_from(state_of(job)));
    json_out_member_str(&o, "type", STR("default"));
    member_str_or_null(&o, "tags", job->tags);
    json_out_member_int(&o, "renderProgress", job->progress);
    member_str_or_null(&o, "error", error);
    json_out_member_time(&o, "createdAt", job->created_at_ms);
    json_out_member_time(&o, "updatedAt", job->updated_at_ms);
    json_out_member_time(&o, "startedAt", job->started_at_ms);
    json_out_member_time(&o, "finishedAt", job->finished_at_ms);
    json_out_member_time(&o, "errorAt", job->error_at_ms);
    json_out_key(&o, "jobCreator");
    json_out_null(&o);
    member_str_or_null(&o, "jobExecutor", job->worker);
    json_out_key(&o, "timings");
    json_out_open(&o, '{');
    json_out_close(&o, '}');
    json_out_close(&o, '}');
    return json_out_end(&o);
}
