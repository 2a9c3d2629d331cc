/* A leased job as a document of protocol v1: written here, in the lease's transaction, with its
 * references; opened and spliced after the commit, as job_lease.c does it. */
#include "job_stock.h"

#include "alloc.h"
#include "job_payload.h"
#include "job_stock_doc.h"

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
    TRY(job_stock_template(d));
    TRY(job_stock_assets(d));
    TRY(job_stock_actions(d));
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
