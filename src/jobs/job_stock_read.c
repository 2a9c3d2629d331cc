#include "job_stock_read.h"

#include "json_decode.h"

static const struct job_stock_kind KINDS[] = {
#define STOCK(type, as, way, property, words) {type, as, way, property},
#include "job_stock.def"
#undef STOCK
};

struct top {
    struct str template, assets, fonts;
    bool preview;
};
static const struct json_field TOP[] = {
    JSON_FIELD(struct top, template, "template", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, assets, "assets", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, fonts, "fonts", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, preview, "preview", JSON_AS_BOOL, JSON_NULLABLE, 0),
};

#define RAW(type, member, name) JSON_FIELD(type, member, name, JSON_AS_RAW, JSON_NULLABLE, 0)

static const struct json_field TEMPLATE[] = {
    JSON_FIELD(struct job_stock_template, id, "id", JSON_AS_STR, JSON_NULLABLE, JOB_TEXT_MAX_BYTES),
    RAW(struct job_stock_template, src, "src"),
    RAW(struct job_stock_template, composition, "composition"),
    RAW(struct job_stock_template, frame_start, "frameStart"),
    RAW(struct job_stock_template, frame_end, "frameEnd"),
    RAW(struct job_stock_template, frame_increment, "incrementFrame"),
    RAW(struct job_stock_template, output_module, "outputModule"),
    RAW(struct job_stock_template, settings_template, "settingsTemplate"),
    RAW(struct job_stock_template, render_settings, "renderSettings"),
    RAW(struct job_stock_template, output_settings, "outputSettings"),
    RAW(struct job_stock_template, continue_on_missing, "continueOnMissing"),
    RAW(struct job_stock_template, decompressed, "decompressed"),
    RAW(struct job_stock_template, named, "type"),
};

struct asset_text {
    struct str type, name, params;
    struct job_stock_asset asset;
};
static const struct json_field ASSET[] = {
    JSON_FIELD(struct asset_text, type, "type", JSON_AS_STR, JSON_NULLABLE, JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct asset_text, name, "name", JSON_AS_STR, JSON_NULLABLE, JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct asset_text, params, "params", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    RAW(struct asset_text, asset.src, "src"),
    RAW(struct asset_text, asset.value, "value"),
    RAW(struct asset_text, asset.layer_name, "layerName"),
    RAW(struct asset_text, asset.layer_index, "layerIndex"),
    RAW(struct asset_text, asset.composition, "composition"),
    RAW(struct asset_text, asset.property, "property"),
    RAW(struct asset_text, asset.expression, "expression"),
    RAW(struct asset_text, asset.sequence, "sequence"),
    RAW(struct asset_text, asset.remove_old, "removeOld"),
    RAW(struct asset_text, asset.parameters, "parameters"),
    RAW(struct asset_text, asset.keyword, "keyword"),
    RAW(struct asset_text, asset.defaults, "defaults"),
};
static const struct json_field PARAMS[] = {RAW(struct job_stock_asset, headers, "headers")};

/* An empty string says as little as no string. */
static void drop_empty(struct str *raw)
{
    if (str_is(*raw, "\"\""))
        *raw = (struct str){NULL, 0};
}

static enum err read_asset(struct str raw, struct problems *unused, struct job_stock_asset *ret)
{
    struct asset_text t = {.type = STR_EMPTY, .name = STR_EMPTY};
    TRY(json_decode(raw, ASSET, ARRAY_LEN(ASSET), STR_EMPTY, unused, &t));
    if (t.params.ptr)
        TRY(json_decode(t.params, PARAMS, ARRAY_LEN(PARAMS), STR_EMPTY, unused, &t.asset));
    t.asset.raw = raw;
    t.asset.type = t.type;
    t.asset.name = t.name;
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (str_is(t.type, KINDS[i].type))
            t.asset.kind = &KINDS[i];
    }
    drop_empty(&t.asset.src);
    drop_empty(&t.asset.layer_name);
    drop_empty(&t.asset.composition);
    drop_empty(&t.asset.property);
    drop_empty(&t.asset.expression);
    *ret = t.asset;
    return t.asset.kind ? OK : ERR_INVALID;
}

