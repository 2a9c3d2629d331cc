/* Bundles: the sealed records as the team has them now, put together late. */
#include "job_bundle.h"

enum {
    OLDER_VERSIONS_MAX = 16, /* of one secret in one mask */
    PREVIOUS_VERSIONS = 2,   /* of those, from before the job: caches may still hold them */
};

enum err job_bundle_read(struct str payload, struct arena *a, struct job_text *ret)
{
    struct problems unused;
    struct job_text text;
    problems_init(&unused, a);
    /* It was good when it was stored. */
    if (ref_scan(payload, REF_SHAPE_JOB, a, &unused, &text.refs) != OK ||
        job_parts_find(payload, a, &text.parts) != OK)
        return ERR_TAMPERED;
    size_t own = 0; /* what stands in a nested job is that job's */
    for (size_t i = 0; i < text.refs.count; i++) {
        if (!job_parts_nested(&text.parts, text.refs.refs[i].begin))
            text.refs.refs[own++] = text.refs.refs[i];
    }
    text.refs.count = own;
    *ret = text;
    return OK;
}

_Static_assert(2 * JOB_VALUES_MAX_BYTES <= SECRET_ARENA_BYTES, "two of the largest jobs at once");

bool job_bundle_known_then(const struct job *job, const struct sealed_row *row)
{
    return row->created_at_ms <= job->created_at_ms;
}

struct builder {
    struct store_tx *tx;
    const struct job_bundle_request *q;
    struct arena *arena;
    struct ref_bundle bundle;
    struct wanted {
        const struct ref *ref;
        bool gone;
        bool cut; /* for masks: a value that the worker may have is not among the records */
        uint32_t record;
    } *wanted; /* what each (name, asked version) came to */
    size_t wanted_count, record_max;
    uint32_t key_version;
};

static bool have_record(const struct builder *b, struct str name, uint32_t version,
                        uint32_t *ret_record)
{
    for (size_t i = 0; i < b->bundle.record_count; i++) {
        const struct seal_context *have = &b->bundle.records[i].context;
        if (have->version == version && str_equal(have->name, name)) {
            *ret_record = (uint32_t)i;
            return true;
        }
    }
    return false;
}

/* "newest" and "@n" may be the same version: each stands in the bundle once. */
static enum err add_record(struct builder *b, struct str name, const struct sealed_row *row,
                           uint32_t *ret_record)
{
    if (have_record(b, name, row->version, ret_record))
        return OK;
    /* One bundle holds one team key. While a rotation has moved only a part of the records, the
     * rest follows within moments. */
    if (b->key_version && b->key_version != row->key_version)
        return ERR_AGAIN;
    if (b->bundle.record_count == b->record_max) {
        size_t more = b->record_max ? 2 * b->record_max : 16;
        struct ref_record *grown = arena_array(b->arena, more, sizeof *grown);
        if (b->bundle.record_count)
            memcpy(grown, b->bundle.records, b->bundle.record_count * sizeof *grown);
        b->bundle.records = grown;
        b->record_max = more;
    }
    b->key_version = row->key_version;
    *ret_record = (uint32_t)b->bundle.record_count;
    b->bundle.records[b->bundle.record_count++] = (struct ref_record){
        .context = {.team_id = arena_str(b->arena, ulid_str(&b->q->job->team_id)),
                    .secret_id = arena_str(b->arena, ulid_str(&row->id)),
                    .name = name,
                    .version = row->version,
                    .epoch = row->epoch,
                    .created_at_ms = row->created_at_ms,
                    .policy = row->policy},
        .sealed = row->sealed};
    return OK;
}

static enum err sealed_of(struct builder *b, struct str name, uint32_t version,
                          struct sealed_row *ret)
{
    return store_secret_sealed(b->tx, ulid_str(&b->q->job->team_id), name, version, b->arena, ret);
}

