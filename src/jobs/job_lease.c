/* Pick-up: the payload is rewritten for one worker. What Safelight can do itself (uploads,
 * webhooks, addresses with secrets) is taken out or becomes a one-time address; only what must be
 * painted or run is handed over, and every such value is in the audit log. */
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "job_bundle.h"
#include "job_end.h"
#include "job_function.h"
#include "job_policy.h"
#include "job_run.h"
#include "job_source.h"
#include "job_stock.h"
#include "job_stock_read.h"
#include "job_ticket.h"
#include "json_encode.h"
#include "store_audit.h"

enum { TRIES_MAX = 16 }; /* jobs that end here because a secret is gone, in one pick-up */

struct rewrite {
    struct store_tx *tx;
    struct job_lease *lease;
    const struct job_text *text;
    struct job_sources sources;
    struct job_edit *edits;
    size_t count;
};

static size_t offset_of(const struct rewrite *w, struct str part)
{
    return (size_t)(part.ptr - w->text->parts.payload.ptr);
}

static void replace(struct rewrite *w, struct str part, struct str by)
{
    size_t begin = offset_of(w, part);
    w->edits[w->count++] = (struct job_edit){begin, begin + part.len, by};
}

static enum err make_ticket(struct rewrite *w, enum ticket_kind kind, struct str pointer,
                            struct str extension, struct str *ret_url)
{
    struct job_ticket t = {.job = &w->lease->job,
                           .kind = kind,
                           .base_url = w->lease->base_url,
                           .pointer = pointer,
                           .extension = extension};
    return job_ticket_issue(w->tx, &t, w->lease->arena, ret_url);
}

static bool refers(const struct rewrite *w, struct str part)
{
    for (size_t i = 0; i < w->text->refs.count; i++) {
        const struct ref *ref = &w->text->refs.refs[i];
        if (!ref->literal && job_part_holds(&w->text->parts, part, ref->begin))
            return true;
    }
    return false;
}

/* An address as JSON: ours, or that of a stored template, which a person wrote. */
static struct str quoted(const struct rewrite *w, struct str url)
{
    enum { QUOTES = 2, ESCAPE_BYTES = 6 };
    AUTO(buf) struct buf text = buf_make(QUOTES + ESCAPE_BYTES * url.len);
    struct json_out o = json_out_make(&text);
    json_out_str(&o, url);
    ASSERT(json_out_end(&o) == OK);
    return arena_str(w->lease->arena, buf_str(&text));
}

static enum err rewrite_src(struct rewrite *w, struct str src, struct str headers,
                            struct str pointer)
{
    struct str url;
    if (!refers(w, src) && !refers(w, headers))
        return OK;
    struct str extension = job_stock_extension(src, w->lease->arena);
    TRY(make_ticket(w, TICKET_ASSET_GET, pointer, extension, &url));
    replace(w, src, quoted(w, url));
    if (headers.ptr)
        replace(w, headers, STR("{}"));
    return OK;
}

static int by_begin(const void *a, const void *b)
{
    const struct job_edit *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* The worker knows the job by our id; one that came with the payload gives way. */
static void put_id(struct rewrite *w)
{
    const struct job_parts *parts = &w->text->parts;
    struct arena *a = w->lease->arena;
    const char *join = w->lease->job.kind == JOB_KIND_JOIN ? "\"join\":true," : "";
    struct str id = arena_printf(a, "\"id\":\"%s\",", w->lease->job.id.text);
    if (parts->id.ptr) {
        replace(w, parts->id, arena_printf(a, "\"%s\"", w->lease->job.id.text));
        id = STR_EMPTY;
    }
    struct str brace = str_slice(parts->payload, str_find(parts->payload, '{'), parts->payload.len);
    replace(w, str_slice(brace, 0, 1), arena_printf(a, "{%s%.*s", join, (int)id.len, id.ptr));
}

/* A stored template gets an address. */
static void put_template(struct rewrite *w)
{
    const struct job_parts *parts = &w->text->parts;
    if (!w->sources.stored)
        return;
    struct str url = quoted(w, w->sources.template_url);
    if (parts->template_src.ptr)
        replace(w, parts->template_src, url);
    else /* it has an id, so something follows */
        replace(w, str_slice(parts->template, 0, 1),
                arena_printf(w->lease->arena, "{\"src\":%.*s,", (int)url.len, url.ptr));
}

/* A nested job stands for its output, on the layer that was named. */
static enum err put_child(struct rewrite *w, const struct job_source_child *child,
                          const struct job_stock_asset *asset)
{
    AUTO(buf) struct buf text = buf_make(JOB_PAYLOAD_MAX_BYTES + JSON_BODY_MAX_BYTES);
    struct json_out o = json_out_make(&text);
    const struct {
        const char *key;
        struct str raw;
    } kept[] = {{"layerName", asset->layer_name},
                {"layerIndex", asset->layer_index},
                {"composition", asset->composition}};
    json_out_open(&o, '{');
    json_out_member_str(&o, "type", child->image ? STR("image") : STR("video"));
    json_out_member_str(&o, "name", child->file_name);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (!kept[i].raw.ptr)
            continue;
        json_out_key(&o, kept[i].key);
        json_out_raw(&o, kept[i].raw);
    }
    json_out_member_str(&o, "src", child->url);
    json_out_close(&o, '}');
    TRY(json_out_end(&o));
    replace(w, asset->raw, arena_str(w->lease->arena, buf_str(&text)));
    return OK;
}

