/* A leased job as a document of protocol v1: written here, in the lease's transaction, with its
 * references; opened and spliced after the commit, as job_lease.c does it. */
#include "job_stock.h"

#include "alloc.h"
#include "job_payload.h"
#include "job_stock_doc.h"
#include "job_ticket.h"

static void put_output(struct job_stock_doc *d)
{
    const struct job_stock_template *t = &d->read->template;
    const struct job_settings *s = d->settings;
    struct arena *a = d->lease->arena;
    bool preview = d->read->preview;
    json_out_member_str(&d->out, "outputExt", str_slice(s->extension, 1, s->extension.len));
    job_stock_doc_copy(d, "outputModule", t->output_module);
    if (!t->output_module.ptr)
        json_out_member_str(&d->out, "outputModule",
                            preview ? STR("nx_video_h264_vbr_1mbps")
                                    : arena_printf(a, "nx_%.*s", (int)s->codec.len, s->codec.ptr));
    job_stock_doc_copy(d, "settingsTemplate", t->settings_template);
    if (!t->settings_template.ptr)
        json_out_member_str(&d->out, "settingsTemplate",
                            preview
                                ? STR("nx_draft")
                                : arena_printf(a, "nx_%.*s", (int)s->quality.len, s->quality.ptr));
    job_stock_doc_copy(d, "renderSettings", t->render_settings);
    job_stock_doc_copy(d, "outputSettings", t->output_settings);
    job_stock_doc_copy(d, "continueOnMissing", t->continue_on_missing);
}

static void put_frames(struct job_stock_doc *d)
{
    const struct job_stock_template *t = &d->read->template;
    const struct job_settings *s = d->settings;
    if (s->frames) {
        json_out_member_int(&d->out, "frameStart", (int64_t)s->first);
        json_out_member_int(&d->out, "frameEnd", (int64_t)s->last);
    } else {
        job_stock_doc_copy(d, "frameStart", t->frame_start);
        job_stock_doc_copy(d, "frameEnd", t->frame_end);
    }
    job_stock_doc_copy(d, "incrementFrame", t->frame_increment);
}

static enum err put_template(struct job_stock_doc *d)
{
    const struct job_stock_template *t = &d->read->template;
    json_out_key(&d->out, "template");
    json_out_open(&d->out, '{');
    json_out_member_str(&d->out, "name",
                        arena_printf(d->lease->arena, "template.%s", template_type_name(t->type)));
    if (t->type == TEMPLATE_MOGRT) /* what its action calls it */
        json_out_member_str(&d->out, "composition", STR("__mogrt__"));
    else
        job_stock_doc_copy(d, "composition", t->composition);
    if (t->type == TEMPLATE_ZIP && t->decompressed.ptr)
        job_stock_doc_copy(d, "decompressed", t->decompressed);
    else if (t->type == TEMPLATE_ZIP)
        json_out_member_str(&d->out, "decompressed", d->sources->template.project);
    put_frames(d);
    put_output(d);
    if (d->sources->stored)
        json_out_member_str(&d->out, "src", d->sources->template_url);
    else
        TRY(job_stock_doc_source(d, t->src, (struct str){NULL, 0}, STR("/template")));
    json_out_close(&d->out, '}');
    return OK;
}

/* --- actions --- */

static void open_action(struct job_stock_doc *d, const char *module)
{
    json_out_open(&d->out, '{');
    json_out_member_str(&d->out, "module", str_from(module));
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
    open_action(d, "@nexrender/action-mogrt");
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
    json_out_close(&d->out, '}');
    return OK;
}

static enum err put_upload(struct job_stock_doc *d, enum ticket_kind kind, struct str input)
{
    struct str url;
    struct job_ticket t = {.job = &d->lease->job, .kind = kind, .base_url = d->lease->base_url};
    TRY(job_ticket_issue(d->tx, &t, d->lease->arena, &url));
    open_action(d, "@nexrender/action-upload");
    json_out_member_str(&d->out, "provider", STR("nx"));
    if (input.len)
        json_out_member_str(&d->out, "input", input);
    json_out_key(&d->out, "params");
    json_out_open(&d->out, '{');
    json_out_member_str(&d->out, "url", url);
    json_out_close(&d->out, '}');
    json_out_close(&d->out, '}');
    return OK;
}

/* Where the worker's core writes aerender's log; asking for a file that is not there would end it.
 */
static struct str log_input(const struct job_stock_doc *d)
{
    switch (job_stock_log()) {
    case JOB_STOCK_LOG_TEMP:
        return arena_printf(d->lease->arena, "../aerender-%s.log", d->lease->job.id.text);
    case JOB_STOCK_LOG_PROJECT:
        return STR("aerender.log");
    case JOB_STOCK_LOG_OFF:
        break;
    }
    return STR_EMPTY;
}

static enum err put_postrender(struct job_stock_doc *d)
{
    const struct job_settings *s = d->settings;
    struct str input = STR_EMPTY, log = log_input(d);
    if (str_is(s->type, "image")) /* After Effects numbers even a single one */
        input = arena_printf(d->lease->arena, "result_%05llu%.*s", (unsigned long long)s->first,
                             (int)s->extension.len, s->extension.ptr);
    json_out_key(&d->out, "postrender");
    json_out_open(&d->out, '[');
    if (log.len) /* first, so that it is there when the output is */
        TRY(put_upload(d, TICKET_STOCK_LOG, log));
    TRY(put_upload(d, TICKET_STOCK_OUTPUT, input));
    json_out_close(&d->out, ']');
    return OK;
}

