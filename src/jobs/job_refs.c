#include "job_refs.h"

#include "job_names.h"
#include "nearest.h"

/* One text for a name that is not there and one the token may not use: it tells nobody which. */
#define UNKNOWN "the secret does not exist, or this token may not use it"

enum { SUGGESTIONS_MAX = 5 }; /* each looks at every name of the team */

static enum err suggest(struct job_refs *s, struct str wanted, struct str *ret)
{
    unsigned best = NEAREST_MAX_EDITS + 1;
    *ret = STR_EMPTY;
    if (!s->actor->may_list_names || s->suggestions++ >= SUGGESTIONS_MAX)
        return OK;
    if (!s->names)
        TRY(store_secret_list(s->read, s->actor->team_id, s->arena, &s->names, &s->name_count));
    for (size_t i = 0; i < s->name_count; i++) {
        unsigned edits = nearest_edits(wanted, s->names[i].name);
        if (edits < best && job_names_match(s->actor->names, s->names[i].name)) {
            best = edits;
            *ret = s->names[i].name;
        }
    }
    return OK;
}

static enum err add_value(struct job_refs *s, const struct ref *ref, const struct sealed_row *row)
{
    bool fitted = s->value_bytes <= JOB_VALUES_MAX_BYTES;
    s->value_bytes += vault_value_bytes(row->sealed);
    if (!fitted || s->value_bytes <= JOB_VALUES_MAX_BYTES)
        return OK;
    return problems_addf(s->problems, ref->pointer,
                         "with this one the values of the job's secrets are longer than %d bytes "
                         "together, which is more than can be opened at once",
                         JOB_VALUES_MAX_BYTES);
}

static enum err check_ref(struct job_refs *s, const struct ref *ref, uint32_t *ret_version)
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
    if (s->value_bytes > JOB_VALUES_MAX_BYTES && ref->version == 0) /* said already */
        return OK;
    struct sealed_row sealed;
    e = store_secret_sealed(s->read, s->actor->team_id, ref->name, ref->version, s->arena, &sealed);
    if (e == ERR_NOT_FOUND)
        return problems_add(s->problems, ref->pointer, "the secret has no such version");
    TRY(e);
    *ret_version = sealed.version;
    return add_value(s, ref, &sealed);
}

static bool same_ref(const struct ref *a, const struct ref *b)
{
    return !a->literal && a->version == b->version && str_equal(a->name, b->name);
}

enum err job_refs_check(struct job_refs *s, const struct ref_list *refs, uint32_t **ret_versions)
{
    enum err result = OK;
    s->value_bytes = 0;
    uint32_t *versions = arena_array(s->arena, refs->count + 1, sizeof *versions);
    bool *good = arena_array(s->arena, refs->count + 1, sizeof *good);
    for (size_t i = 0; i < refs->count; i++) {
        const struct ref *ref = &refs->refs[i];
        good[i] = ref->literal;
        for (size_t j = 0; j < i && !good[i]; j++) {
            good[i] = good[j] && same_ref(&refs->refs[j], ref);
            versions[i] = good[i] ? versions[j] : 0;
        }
        if (good[i])
            continue;
        enum err e = check_ref(s, ref, &versions[i]);
        if (e != OK && e != ERR_INVALID)
            return e;
        good[i] = e == OK;
        result = e == OK ? result : e;
    }
    *ret_versions = versions;
    return result;
}