static const struct job_source_child *child_of(const struct rewrite *w, size_t index)
{
    for (size_t i = 0; i < w->sources.child_count; i++) {
        if (w->sources.children[i].asset == index)
            return &w->sources.children[i];
    }
    return NULL;
}

static enum err put_assets(struct rewrite *w, const struct job_stock_read *read)
{
    const struct job_parts *parts = &w->text->parts;
    for (size_t i = 0; i < parts->asset_count; i++) {
        const struct job_source_child *child = child_of(w, i);
        if (child)
            TRY(put_child(w, child, &read->assets[i]));
        else
            TRY(rewrite_src(w, parts->assets[i].src, parts->assets[i].headers,
                            arena_printf(w->lease->arena, "/assets/%zu", i)));
    }
    return OK;
}

/* Beside the job: where the fonts are that it names. */
static enum err put_fonts(struct rewrite *w)
{
    AUTO(buf) struct buf text = buf_make(JSON_BODY_MAX_BYTES);
    struct json_out o = json_out_make(&text);
    w->lease->fonts = STR_EMPTY;
    if (!w->sources.font_count)
        return OK;
    json_out_open(&o, '[');
    for (size_t i = 0; i < w->sources.font_count; i++) {
        json_out_open(&o, '{');
        json_out_member_str(&o, "name", w->sources.fonts[i].name);
        json_out_member_str(&o, "src", w->sources.fonts[i].url);
        json_out_close(&o, '}');
    }
    json_out_close(&o, ']');
    TRY(json_out_end(&o));
    w->lease->fonts = arena_str(w->lease->arena, buf_str(&text));
    return OK;
}

static enum err make_edits(struct rewrite *w, const struct job_stock_read *read)
{
    const struct job_parts *parts = &w->text->parts;
    w->edits = arena_array(w->lease->arena, 2 * parts->asset_count + 6, sizeof *w->edits);
    put_id(w);
    if (parts->upload.ptr)
        replace(w, parts->upload, STR("null"));
    if (parts->webhook.ptr)
        replace(w, parts->webhook, STR("null"));
    put_template(w);
    if (!w->sources.stored)
        TRY(rewrite_src(w, parts->template_src, (struct str){NULL, 0}, STR("/template")));
    TRY(put_assets(w, read));
    TRY(put_fonts(w));
    qsort(w->edits, w->count, sizeof *w->edits, by_begin);
    w->lease->edits = w->edits;
    w->lease->edit_count = w->count;
    return OK;
}

static bool left_in(void *ctx, const struct ref *ref)
{
    const struct rewrite *w = ctx;
    for (size_t i = 0; i < w->count; i++) {
        if (ref->begin >= w->edits[i].begin && ref->begin < w->edits[i].end)
            return false;
    }
    return true;
}

