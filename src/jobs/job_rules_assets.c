/* Assets: what each type needs (contract: text, data, essential carry a value; image, video, audio
 * and static an address; script either). */
#include <stdio.h>

#include "job_rules.h"

enum asset_need {
    NEEDS_SRC,
    NEEDS_VALUE,
    NEEDS_TEXT,
    NEEDS_EITHER,
    NEEDS_NAME,
    NEEDS_DATA,
    IS_A_JOB
};

static const struct asset_type {
    const char *name;
    enum asset_need need;
} TYPES[] = {
    {"text", NEEDS_TEXT},       {"data", NEEDS_DATA},     {"image", NEEDS_SRC},
    {"video", NEEDS_SRC},       {"audio", NEEDS_SRC},     {"static", NEEDS_SRC},
    {"essential", NEEDS_VALUE}, {"script", NEEDS_EITHER}, {"function", NEEDS_NAME},
    {"job", IS_A_JOB},
};

struct asset {
    struct str type, layer_name, name, src, composition, params;
    struct str value, expression, property, layer_index; /* raw */
    bool conform;
};
static const struct json_field ASSET[] = {
    JSON_FIELD(struct asset, type, "type", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY,
               JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct asset, layer_name, "layerName", JSON_AS_STR, JSON_NULLABLE,
               JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct asset, name, "name", JSON_AS_STR, JSON_NULLABLE, JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct asset, src, "src", JSON_AS_STR, JSON_NULLABLE, JOB_URL_MAX_BYTES),
    JSON_FIELD(struct asset, composition, "composition", JSON_AS_STR, JSON_NULLABLE,
               JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct asset, value, "value", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct asset, expression, "expression", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct asset, property, "property", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct asset, layer_index, "layerIndex", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct asset, params, "params", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct asset, conform, "conform", JSON_AS_BOOL, JSON_NULLABLE, 0),
};

struct asset_params {
    struct str headers, layers;
};
static const struct json_field PARAMS[] = {
    JSON_FIELD(struct asset_params, headers, "headers", JSON_AS_OBJECT, JSON_OPTIONAL, 0),
    JSON_FIELD(struct asset_params, layers, "layerName", JSON_AS_RAW, JSON_OPTIONAL, 0),
};

static bool is_scalar_text(struct str raw)
{
    return raw.len &&
           (raw.ptr[0] == '"' || raw.ptr[0] == '-' || (raw.ptr[0] >= '0' && raw.ptr[0] <= '9'));
}

static struct str below(const struct job_rules *r, struct str pointer, const char *member)
{
    return arena_printf(r->arena, "%.*s/%s", (int)pointer.len, pointer.ptr, member);
}

/* A layer's name, or a list of them. */
static bool layers_valid(struct job_rules *r, struct str raw)
{
    struct json_elements e;
    struct str element, text;
    if (raw.len && raw.ptr[0] == '"')
        return job_rules_string(r, raw, JOB_TEXT_MAX_BYTES, &text) && text.len;
    if (!raw.len || raw.ptr[0] != '[')
        return false;
    bool some = false;
    json_elements_init(&e, raw);
    while (json_elements_next(&e, &element)) {
        if (!job_rules_string(r, element, JOB_TEXT_MAX_BYTES, &text) || !text.len)
            return false;
        some = true;
    }
    return some;
}

/* Headers only have a meaning beside an address; elsewhere nobody would keep them from the worker.
 */
static enum err check_params(struct job_rules *r, const struct asset *asset, bool function,
                             struct str pointer)
{
    struct asset_params params = {0};
    enum err e = OK;
    if (!asset->params.ptr)
        return OK;
    struct str at = below(r, pointer, "params");
    TRY(json_decode(asset->params, PARAMS, ARRAY_LEN(PARAMS), at, r->problems, &params));
    if (function && params.layers.ptr && !layers_valid(r, params.layers))
        e = problems_add(r->problems, below(r, at, "layerName"),
                         "must be a layer's name or a list of them");
    if (!params.headers.ptr)
        return e;
    at = below(r, at, "headers");
    if (!asset->src.len)
        return problems_add(r->problems, at, "needs an address in src");
    enum err headers = job_rules_headers(r, params.headers, at);
    return e == OK ? headers : e;
}

static enum err check_need(struct job_rules *r, const struct asset *asset, enum asset_need need,
                           struct str pointer)
{
    bool src = asset->src.len > 0, value = asset->value.len > 0;
    struct str at = below(r, pointer, need == NEEDS_SRC || need == NEEDS_EITHER ? "src" : "value");
    switch (need) {
    case IS_A_JOB:
        return OK;
    case NEEDS_SRC:
        return src ? OK : problems_add(r->problems, at, "is required for this type of asset");
    case NEEDS_EITHER:
        return src || value ? OK : problems_add(r->problems, at, "is required, or value");
    case NEEDS_TEXT:
        return is_scalar_text(asset->value)
                   ? OK
                   : problems_add(r->problems, at, "is required and must be text or a number");
    case NEEDS_VALUE:
    case NEEDS_DATA:
        return value || (need == NEEDS_DATA && asset->expression.len &&
                         !str_is(asset->expression, "\"\""))
                   ? OK
                   : problems_add(r->problems, at, "is required for this type of asset");
    case NEEDS_NAME:
        return job_rules_function(r, asset->name, below(r, pointer, "name"));
    }
    return ERR_INTERNAL;
}