/* A rotation while the job runs must not unmask the value that its worker was given: all versions
 * back to the one that was in force at submit, and a few before it. False: that one cannot be had
 * any more. */
static enum err add_older(struct builder *b, struct str name, const struct sealed_row *newest,
                          bool *ret_whole)
{
    struct sealed_row row = *newest;
    for (int i = 0, previous = 0; i < OLDER_VERSIONS_MAX && row.version > 1; i++) {
        /* One made in the very millisecond of the submit may have come after it. */
        if (row.created_at_ms < b->q->job->created_at_ms && previous++ == PREVIOUS_VERSIONS)
            break;
        enum err e = sealed_of(b, name, row.version - 1, &row);
        if (e == ERR_NOT_FOUND)
            break;
        TRY(e);
        uint32_t record;
        TRY(add_record(b, name, &row, &record));
    }
    *ret_whole = job_bundle_known_then(b->q->job, &row);
    return OK;
}

static enum err look_up(struct builder *b, const struct ref *ref, struct wanted **ret)
{
    for (size_t i = 0; i < b->wanted_count; i++) {
        struct wanted *w = &b->wanted[i];
        if (w->ref->version == ref->version && str_equal(w->ref->name, ref->name)) {
            *ret = w;
            return OK;
        }
    }
    struct sealed_row row;
    struct wanted *w = &b->wanted[b->wanted_count++];
    *w = (struct wanted){.ref = ref};
    *ret = w;
    enum err e = sealed_of(b, ref->name, ref->version, &row);
    bool pinned = ref->version != 0;
    if (e == ERR_NOT_FOUND || (e == OK && pinned && !job_bundle_known_then(b->q->job, &row))) {
        w->gone = w->cut = true;
        return OK;
    }
    TRY(e);
    TRY(add_record(b, ref->name, &row, &w->record));
    bool whole = true;
    if (b->q->older)
        TRY(add_older(b, ref->name, &row, &whole));
    w->cut = !whole;
    return OK;
}

static enum err add_use(struct builder *b, const struct ref *ref, struct str *ret_missing)
{
    size_t base = (size_t)(b->q->fragment.ptr - b->q->text->parts.payload.ptr);
    struct ref_use use = {.begin = ref->begin - base,
                          .end = ref->end - base,
                          .literal = ref->literal,
                          .sink = ref->literal ? (enum ref_sink)0 : ref->sink,
                          .pointer = ref->pointer};
    if (!ref->literal) {
        struct wanted *w;
        TRY(look_up(b, ref, &w));
        if (w->cut && b->q->gone == JOB_GONE_IS_LEFT_OUT &&
            job_parts_exposes(&b->q->text->parts, ref->begin))
            *ret_missing = ref->name;
        if (w->gone && b->q->gone == JOB_GONE_IS_LEFT_OUT)
            return OK;
        if (w->gone) {
            *ret_missing = ref->name;
            return ERR_NOT_FOUND;
        }
        use.record = w->record;
    }
    b->bundle.uses[b->bundle.use_count++] = use;
    return OK;
}

enum err job_bundle_of(struct store_tx *tx, const struct job_bundle_request *q, struct arena *a,
                       struct ref_bundle *ret, struct str *ret_missing)
{
    const struct ref_list *refs = &q->text->refs;
    struct builder b = {.tx = tx, .q = q, .arena = a, .bundle = {.fragment = q->fragment}};
    size_t base = (size_t)(q->fragment.ptr - q->text->parts.payload.ptr);
    b.wanted = arena_array(a, refs->count + 1, sizeof *b.wanted);
    b.bundle.uses = arena_array(a, refs->count + 1, sizeof *b.bundle.uses);
    b.bundle.records = arena_array(a, 1, sizeof *b.bundle.records);
    *ret_missing = STR_EMPTY;
    for (size_t i = 0; i < refs->count; i++) {
        const struct ref *ref = &refs->refs[i];
        if (ref->begin < base || ref->end > base + q->fragment.len ||
            (q->chosen && !q->chosen(q->ctx, ref)))
            continue;
        TRY(add_use(&b, ref, ret_missing));
    }
    if (b.key_version)
        TRY(store_team_key_get(tx, ulid_str(&q->job->team_id), b.key_version, a,
                               &b.bundle.team_key));
    else
        b.bundle.team_key = STR_EMPTY;
    *ret = b.bundle;
    return OK;
}

