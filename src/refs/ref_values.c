/* The half of ref_bundle.h that handles values. */
#include <stdlib.h>

#include "alloc.h"
#include "policy.h"
#include "ref_bundle.h"

#define SINK_IS(sink) (1 << REF_##sink == POLICY_##sink)
_Static_assert(SINK_IS(CREDENTIAL) && SINK_IS(UPLOAD) && SINK_IS(HEADER) && SINK_IS(URL) &&
                   SINK_IS(BODY) && SINK_IS(TEXT) && SINK_IS(SCRIPT),
               "the bits of a policy are the sinks");
#undef SINK_IS

void ref_values_auto(struct ref_values *v)
{
    for (size_t i = 0; v->values && i < v->count; i++)
        secret_free(&v->values[i]);
    free(v->values);
    *v = (struct ref_values){NULL, 0};
}

/* Of the first use; of the first use of another version of the same secret when the record is there
 * only for masks; else empty. */
static struct str field_of(const struct ref_bundle *b, size_t record)
{
    struct str near = STR_EMPTY;
    for (size_t i = 0; i < b->use_count; i++) {
        const struct ref_use *u = &b->uses[i];
        if (u->literal)
            continue;
        if (u->record == record)
            return u->pointer;
        if (near.len == 0 &&
            str_equal(b->records[u->record].context.name, b->records[record].context.name))
            near = u->pointer;
    }
    return near;
}

static unsigned sinks_of(const struct ref_bundle *b, size_t record, enum vault_purpose purpose)
{
    unsigned sinks = 0;
    if (purpose == VAULT_FOR_MASKING) /* it goes nowhere */
        return 0;
    for (size_t i = 0; i < b->use_count; i++) {
        const struct ref_use *u = &b->uses[i];
        if (u->literal || u->record != record)
            continue;
        sinks |= 1u << (purpose == VAULT_FOR_PICKUP ? ref_sink_for_worker(u->sink) : u->sink);
    }
    return sinks;
}

enum err ref_bundle_open(const struct ref_bundle *b, struct vault *vault,
                         const struct vault_use *use, struct ref_values *ret, struct str *ret_name)
{
    AUTO(ref_values)
    struct ref_values v = {xcalloc(b->record_count + 1, sizeof *v.values), b->record_count};
    *ret_name = STR_EMPTY;
    for (size_t i = 0; i < b->record_count; i++) {
        struct vault_use one = *use;
        one.field = field_of(b, i);
        one.sinks |= sinks_of(b, i, use->purpose);
        enum err e = vault_open_for_use(vault, &b->records[i].context, b->team_key,
                                        b->records[i].sealed, &one, &v.values[i]);
        if (e != OK) {
            *ret_name = b->records[i].context.name;
            return e;
        }
    }
    *ret = v;
    v = (struct ref_values){NULL, 0};
    return OK;
}

enum err ref_bundle_splice(const struct ref_bundle *b, const struct ref_values *values,
                           struct buf *out)
{
    AUTO(mem) struct ref_edit *edits = xcalloc(b->use_count + 1, sizeof *edits);
    for (size_t i = 0; i < b->use_count; i++) {
        const struct ref_use *u = &b->uses[i];
        edits[i] = (struct ref_edit){.begin = u->begin, .end = u->end};
        if (u->literal) {
            edits[i].text = str_slice(b->fragment, u->begin + 1, u->end);
            continue;
        }
        ASSERT(u->record < values->count);
        edits[i].value = values->values[u->record];
    }
    return ref_splice(b->fragment, edits, b->use_count, out);
}