enum err job_lease_audit(struct store_tx *tx, const struct job_lease *l)
{
    struct audit_record record = {.type = AUDIT_JOB_LEASED,
                                  .team_id = l->actor->team_id,
                                  .actor = l->actor->token_id,
                                  .address = l->actor->address,
                                  .request_id = l->actor->request_id,
                                  .subject = ulid_str(&l->job.id),
                                  .job_id = ulid_str(&l->job.id)};
    TRY(store_audit(tx, &record));
    record.type = AUDIT_SECRET_EXPOSED;
    for (size_t i = 0; i < l->exposed.use_count; i++) {
        const struct ref_use *use = &l->exposed.uses[i];
        if (use->literal)
            continue;
        const struct seal_context *c = &l->exposed.records[use->record].context;
        record.subject = c->secret_id;
        record.name = c->name;
        record.version = c->version;
        record.field = use->pointer;
        TRY(store_audit(tx, &record));
    }
    for (size_t i = 0; i < l->exposed.record_count; i++)
        TRY(store_secret_used(tx, l->exposed.records[i].context.secret_id, clock_unix_ms()));
    return OK;
}

/* *ret_error is the end of a sentence when the job cannot be given out. */
static enum err rewrite_job(struct store_tx *tx, struct job_lease *l, const struct job_text *text,
                            struct str *ret_error)
{
    struct job_stock_read read;
    struct rewrite w = {.tx = tx, .lease = l, .text = text};
    TRY(job_stock_read(l->job.payload, NULL, l->arena, &read));
    struct job_source_wish wish = {
        .by_id = !read.template.src.ptr, .fonts = read.fonts, .font_count = read.font_count};
    TRY(job_sources_find(tx, l, &wish, &w.sources, ret_error));
    if (ret_error->len)
        return OK;
    TRY(make_edits(&w, &read));
    struct job_bundle_request q = {.job = &l->job,
                                   .text = text,
                                   .fragment = text->parts.payload,
                                   .chosen = left_in,
                                   .ctx = &w};
    struct str none;
    TRY(job_bundle_of(tx, &q, l->arena, &l->exposed, &none));
    return make_ticket(&w, TICKET_OUTPUT_PUT, STR_EMPTY, STR_EMPTY, &l->output_url);
}

/* *ret_error says why the job cannot be given out, to anybody; then nothing else was written. */
static enum err give_out(struct store_tx *tx, struct job_lease *l, struct str *ret_error)
{
    struct job_text text;
    struct job_bundle_state secrets;
    struct str why;
    *ret_error = STR_EMPTY;
    enum err e = job_bundle_read(l->job.payload, l->arena, &text);
    if (e == ERR_TAMPERED) { /* this job must not hold up the others */
        *ret_error = STR(JOB_DAMAGED);
        return OK;
    }
    TRY(e);
    TRY(job_bundle_look(tx, &l->job, &text, l->arena, &secrets));
    if (secrets.gone.len)
        *ret_error = arena_printf(l->arena, "the secret %.*s does not exist any more",
                                  (int)secrets.gone.len, secrets.gone.ptr);
    else if (secrets.too_large)
        *ret_error = arena_printf(l->arena,
                                  "the values of its secrets are longer than %d bytes together: "
                                  "one of them was replaced by a longer one since the submit",
                                  JOB_VALUES_MAX_BYTES);
    else
        TRY(job_policy_first_refused(&text, secrets.policies, l->arena, ret_error));
    if (ret_error->len)
        return OK;
    TRY(l->stock ? job_stock_compose(tx, l, &text, &why) : rewrite_job(tx, l, &text, &why));
    if (why.len) {
        *ret_error = arena_printf(l->arena, "the job %.*s%s", (int)why.len, why.ptr,
                                  l->stock ? ", which a worker of protocol v1 cannot do" : "");
        return OK;
    }
    l->job.output_bytes = -1;
    l->job.log_consumed = 0;
    TRY(store_job_update(tx, &l->job));
    return job_lease_audit(tx, l);
}

static enum err take(struct store_tx *tx, struct job_lease *l, struct str lease_id)
{
    struct lease_request r = {.team_id = l->actor->team_id,
                              .lease_id = lease_id,
                              .token_id = l->actor->token_id,
                              .worker = l->worker,
                              .engines = l->engines,
                              .tags = l->tags,
                              .now_ms = clock_unix_ms(),
                              .lease_ms = l->stock ? job_lease_stock_ms() : job_lease_ms(),
                              .stock = l->stock,
                              .mogrt = l->mogrt,
                              .not_exposed = l->not_exposed};
    return store_job_lease(tx, &r, l->arena, &l->job);
}

