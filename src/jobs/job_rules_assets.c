/* Assets: what each type needs (contract: text, data, essential carry a value; image, video, audio
 * and static an address; script either). */
#include "job_rules.h"

enum asset_need { NEEDS_SRC, NEEDS_VALUE, NEEDS_TEXT, NEEDS_EITHER, NOT_YET };

static const struct asset_type {
    const char *name;
    enum asset_need need;
} TYPES[] = {
    {"text", NEEDS_TEXT},       {"data", NEEDS_VALUE},    {"image", NEEDS_SRC},
    {"video", NEEDS_SRC},       {"audio", NEEDS_SRC},     {"static", NEEDS_SRC},
    {"essential", NEEDS_VALUE}, {"script", NEEDS_EITHER}, {"function", NOT_YET},
    {"job", NOT_YET},
};

struct asset {
    struct str type, layer_name, name, src, composition, value, expression, params;
    struct str assets, template; /* of a nested job */
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
    JSON_FIELD(struct asset, value, "value", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct asset, expression, "expression", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct asset, params, "params", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct asset, assets, "assets", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct asset, template, "template", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct asset, conform, "conform", JSON_AS_BOOL, JSON_NULLABLE, 0),
};

struct asset_params {
    struct str headers;
};
static const struct json_field PARAMS[] = {
    JSON_FIELD(struct asset_params, headers, "headers", JSON_AS_OBJECT, JSON_OPTIONAL, 0),
};

static bool is_scalar_text(struct str raw)
{
    return raw.len &&
           (raw.ptr[0] == '"' || raw.ptr[0] == '-' || (raw.ptr[0] >= '0' && raw.ptr[0] <= '9'));
}

/* Headers only have a meaning beside an address; elsewhere nobody would keep them from the worker.
 */
static enum err check_headers(struct job_rules *r, const struct asset *asset, struct str pointer)
{
    struct asset_params params = {0};
    if (!asset->params.ptr)
        return OK;
    struct str at = arena_printf(r->arena, "%.*s/params", (int)pointer.len, pointer.ptr);
    TRY(json_decode(asset->params, PARAMS, ARRAY_LEN(PARAMS), at, r->problems, &params));
    if (!params.headers.ptr)
        return OK;
    at = arena_printf(r->arena, "%.*s/headers", (int)at.len, at.ptr);
    if (!asset->src.len)
        return problems_add(r->problems, at, "needs an address in src");
    return job_rules_strings(r, params.headers, at, JOB_URL_MAX_BYTES, job_rules_header_name);
}

static enum err check_need(struct job_rules *r, const struct asset *asset, enum asset_need need,
                           struct str pointer)
{
    bool src = asset->src.len > 0, value = asset->value.len > 0;
    struct str at = arena_printf(r->arena, "%.*s/%s", (int)pointer.len, pointer.ptr,
                                 need == NEEDS_SRC || need == NEEDS_EITHER ? "src" : "value");
    switch (need) {
    case NOT_YET:
        return problems_add(r->problems, pointer, "nested jobs are not supported yet");
    case NEEDS_SRC:
        return src ? OK : problems_add(r->problems, at, "is required for this type of asset");
    case NEEDS_EITHER:
        return src || value ? OK : problems_add(r->problems, at, "is required, or value");
    case NEEDS_TEXT:
        return is_scalar_text(asset->value)
                   ? OK
                   : problems_add(r->problems, at, "is required and must be text or a number");
    case NEEDS_VALUE:
        return value || asset->expression.len
                   ? OK
                   : problems_add(r->problems, at, "is required for this type of asset");
    }
    return ERR_INTERNAL;
}

static enum err check_asset(struct job_rules *r, struct str raw, struct str pointer)
{
    struct asset asset = {0};
    if (!raw.len || raw.ptr[0] != '{')
        return problems_add(r->problems, pointer, "must be an object");
    TRY(json_decode(raw, ASSET, ARRAY_LEN(ASSET), pointer, r->problems, &asset));
    const struct asset_type *type = NULL;
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        if (str_is(asset.type, TYPES[i].name))
            type = &TYPES[i];
    }
    if (!type) {
        struct str at = arena_printf(r->arena, "%.*s/type", (int)pointer.len, pointer.ptr);
        return problems_add(r->problems, at,
                            "must be text, data, image, video, audio, static, essential or script");
    }
    bool nested = asset.assets.ptr || asset.template.ptr;
    enum err e = check_need(r, &asset, nested ? NOT_YET : type->need, pointer);
    if (asset.src.len && !job_rules_url(asset.src)) {
        struct str at = arena_printf(r->arena, "%.*s/src", (int)pointer.len, pointer.ptr);
        e = problems_add(r->problems, at, "must be an http or https address");
    }
    enum err headers = check_headers(r, &asset, pointer);
    return e == OK ? headers : e;
}

enum err job_rules_assets(struct job_rules *r, struct str array, size_t *ret_count)
{
    struct json_elements e;
    struct str element;
    enum err result = OK;
    size_t count = 0;
    json_elements_init(&e, array);
    while (json_elements_next(&e, &element)) {
        if (++count > JOB_ASSETS_MAX)
            return problems_addf(r->problems, STR("/assets"), "may hold at most %d assets",
                                 JOB_ASSETS_MAX);
        enum err one = check_asset(r, element, arena_printf(r->arena, "/assets/%zu", e.index));
        result = one == OK ? result : one;
    }
    *ret_count = count;
    return result;
}