static enum err put_actions(struct job_stock_doc *d)
{
    enum template_type type = d->read->template.type;
    json_out_key(&d->out, "actions");
    json_out_open(&d->out, '{');
    json_out_key(&d->out, "predownload");
    json_out_open(&d->out, '[');
    if (type == TEMPLATE_MOGRT)
        TRY(put_mogrt(d));
    json_out_close(&d->out, ']');
    json_out_key(&d->out, "postdownload");
    json_out_open(&d->out, '[');
    json_out_close(&d->out, ']');
    json_out_key(&d->out, "prerender");
    json_out_open(&d->out, '[');
    if (type == TEMPLATE_ZIP) {
        open_action(d, "@nexrender/action-decompress");
        json_out_member_str(&d->out, "format", STR("zip"));
        json_out_member_bool(&d->out, "overwrite", true);
        json_out_close(&d->out, '}');
    }
    if (d->sources->font_count) {
        open_action(d, "@nexrender/action-fonts");
        json_out_close(&d->out, '}');
    }
    json_out_close(&d->out, ']');
    TRY(put_postrender(d));
    json_out_close(&d->out, '}');
    return OK;
}

/* --- the whole --- */

static enum err put_job(struct job_stock_doc *d)
{
    const struct job *job = &d->lease->job;
    json_out_open(&d->out, '{');
    json_out_member_str(&d->out, "uid", ulid_str(&job->id));
    json_out_member_str(&d->out, "executor", job_stock_executor(job, d->lease->arena));
    json_out_member_str(&d->out, "type", STR("default"));
    /* worker 1.8 takes what it finds queued in the list */
    json_out_member_str(&d->out, "state", d->lease->not_exposed ? STR("queued") : STR("picked"));
    json_out_member_str(&d->out, "tags", job->tags);
    json_out_member_int(&d->out, "priority", job->priority);
    json_out_member_str(&d->out, "output", STR_EMPTY);
    json_out_member_time(&d->out, "createdAt", job->created_at_ms);
    json_out_key(&d->out, "timings");
    json_out_open(&d->out, '{');
    json_out_close(&d->out, '}');
    TRY(put_template(d));
    TRY(job_stock_assets(d));
    TRY(put_actions(d));
    json_out_close(&d->out, '}');
    return json_out_end(&d->out);
}

/* The records of what stands in the document. */
static enum err find_exposed(struct job_stock_doc *d)
{
    struct job_lease *l = d->lease;
    struct str whole = arena_str(l->arena, buf_str(&d->buf)), none;
    struct job_text text = {.refs = d->refs, .parts = {.payload = whole}};
    struct job_bundle_request q = {.job = &l->job, .text = &text, .fragment = whole};
    l->in_address = d->in_address;
    return job_bundle_of(d->tx, &q, l->arena, &l->exposed, &none);
}

static enum err compose(struct store_tx *tx, struct job_lease *l, const struct job_text *text,
                        const struct job_stock_read *read, const struct job_sources *sources)
{
    struct job_settings settings;
    TRY(job_payload_settings(l->job.payload, l->arena, &settings));
    struct job_stock_doc d = {.tx = tx,
                              .lease = l,
                              .text = text,
                              .read = read,
                              .settings = &settings,
                              .sources = sources,
                              .buf = buf_make(RESOLVED_PAYLOAD_MAX_BYTES)};
    d.out = json_out_make(&d.buf);
    d.refs.refs = arena_array(l->arena, text->refs.count + 1, sizeof *d.refs.refs);
    d.in_address = arena_array(l->arena, text->refs.count + 1, sizeof *d.in_address);
    enum err e = put_job(&d);
    if (e == OK)
        e = find_exposed(&d);
    buf_auto(&d.buf);
    return e;
}

enum err job_stock_compose(struct store_tx *tx, struct job_lease *l, const struct job_text *text,
                           struct str *ret_error)
{
    struct job_stock_read read;
    struct job_sources sources;
    TRY(job_stock_read(l->job.payload, NULL, l->arena, &read));
    struct job_source_wish wish = {
        .by_id = !read.template.src.ptr, .fonts = read.fonts, .font_count = read.font_count};
    TRY(job_sources_find(tx, l, &wish, &sources, ret_error));
    if (ret_error->len)
        return OK;
    const struct template_row *stored = sources.stored ? &sources.template : NULL;
    if (stored)
        read.template.type = stored->type;
    bool mogrt;
    TRY(job_stock_cannot(l->job.payload, stored, l->arena, ret_error, &mogrt));
    return ret_error->len ? OK : compose(tx, l, text, &read, &sources);
}

enum err job_stock_write(const struct job_lease *l, struct vault *vault, struct buf *out)
{
    const struct ref_bundle *b = &l->exposed;
    AUTO(ref_values) struct ref_values values = {0};
    struct vault_use use = {.purpose = VAULT_FOR_PICKUP, .job_id = ulid_str(&l->job.id)};
    struct str refused;
    if (b->record_count)
        TRY(ref_bundle_open(b, vault, &use, &values, &refused));
    struct ref_edit *edits = arena_array(l->arena, b->use_count + 1, sizeof *edits);
    for (size_t i = 0; i < b->use_count; i++) {
        const struct ref_use *u = &b->uses[i];
        edits[i] = (struct ref_edit){.begin = u->begin, .end = u->end};
        if (u->literal)
            edits[i].text = str_slice(b->fragment, u->begin + 1, u->end);
        else
            edits[i].value = values.values[u->record];
        edits[i].in_address = l->in_address[i];
    }
    return ref_splice(b->fragment, edits, b->use_count, out);
}