enum err job_lease_op(struct store_tx *tx, void *ctx)
{
    struct job_lease *l = ctx;
    l->found = false;
    for (int i = 0; i < TRIES_MAX; i++) {
        struct ulid lease_id = ulid_new();
        enum err e = take(tx, l, ulid_str(&lease_id));
        if (e == ERR_NOT_FOUND)
            return OK;
        TRY(e);
        struct str error;
        TRY(give_out(tx, l, &error));
        if (!error.len) {
            l->found = true;
            return OK;
        }
        TRY(job_end(tx, &l->job, JOB_ERROR, error, &JOB_END_SYSTEM, l->arena));
    }
    return OK;
}

enum err job_lease_undo_op(struct store_tx *tx, void *ctx)
{
    const struct job_lease *l = ctx;
    struct job job;
    TRY(store_job_leased(tx, l->job.lease_id, l->actor->token_id, clock_unix_ms(), l->arena, &job));
    job.lease_count--; /* that says nothing about the job */
    return job_run_requeue(tx, &job, STR_EMPTY, l->arena);
}

/* Both lists are in the order of the payload and do not overlap: merged they are one splice. */
static size_t merge(const struct job_lease *l, const struct ref_values *values,
                    struct ref_edit *ret)
{
    const struct ref_bundle *b = &l->exposed;
    size_t count = 0, edit = 0, use = 0;
    while (edit < l->edit_count || use < b->use_count) {
        if (use == b->use_count ||
            (edit < l->edit_count && l->edits[edit].begin < b->uses[use].begin)) {
            const struct job_edit *e = &l->edits[edit++];
            ret[count++] = (struct ref_edit){.begin = e->begin, .end = e->end, .text = e->text};
            continue;
        }
        const struct ref_use *u = &b->uses[use++];
        if (u->literal) /* "$${" stands for "${" */
            ret[count++] =
                (struct ref_edit){.begin = u->begin, .end = u->begin + 1, .text = STR_EMPTY};
        else
            ret[count++] = (struct ref_edit){
                .begin = u->begin, .end = u->end, .value = values->values[u->record]};
    }
    return count;
}

static enum err splice_job(const struct job_lease *l, struct vault *vault, struct buf *out)
{
    const struct ref_bundle *b = &l->exposed;
    AUTO(ref_values) struct ref_values values = {0};
    struct vault_use use = {.purpose = VAULT_FOR_PICKUP, .job_id = ulid_str(&l->job.id)};
    struct str refused; /* its policy was looked at within the lease's transaction */
    if (b->record_count)
        TRY(ref_bundle_open(b, vault, &use, &values, &refused));
    struct ref_edit *edits = arena_array(l->arena, l->edit_count + b->use_count + 1, sizeof *edits);
    size_t count = merge(l, &values, edits);
    return ref_splice(b->fragment, edits, count, out);
}

enum err job_write_lease(const struct job_lease *l, struct vault *vault, struct buf *out)
{
    struct json_out o = json_out_make(out);
    json_out_open(&o, '{');
    json_out_member_str(&o, "lease", l->job.lease_id);
    json_out_member_int(&o, "leaseMs", job_lease_ms());
    json_out_key(&o, "job");
    TRY(json_out_end(&o));
    AUTO(buf) struct buf job = buf_make(out->max);
    TRY(splice_job(l, vault, &job));
    TRY(job_function_expand(buf_str(&job), out));
    o.comma = true;
    if (l->fonts.len) {
        json_out_key(&o, "fonts");
        json_out_raw(&o, l->fonts);
    }
    json_out_key(&o, "output");
    json_out_open(&o, '{');
    json_out_member_str(&o, "url", l->output_url);
    json_out_member_str(&o, "name", l->job.output_name);
    json_out_close(&o, '}');
    json_out_close(&o, '}');
    return json_out_end(&o);
}

struct str job_spool_name(struct str job_id, struct arena *a)
{
    return arena_printf(a, "%.*s.out", (int)job_id.len, job_id.ptr);
}
