#include "job_policy.h"

#include "clock.h"
#include "job_names.h"
#include "policy.h"
#include "store_team.h"

static struct policy_use use_of(const struct job_reach *reach, int64_t now_ms)
{
    return (struct policy_use){.sinks = 1u << reach->sink,
                               .host = reach->host_port,
                               .to_worker = reach->exposed,
                               .now_ms = now_ms};
}

/* The end of a sentence that begins with "the secret's policy". */
static struct str why_not(enum err e, const struct job_reach *reach, struct arena *a)
{
    if (e == ERR_POLICY_EXPIRED)
        return STR("has expired");
    if (e == ERR_POLICY_SINK)
        return arena_printf(a, "does not allow its use as %s", ref_sink_name(reach->sink));
    if (reach->exposed)
        return STR("names hosts and no sinks, so it does not allow handing the value to a worker");
    return STR("does not allow the host this goes to");
}

/* --- at submit --- */

struct check {
    const struct job_refs *s;
    bool strict;
    int64_t now_ms;
    struct known { /* a secret that was looked up */
        struct str name, policy;
        bool found;
    } *known;
    size_t known_count;
};

static enum err look_up(struct check *c, struct str name, const struct known **ret)
{
    const struct actor *actor = c->s->actor;
    struct secret_row row;
    for (size_t i = 0; i < c->known_count; i++) {
        *ret = &c->known[i];
        if (str_equal(c->known[i].name, name))
            return OK;
    }
    struct known *k = &c->known[c->known_count++];
    *k = (struct known){.name = name};
    *ret = k;
    if (!job_names_match(actor->names, name))
        return OK;
    enum err e = store_secret_by_name(c->s->read, actor->team_id, name, c->s->arena, &row);
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    k->found = true;
    k->policy = row.policy;
    return OK;
}

static enum err check_one(struct check *c, const struct ref *ref, const struct job_reach *reach)
{
    const struct known *k;
    struct policy policy;
    struct problems *problems = c->s->problems;
    struct policy_use use = use_of(reach, c->now_ms);
    TRY(look_up(c, ref->name, &k));
    if (!k->found)
        return OK;
    if (policy_decode(k->policy, &policy) != OK)
        return ERR_TAMPERED;
    enum err e = policy_allows(&policy, &use);
    if (e != OK) {
        struct str why = why_not(e, reach, c->s->arena);
        return problems_addf(problems, ref->pointer, "the secret's policy %.*s", (int)why.len,
                             why.ptr);
    }
    if (c->strict && policy.sinks == 0 && (use.sinks & ~(unsigned)POLICY_STRICT_SINKS))
        return problems_addf(
            problems, ref->pointer,
            "this team is strict: only a secret whose policy names the sink %s may "
            "be used here",
            ref_sink_name(reach->sink));
    return OK;
}

enum err job_policy_check(const struct job_refs *s, const struct ref_list *refs,
                          const struct job_reach *reach)
{
    struct team team;
    enum err result = OK;
    if (refs->count == 0)
        return OK;
    TRY(store_team_get(s->read, s->actor->team_id, s->arena, &team));
    struct check c = {.s = s, .strict = team.strict, .now_ms = clock_unix_ms()};
    c.known = arena_array(s->arena, refs->count, sizeof *c.known);
    for (size_t i = 0; i < refs->count; i++) {
        if (refs->refs[i].literal)
            continue;
        enum err e = check_one(&c, &refs->refs[i], &reach[i]);
        if (e != OK && e != ERR_INVALID)
            return e;
        result = e == OK ? result : e;
    }
    return result;
}

/* --- at pick-up --- */

static bool any_policy(const struct str *policies, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (policies[i].len)
            return true;
    return false;
}

/* The sentence, or empty. */
static struct str refusal(const struct ref *ref, const struct job_reach *reach, struct str bytes,
                          int64_t now_ms, struct arena *a)
{
    struct policy policy;
    const struct policy_use use = use_of(reach, now_ms);
    if (policy_decode(bytes, &policy) != OK) /* edited; this job must not hold up the others */
        return arena_printf(a, "the secret %.*s: its record is not as it was stored",
                            (int)ref->name.len, ref->name.ptr);
    enum err e = policy_allows(&policy, &use);
    if (e == OK)
        return STR_EMPTY;
    struct str why = why_not(e, reach, a);
    return arena_printf(a, "the policy of the secret %.*s %.*s (%.*s)", (int)ref->name.len,
                        ref->name.ptr, (int)why.len, why.ptr, (int)ref->pointer.len,
                        ref->pointer.ptr);
}

enum err job_policy_first_refused(const struct job_text *text, const struct str *policies,
                                  struct arena *a, struct str *ret_error)
{
    const struct ref_list *refs = &text->refs;
    struct job_reach *reach;
    int64_t now_ms = clock_unix_ms();
    *ret_error = STR_EMPTY;
    if (!any_policy(policies, refs->count))
        return OK;
    TRY(job_reach_find(text->parts.payload, refs, a, &reach));
    for (size_t i = 0; i < refs->count && ret_error->len == 0; i++) {
        const struct ref *ref = &refs->refs[i];
        /* A nested job is looked at when it is picked up itself. */
        if (!ref->literal && !job_parts_nested(&text->parts, ref->begin))
            *ret_error = refusal(ref, &reach[i], policies[i], now_ms, a);
    }
    return OK;
}