static enum err read_assets(struct str array, struct arena *a, struct problems *unused,
                            struct job_stock_read *ret)
{
    struct json_elements e;
    struct str element;
    json_elements_init(&e, array);
    while (json_elements_next(&e, &element))
        ret->asset_count++;
    ret->assets = arena_array(a, ret->asset_count + 1, sizeof *ret->assets);
    json_elements_init(&e, array);
    while (json_elements_next(&e, &element))
        TRY(read_asset(element, unused, &ret->assets[e.index]));
    return OK;
}

static enum err read_fonts(struct str array, struct arena *a, struct job_stock_read *ret)
{
    struct json_elements e;
    struct str element;
    ret->fonts = arena_array(a, JOB_FONTS_MAX, sizeof *ret->fonts);
    json_elements_init(&e, array);
    while (json_elements_next(&e, &element) && ret->font_count < JOB_FONTS_MAX) {
        AUTO(buf) struct buf name = buf_make(JOB_TEXT_MAX_BYTES);
        if (element.len < 2 || element.ptr[0] != '"')
            continue;
        TRY(json_unescape(str_slice(element, 1, element.len - 1), &name));
        ret->fonts[ret->font_count++] = arena_str(a, buf_str(&name));
    }
    return OK;
}

struct str job_stock_extension(struct str raw_src, struct arena *a)
{
    enum { EXTENSION_MAX = 8 };
    struct str path = str_slice(raw_src, 1, raw_src.len ? raw_src.len - 1 : 0);
    path = str_slice(path, 0, str_find(path, '?'));
    path = str_slice(path, 0, str_find(path, '#'));
    size_t dot = path.len;
    while (dot > 0 && path.ptr[dot - 1] != '.')
        dot--;
    struct str word = str_slice(path, dot, path.len);
    if (dot == 0 || word.len == 0 || word.len > EXTENSION_MAX)
        return STR_EMPTY;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
            return STR_EMPTY;
    }
    return arena_printf(a, ".%.*s", (int)word.len, word.ptr);
}

/* As it says itself, else by its address. */
static enum template_type type_of(const struct job_stock_template *t, struct arena *a)
{
    enum template_type type;
    struct str extension = job_stock_extension(t->src, a);
    if (t->named.len > 2 && template_type_from(str_slice(t->named, 1, t->named.len - 1), &type))
        return type;
    if (str_equal_nocase(extension, STR(".mogrt")))
        return TEMPLATE_MOGRT;
    return str_equal_nocase(extension, STR(".zip")) ? TEMPLATE_ZIP : TEMPLATE_AEP;
}

enum err job_stock_read(struct str payload, const struct template_row *stored, struct arena *a,
                        struct job_stock_read *ret)
{
    struct problems unused;
    struct top top = {0};
    struct job_stock_read read = {0};
    problems_init(&unused, a);
    TRY(json_decode(payload, TOP, ARRAY_LEN(TOP), STR_EMPTY, &unused, &top));
    if (top.template.ptr)
        TRY(json_decode(top.template, TEMPLATE, ARRAY_LEN(TEMPLATE), STR_EMPTY, &unused,
                        &read.template));
    read.template.raw = top.template;
    drop_empty(&read.template.src);
    drop_empty(&read.template.composition);
    drop_empty(&read.template.decompressed);
    read.template.type = stored ? stored->type : type_of(&read.template, a);
    if (top.assets.ptr)
        TRY(read_assets(top.assets, a, &unused, &read));
    if (top.fonts.ptr)
        TRY(read_fonts(top.fonts, a, &read));
    read.preview = top.preview;
    *ret = read;
    return OK;
}