static struct str part_of(const struct job_parts *parts, enum job_part part, struct str pointer)
{
    uint64_t index;
    switch (part) {
    case JOB_PART_ALL:
        return parts->payload;
    case JOB_PART_UPLOAD:
        return parts->upload;
    case JOB_PART_WEBHOOK:
        return parts->webhook;
    case JOB_PART_ASSET:
        if (str_is(pointer, "/template"))
            return parts->template;
        if (str_starts(pointer, STR("/assets/")) &&
            str_to_u64(str_slice(pointer, sizeof "/assets/" - 1, pointer.len), JOB_ASSETS_MAX,
                       &index) == OK &&
            index < parts->asset_count)
            return parts->assets[index].raw;
        break;
    }
    return (struct str){NULL, 0};
}

/* An asset goes to the courier for its address and headers only; the rest of it (a value to paint)
 * is none of the courier's business. */
static bool fetched(void *ctx, const struct ref *ref)
{
    return !job_parts_exposes(ctx, ref->begin);
}

enum err job_bundle(struct store_tx *tx, const struct job *job, enum job_part part,
                    struct str pointer, struct arena *a, struct ref_bundle *ret,
                    struct str *ret_missing)
{
    struct job_text text;
    *ret_missing = STR_EMPTY;
    TRY(job_bundle_read(job->payload, a, &text));
    struct str fragment = part_of(&text.parts, part, pointer);
    if (!fragment.ptr)
        return ERR_NOT_FOUND;
    struct job_bundle_request q = {
        .job = job,
        .text = &text,
        .fragment = fragment,
        .chosen = part == JOB_PART_ASSET ? fetched : NULL,
        .ctx = &text.parts,
        .gone = part == JOB_PART_ALL ? JOB_GONE_IS_LEFT_OUT : JOB_GONE_IS_ERROR,
        .older = part == JOB_PART_ALL,
    };
    return job_bundle_of(tx, &q, a, ret, ret_missing);
}

enum err job_bundle_look(struct store_tx *tx, const struct job *job, const struct job_text *text,
                         struct arena *a, struct job_bundle_state *ret)
{
    struct str *policies = arena_array(a, text->refs.count + 1, sizeof *policies);
    size_t bytes = 0;
    *ret = (struct job_bundle_state){.gone = STR_EMPTY, .policies = policies};
    for (size_t i = 0; i < text->refs.count; i++) {
        const struct ref *ref = &text->refs.refs[i];
        struct sealed_row row;
        bool repeat = ref->literal;
        policies[i] = STR_EMPTY;
        for (size_t j = 0; j < i && !repeat; j++) {
            repeat = !text->refs.refs[j].literal && text->refs.refs[j].version == ref->version &&
                     str_equal(text->refs.refs[j].name, ref->name);
            policies[i] = repeat ? policies[j] : STR_EMPTY;
        }
        if (repeat)
            continue;
        enum err e =
            store_secret_sealed(tx, ulid_str(&job->team_id), ref->name, ref->version, a, &row);
        if (e == OK && ref->version != 0 && !job_bundle_known_then(job, &row))
            e = ERR_NOT_FOUND;
        if (e == ERR_NOT_FOUND) {
            ret->gone = ref->name;
            return OK;
        }
        TRY(e);
        policies[i] = row.policy;
        bytes += vault_value_bytes(row.sealed);
        ret->too_large = bytes > JOB_VALUES_MAX_BYTES;
        if (ret->too_large)
            return OK;
    }
    return OK;
}