static bool is_text(struct str raw)
{
    return !raw.len || raw.ptr[0] == '"';
}

/* From 1 on, as After Effects counts; 0 says as little as nothing beside a layer's name. */
static bool is_index(struct str raw, bool named)
{
    uint64_t n;
    return !raw.len || (str_to_u64(raw, UINT32_MAX, &n) == OK && (n > 0 || named));
}

/* What is copied as it stands into the documents of the farm's workers, which look at it. */
static enum err check_forms(struct job_rules *r, const struct asset *asset, bool data,
                            struct str pointer)
{
    enum err e = OK;
    if (!is_index(asset->layer_index, asset->layer_name.len > 0))
        e = problems_add(r->problems, below(r, pointer, "layerIndex"),
                         "must be a whole number from 1 on");
    if (!data)
        return e;
    if (asset->value.len && !is_scalar_text(asset->value) && asset->value.ptr[0] != '[')
        e = problems_add(r->problems, below(r, pointer, "value"),
                         "must be text, a number or a list");
    if (!is_text(asset->property))
        e = problems_add(r->problems, below(r, pointer, "property"), "must be text");
    if (!is_text(asset->expression))
        e = problems_add(r->problems, below(r, pointer, "expression"), "must be text");
    return e;
}

static const struct asset_type *type_named(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        if (str_is(name, TYPES[i].name))
            return &TYPES[i];
    }
    return NULL;
}

static enum err check_asset(struct job_rules *r, struct str raw, struct str pointer,
                            enum job_assets_of of, enum asset_need *ret_need)
{
    struct asset asset = {.name = STR_EMPTY};
    if (!raw.len || raw.ptr[0] != '{')
        return problems_add(r->problems, pointer, "must be an object");
    TRY(json_decode(raw, ASSET, ARRAY_LEN(ASSET), pointer, r->problems, &asset));
    const struct asset_type *type = type_named(asset.type);
    if (of == JOB_ASSETS_OF_JOIN && !str_is(asset.type, "video") && !str_is(asset.type, "job"))
        return problems_add(r->problems, below(r, pointer, "type"), "must be video or job");
    if (!type)
        return problems_add(r->problems, below(r, pointer, "type"),
                            "must be text, data, image, video, audio, static, essential, script, "
                            "function or job");
    enum err e = check_need(r, &asset, type->need, pointer);
    if (asset.src.len && !job_rules_url(asset.src))
        e = problems_add(r->problems, below(r, pointer, "src"),
                         "must be an http or https address, without a user in it");
    *ret_need = type->need;
    enum err forms = check_forms(r, &asset, type->need == NEEDS_DATA, pointer);
    enum err params = check_params(r, &asset, type->need == NEEDS_NAME, pointer);
    return e != OK ? e : forms != OK ? forms : params;
}

static enum err add_job(struct job_rules *r, struct str raw, size_t index, struct job_assets *all)
{
    if (all->job_count == JOB_NESTED_MAX)
        return problems_addf(r->problems, job_rules_at(r, "/assets"),
                             "may hold at most %d nested jobs", JOB_NESTED_MAX);
    if (!all->jobs)
        all->jobs = arena_array(r->arena, JOB_NESTED_MAX, sizeof *all->jobs);
    all->jobs[all->job_count++] = (struct job_asset_job){raw, index};
    return OK;
}

enum err job_rules_assets(struct job_rules *r, struct str array, enum job_assets_of of,
                          struct job_assets *ret)
{
    struct json_elements e;
    struct str element;
    struct job_assets all = {.count = 0};
    enum err result = OK;
    json_elements_init(&e, array);
    while (json_elements_next(&e, &element)) {
        enum asset_need need = NEEDS_SRC;
        char place[32];
        snprintf(place, sizeof place, "/assets/%zu", e.index);
        if (++all.count > JOB_ASSETS_MAX)
            return problems_addf(r->problems, job_rules_at(r, "/assets"),
                                 "may hold at most %d assets", JOB_ASSETS_MAX);
        enum err one = check_asset(r, element, job_rules_at(r, place), of, &need);
        result = one == OK ? result : one;
        all.functions |= need == NEEDS_NAME;
        if (need == IS_A_JOB) {
            one = add_job(r, element, e.index, &all);
            result = one == OK ? result : one;
        }
    }
    *ret = all;
    return result;
}
