/* The vendor's functions, which a function asset names: "nx:layer-remove" or "nx-layer-remove". */
#include "job_rules.h"
#include "nearest.h"

static const char *const FUNCTIONS[] = {
    "text-params-set", "solid-color-set",    "layer-state-set",
    "layer-remove",    "layer-autoscale",    "layer-start-set",
    "gen-ai",          "layer-duration-set", "comp-duration-set",
};

static bool begins_as_one(struct str name)
{
    return str_starts(name, STR("nx:")) || str_starts(name, STR("nx-"));
}

static struct str meant(struct str word)
{
    struct nearest n = nearest_to(word);
    for (size_t i = 0; i < ARRAY_LEN(FUNCTIONS); i++)
        nearest_offer(&n, str_from(FUNCTIONS[i]));
    return n.name;
}

static struct str all(struct arena *a)
{
    struct str text = STR_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(FUNCTIONS); i++)
        text = arena_printf(a, "%.*s%snx:%s", (int)text.len, text.ptr, i ? ", " : "", FUNCTIONS[i]);
    return text;
}

enum err job_rules_function(struct job_rules *r, struct str name, struct str at)
{
    struct str word = begins_as_one(name) ? str_slice(name, 3, name.len) : name;
    for (size_t i = 0; i < ARRAY_LEN(FUNCTIONS); i++) {
        if (begins_as_one(name) && str_is(word, FUNCTIONS[i]))
            return OK;
    }
    struct str near = word.len <= SECRET_NAME_MAX_BYTES ? meant(word) : STR_EMPTY;
    if (near.len)
        return problems_addf(r->problems, at, "is no function; did you mean nx:%.*s?",
                             (int)near.len, near.ptr);
    struct str text = all(r->arena);
    return problems_addf(r->problems, at, "must be the id of a function: %.*s", (int)text.len,
                         text.ptr);
}
