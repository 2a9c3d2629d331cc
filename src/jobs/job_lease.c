/* Pick-up: the payload is rewritten for one worker. What Safelight can do itself (uploads,
 * webhooks, addresses with secrets) is taken out or becomes a one-time address; only what must be
 * painted or run is handed over, and every such value is in the audit log. */
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "encode.h"
#include "hash.h"
#include "job_bundle.h"
#include "job_end.h"
#include "json_encode.h"
#include "store_audit.h"

enum {
    TICKET_DIGITS = 32, /* of base62: 190 bits */
    ASSET_USES = 3,     /* a worker may lose two downloads */
    TRIES_MAX = 16,     /* jobs that end here because a secret is gone, in one pick-up */
    TICKET_MS = 7 * 24 * 3600 * 1000, /* the lease ends it earlier; this is for the sweep */
};

struct rewrite {
    struct store_tx *tx;
    struct job_lease *lease;
    const struct job_text *text;
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

/* A new one-time address; only the hash of its random part is stored. */
static enum err make_ticket(struct rewrite *w, enum ticket_kind kind, struct str pointer,
                            struct str *ret_url)
{
    struct job_lease *l = w->lease;
    char random[TICKET_DIGITS + 1];
    random_base62(random, TICKET_DIGITS);
    struct ticket t = {.kind = kind,
                       .team_id = l->job.team_id,
                       .job_id = l->job.id,
                       .lease_id = l->job.lease_id,
                       .pointer = pointer,
                       .expires_at_ms = clock_unix_ms() + TICKET_MS,
                       .uses_left = kind == TICKET_ASSET_GET ? ASSET_USES : 1};
    hash_blake2b(str_bytes(random, TICKET_DIGITS), t.hash);
    *ret_url = arena_printf(l->arena, "%.*s/t/%s", (int)l->base_url.len, l->base_url.ptr, random);
    wipe(random, sizeof random);
    return store_ticket_insert(w->tx, &t);
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

static enum err rewrite_src(struct rewrite *w, struct str src, struct str headers,
                            struct str pointer)
{
    struct str url;
    if (!refers(w, src) && !refers(w, headers))
        return OK;
    TRY(make_ticket(w, TICKET_ASSET_GET, pointer, &url));
    AUTO(buf) struct buf quoted = buf_make(JSON_BODY_MAX_BYTES);
    struct json_out o = json_out_make(&quoted);
    json_out_str(&o, url);
    TRY(json_out_end(&o));
    replace(w, src, arena_str(w->lease->arena, buf_str(&quoted)));
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
    const char *id = w->lease->job.id.text;
    if (parts->id.ptr) {
        replace(w, parts->id, arena_printf(a, "\"%s\"", id));
        return;
    }
    struct str brace = str_slice(parts->payload, str_find(parts->payload, '{'), parts->payload.len);
    replace(w, str_slice(brace, 0, 1), arena_printf(a, "{\"id\":\"%s\",", id));
}

static enum err make_edits(struct rewrite *w)
{
    const struct job_parts *parts = &w->text->parts;
    w->edits = arena_array(w->lease->arena, 2 * parts->asset_count + 4, sizeof *w->edits);
    put_id(w);
    if (parts->upload.ptr)
        replace(w, parts->upload, STR("null"));
    if (parts->webhook.ptr)
        replace(w, parts->webhook, STR("null"));
    TRY(rewrite_src(w, parts->template_src, (struct str){NULL, 0}, STR("/template")));
    for (size_t i = 0; i < parts->asset_count; i++)
        TRY(rewrite_src(w, parts->assets[i].src, parts->assets[i].headers,
                        arena_printf(w->lease->arena, "/assets/%zu", i)));
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

static enum err audit_lease(struct store_tx *tx, const struct job_lease *l)
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
    return OK;
}

/* *ret_missing names a secret that is gone; then nothing was written. */
static enum err rewrite_job(struct store_tx *tx, struct job_lease *l, struct str *ret_missing)
{
    struct job_text text;
    struct rewrite w = {.tx = tx, .lease = l, .text = &text};
    TRY(job_bundle_read(l->job.payload, l->arena, &text));
    TRY(job_bundle_first_gone(tx, &l->job, &text, l->arena, ret_missing));
    if (ret_missing->len)
        return OK;
    TRY(make_edits(&w));
    struct job_bundle_request q = {.job = &l->job,
                                   .text = &text,
                                   .fragment = text.parts.payload,
                                   .chosen = left_in,
                                   .ctx = &w};
    struct str none;
    TRY(job_bundle_of(tx, &q, l->arena, &l->exposed, &none));
    TRY(make_ticket(&w, TICKET_OUTPUT_PUT, STR_EMPTY, &l->output_url));
    l->job.output_bytes = -1;
    l->job.log_consumed = 0;
    TRY(store_job_update(tx, &l->job));
    return audit_lease(tx, l);
}

enum err job_lease_op(struct store_tx *tx, void *ctx)
{
    struct job_lease *l = ctx;
    l->found = false;
    for (int i = 0; i < TRIES_MAX; i++) {
        struct ulid lease_id = ulid_new();
        struct lease_request r = {.team_id = l->actor->team_id,
                                  .lease_id = ulid_str(&lease_id),
                                  .token_id = l->actor->token_id,
                                  .worker = l->worker,
                                  .engines = l->engines,
                                  .tags = l->tags,
                                  .now_ms = clock_unix_ms(),
                                  .lease_ms = job_lease_ms()};
        enum err e = store_job_lease(tx, &r, l->arena, &l->job);
        if (e == ERR_NOT_FOUND)
            return OK;
        TRY(e);
        /* the row's own copy: it must outlive this function */
        l->job.lease_id = arena_str(l->arena, ulid_str(&lease_id));
        struct str missing;
        TRY(rewrite_job(tx, l, &missing));
        if (!missing.len) {
            l->found = true;
            return OK;
        }
        struct str error = arena_printf(l->arena, "the secret %.*s does not exist any more",
                                        (int)missing.len, missing.ptr);
        TRY(job_end(tx, &l->job, JOB_ERROR, error, &JOB_END_SYSTEM, l->arena));
    }
    return OK;
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
    if (b->record_count)
        TRY(ref_bundle_open(b, vault, &use, &values));
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
    TRY(splice_job(l, vault, out));
    o.comma = true;
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
