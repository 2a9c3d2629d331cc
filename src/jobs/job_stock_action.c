/* The actions of a document of protocol v1 (job_stock.def). */
#include "job_payload.h"
#include "job_stock.h"
#include "job_stock_doc.h"
#include "job_ticket.h"

static bool is_mogrt(const struct job_stock_doc *d)
{
    return d->read->template.type == TEMPLATE_MOGRT;
}

/* The last one that names a property wins, as it would in After Effects. */
static bool named_again(const struct job_stock_doc *d, size_t index)
{
    for (size_t i = index + 1; i < d->read->asset_count; i++) {
        if (d->read->assets[i].kind->way == STOCK_PARAM &&
            str_equal(d->read->assets[i].layer_name, d->read->assets[index].layer_name))
            return true;
    }
    return false;
}

static enum err put_mogrt(struct job_stock_doc *d)
{
    json_out_key(&d->out, "params");
    json_out_open(&d->out, '{');
    for (size_t i = 0; i < d->read->asset_count; i++) {
        const struct job_stock_asset *asset = &d->read->assets[i];
        if (asset->kind->way != STOCK_PARAM || named_again(d, i))
            continue;
        AUTO(buf) struct buf name = buf_make(JOB_TEXT_MAX_BYTES);
        TRY(json_unescape(str_slice(asset->layer_name, 1, asset->layer_name.len - 1), &name));
        json_out_key_str(&d->out, buf_str(&name));
        job_stock_doc_value(d, asset->value);
    }
    json_out_close(&d->out, '}');
    return OK;
}

static bool is_zip(const struct job_stock_doc *d)
{
    return d->read->template.type == TEMPLATE_ZIP;
}

static enum err put_zip(struct job_stock_doc *d)
{
    json_out_member_str(&d->out, "format", STR("zip"));
    json_out_member_bool(&d->out, "overwrite", true);
    return OK;
}

static bool has_fonts(const struct job_stock_doc *d)
{
    return d->sources->font_count != 0;
}

static enum err put_upload(struct job_stock_doc *d, enum ticket_kind kind, struct str input)
{
    struct str url;
    struct job_ticket t = {.job = &d->lease->job, .kind = kind, .base_url = d->lease->base_url};
    TRY(job_ticket_issue(d->tx, &t, d->lease->arena, &url));
    json_out_member_str(&d->out, "provider", STR("nx"));
    if (input.len)
        json_out_member_str(&d->out, "input", input);
    json_out_key(&d->out, "params");
    json_out_open(&d->out, '{');
    json_out_member_str(&d->out, "url", url);
    json_out_close(&d->out, '}');
    return OK;
}

static bool has_log(const struct job_stock_doc *d)
{
    (void)d;
    return job_stock_log() != JOB_STOCK_LOG_OFF;
}

/* Where the worker's core writes it; asking for a file that is not there would end the worker. */
static enum err put_log(struct job_stock_doc *d)
{
    struct str input = STR("aerender.log");
    if (job_stock_log() == JOB_STOCK_LOG_TEMP)
        input = arena_printf(d->lease->arena, "../aerender-%s.log", d->lease->job.id.text);
    return put_upload(d, TICKET_STOCK_LOG, input);
}

static enum err put_output(struct job_stock_doc *d)
{
    const struct job_settings *s = d->settings;
    struct str input = STR_EMPTY;
    if (str_is(s->type, "image")) /* After Effects numbers even a single one */
        input = arena_printf(d->lease->arena, "result_%05llu%.*s", (unsigned long long)s->first,
                             (int)s->extension.len, s->extension.ptr);
    return put_upload(d, TICKET_STOCK_OUTPUT, input);
}

/* Where in the worker's run; the worker expects every list. */
enum stage { predownload, postdownload, prerender, postrender, STAGES };
static const char *const STAGE_NAMES[STAGES] = {"predownload", "postdownload", "prerender",
                                                "postrender"};
static const struct action {
    enum stage stage;
    const char *module;
    bool (*when)(const struct job_stock_doc *d); /* NULL: always */
    enum err (*put)(struct job_stock_doc *d);    /* NULL: it has no members */
} ACTIONS[] = {
#define STOCK_ACTION(stage, module, when, put, here, there) {stage, module, when, put},
#include "job_stock.def"
#undef STOCK_ACTION
};

static enum err put_action(struct job_stock_doc *d, const struct action *a)
{
    if (a->when && !a->when(d))
        return OK;
    json_out_open(&d->out, '{');
    json_out_member_str(&d->out, "module", str_from(a->module));
    if (a->put)
        TRY(a->put(d));
    json_out_close(&d->out, '}');
    return OK;
}

enum err job_stock_actions(struct job_stock_doc *d)
{
    json_out_key(&d->out, "actions");
    json_out_open(&d->out, '{');
    for (enum stage stage = predownload; stage < STAGES; stage++) {
        json_out_key(&d->out, STAGE_NAMES[stage]);
        json_out_open(&d->out, '[');
        for (size_t i = 0; i < ARRAY_LEN(ACTIONS); i++) {
            if (ACTIONS[i].stage == stage)
                TRY(put_action(d, &ACTIONS[i]));
        }
        json_out_close(&d->out, ']');
    }
    json_out_close(&d->out, '}');
    return OK;
}
