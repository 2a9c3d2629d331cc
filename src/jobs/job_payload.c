#include "job_payload.h"

#include "encode.h"
#include "job_function.h"
#include "job_s3.h"
#include "ulid.h"

struct top {
    struct str template, assets, fonts, settings, upload, webhook, tags, engine, id;
    bool preview;
    double priority;
};
static const struct json_field TOP[] = {
    JSON_FIELD(struct top, template, "template", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, assets, "assets", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, fonts, "fonts", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, settings, "settings", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, upload, "upload", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, webhook, "webhook", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, tags, "tags", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct top, engine, "engine", JSON_AS_STR, JSON_NULLABLE, JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct top, id, "id", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct top, preview, "preview", JSON_AS_BOOL, JSON_NULLABLE, 0),
    JSON_FIELD(struct top, priority, "priority", JSON_AS_NUMBER, JSON_NULLABLE, 0),
};

struct template
{
    struct str id, src, composition, name;
};
static const struct json_field TEMPLATE[] = {
    JSON_FIELD(struct template, id, "id", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY,
               JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct template, src, "src", JSON_AS_STR, JSON_NULLABLE, JOB_URL_MAX_BYTES),
    JSON_FIELD(struct template, composition, "composition", JSON_AS_STR, JSON_NULLABLE,
               JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct template, name, "name", JSON_AS_STR, JSON_NULLABLE, JOB_TEXT_MAX_BYTES),
};

/* The decoder names members of the document itself without a slash; our fields are pointers. */
static enum err decode_top(struct job_rules *r, struct str payload, struct top *ret)
{
    struct problems found;
    problems_init(&found, r->arena);
    enum err e = json_decode(payload, TOP, ARRAY_LEN(TOP), r->at, &found, ret);
    for (size_t i = 0; i < found.count; i++) {
        struct str field = found.list[i].field;
        const char *slash = field.len && field.ptr[0] != '/' ? "/" : "";
        field = arena_printf(r->arena, "%s%.*s", slash, (int)field.len, field.ptr);
        e = problems_add(r->problems, field, found.list[i].message.ptr);
    }
    return e;
}

static bool stored_id_valid(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (!(id.ptr[i] >= 'A' && id.ptr[i] <= 'Z') && !(id.ptr[i] >= '0' && id.ptr[i] <= '9'))
            return false;
    }
    return id.len == ULID_LEN;
}

static bool ends_mogrt(struct str url)
{
    struct str path;
    (void)str_split(url, '?', &path);
    (void)str_split(path, '#', &path);
    enum { DOTTED = sizeof ".mogrt" - 1 };
    return path.len > DOTTED &&
           str_equal_nocase(str_slice(path, path.len - DOTTED, path.len), STR(".mogrt"));
}

static enum err check_template(struct job_rules *r, const struct top *top, struct job_payload *p)
{
    struct template t = {.src = STR_EMPTY};
    bool without = p->engine.len > 0; /* such an engine decides itself what it needs */
    if (!top->template.ptr)
        return without ? OK
                       : job_rules_add(r, "/template",
                                       "is required, unless engine names one that needs none");
    TRY(json_decode(top->template, TEMPLATE, ARRAY_LEN(TEMPLATE), job_rules_at(r, "/template"),
                    r->problems, &t));
    if (t.src.len && !job_rules_url(t.src))
        return job_rules_add(r, "/template/src",
                             "must be an http or https address, without a user in it");
    if (!t.src.len && !without && !stored_id_valid(t.id))
        return job_rules_add(r, "/template/id",
                             "must be the id of a template: 26 of A-Z 0-9; or give src beside it");
    p->template_id = t.id;
    p->stored_template = !t.src.len && !without;
    p->composition = t.composition.len > 0;
    p->mogrt = ends_mogrt(t.src);
    return OK;
}

static enum err check_fonts(struct job_rules *r, struct str array, struct job_payload *p)
{
    struct json_elements e;
    struct str element;
    p->fonts = arena_array(r->arena, JOB_FONTS_MAX, sizeof *p->fonts);
    json_elements_init(&e, array);
    while (json_elements_next(&e, &element)) {
        struct str *text = &p->fonts[p->font_count];
        if (p->font_count == JOB_FONTS_MAX)
            return problems_addf(r->problems, job_rules_at(r, "/fonts"),
                                 "may hold at most %d names", JOB_FONTS_MAX);
        if (!job_rules_string(r, element, JOB_TEXT_MAX_BYTES, text) || !text->len)
            return job_rules_add(r, "/fonts", "must hold file names only");
        p->font_count++;
    }
    return OK;
}

static enum err check_scalars(struct job_rules *r, const struct top *top, struct job_payload *p)
{
    enum err e = OK;
    if (top->engine.ptr && !job_rules_word(top->engine, ""))
        e = job_rules_add(r, "/engine", "must be 1 to 64 of a-z 0-9 -");
    if (top->engine.ptr)
        p->engine = top->engine;
    double whole = top->priority;
    if (!(whole >= -JOB_PRIORITY_MAX && whole <= JOB_PRIORITY_MAX) ||
        whole > (double)(int64_t)whole || whole < (double)(int64_t)whole)
        e = problems_addf(r->problems, job_rules_at(r, "/priority"),
                          "must be a whole number from -%d to %d", JOB_PRIORITY_MAX,
                          JOB_PRIORITY_MAX);
    else
        p->priority = (int64_t)whole;
    if (top->tags.ptr && !str_is(top->tags, "null")) {
        enum err tags = job_rules_tags(r, top->tags, &p->tags);
        e = tags == OK ? e : tags;
    }
    return e;
}

/* The output goes to the parent, and only the parent's end is told to anybody. */
static enum err check_nested(struct job_rules *r, const struct top *top)
{
    enum err e = OK;
    if (top->upload.ptr)
        e = job_rules_add(r, "/upload", "may not stand in a nested job");
    if (top->webhook.ptr)
        e = job_rules_add(r, "/webhook", "may not stand in a nested job");
    return e;
}

static enum err check_assets(struct job_rules *r, const struct top *top, enum job_payload_of of,
                             struct job_payload *p)
{
    bool join = of == JOB_PAYLOAD_JOIN;
    size_t count, bytes;
    if (top->assets.ptr)
        TRY(job_rules_assets(r, top->assets, join ? JOB_ASSETS_OF_JOIN : JOB_ASSETS_OF_RENDER,
                             &p->assets));
    if (join && !p->assets.count)
        return job_rules_add(r, "/assets", "is required: one video or job at least");
    if (!p->assets.functions)
        return OK;
    job_function_size(top->assets, &count, &bytes);
    if (count > JOB_ASSETS_MAX || bytes > JOB_PAYLOAD_MAX_BYTES)
        return problems_addf(r->problems, job_rules_at(r, "/assets"),
                             "may come to at most %d assets and %d bytes, one asset for each layer "
                             "of a function",
                             JOB_ASSETS_MAX, JOB_PAYLOAD_MAX_BYTES);
    return OK;
}

static enum err check_settings(struct job_rules *r, const struct top *top, enum job_payload_of of,
                               struct job_settings *ret)
{
    struct str given = top->preview ? STR_EMPTY : top->settings; /* a preview has its own */
    if (of == JOB_PAYLOAD_JOIN) {
        if (given.ptr && given.len)
            TRY(job_rules_join_settings(r, given));
        given = STR_EMPTY;
    }
    TRY(job_rules_settings(r, given, of == JOB_PAYLOAD_NESTED, ret));
    if (top->preview)
        ret->quality = STR("draft");
    return OK;
}

enum err job_payload_read(struct str payload, enum job_payload_of of, struct str at,
                          struct arena *arena, struct problems *problems, struct job_payload *ret)
{
    struct job_rules r = {arena, problems, at};
    struct top top = {0};
    struct job_payload p = {.template_id = STR_EMPTY, .engine = STR_EMPTY, .tags = STR_EMPTY};
    if (str_trim(payload).len == 0 || str_trim(payload).ptr[0] != '{')
        return problems_add(problems, at, "must be an object");
    enum err e = decode_top(&r, payload, &top);
    if (e != OK && e != ERR_INVALID)
        return e;
    bool nested = of == JOB_PAYLOAD_NESTED;
    enum err each[] = {
        check_scalars(&r, &top, &p),
        of == JOB_PAYLOAD_JOIN ? OK : check_template(&r, &top, &p),
        check_assets(&r, &top, of, &p),
        top.fonts.ptr ? check_fonts(&r, top.fonts, &p) : OK,
        check_settings(&r, &top, of, &p.settings),
        nested ? check_nested(&r, &top) : OK,
        top.upload.ptr && !nested ? job_rules_upload(&r, top.upload, &p.upload) : OK,
        top.webhook.ptr && !nested ? job_rules_webhook(&r, top.webhook) : OK,
    };
    p.has_upload = top.upload.ptr != NULL;
    for (size_t i = 0; i < ARRAY_LEN(each); i++)
        e = e == OK ? each[i] : e;
    *ret = p;
    return e;
}

enum err job_payload_settings(struct str payload, struct arena *arena, struct job_settings *ret)
{
    struct problems unused;
    struct top top = {0};
    problems_init(&unused, arena);
    struct job_rules r = {arena, &unused, STR_EMPTY};
    TRY(json_decode(payload, TOP, ARRAY_LEN(TOP), STR(""), &unused, &top));
    return check_settings(&r, &top, JOB_PAYLOAD_RENDER, ret);
}

/* base, then piece, with exactly one slash between them. */
static struct str join(struct arena *arena, struct str base, struct str piece)
{
    while (str_ends(base, STR("/")))
        base.len--;
    while (str_starts(piece, STR("/")))
        piece = str_slice(piece, 1, piece.len);
    if (!piece.len)
        return base;
    return arena_printf(arena, "%.*s/%.*s", (int)base.len, base.ptr, (int)piece.len, piece.ptr);
}

/* A prefix is part of an object's key: what an address cannot hold is percent-encoded, as it is
 * when the file is sent. Reference text stays as it is. */
static struct str encoded(struct arena *arena, struct str prefix)
{
    AUTO(buf) struct buf out = buf_make(3 * JOB_TEXT_MAX_BYTES);
    for (size_t i = 0; i < prefix.len; i++) {
        struct str byte = str_slice(prefix, i, i + 1);
        bool kept = byte.ptr[0] != '\0' && strchr("${}@", byte.ptr[0]);
        ASSERT((kept ? buf_put(&out, byte) : encode_percent(&out, byte, true)) == OK);
    }
    return arena_str(arena, buf_str(&out));
}

struct str job_payload_output_url(const struct job_payload *p, struct str file_name,
                                  struct arena *arena)
{
    if (!p->has_upload)
        return STR_EMPTY;
    const struct job_upload *u = &p->upload;
    AUTO(buf) struct buf bucket = buf_make(8 * JOB_URL_MAX_BYTES);
    struct str base = u->output_url;
    if (!base.len) {
        ASSERT(job_s3_base(u->endpoint, u->region, u->bucket, &bucket) == OK);
        base = buf_str(&bucket);
    }
    return join(arena, join(arena, base, encoded(arena, u->prefix)), file_name);
}

struct asset_place {
    struct str type, src, params;
};
static const struct json_field ASSET_PLACE[] = {
    JSON_FIELD(struct asset_place, type, "type", JSON_AS_STR, JSON_OPTIONAL, JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct asset_place, src, "src", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct asset_place, params, "params", JSON_AS_OBJECT, JSON_NULLABLE, 0),
};
static const struct json_field PARAMS_PLACE[] = {
    JSON_FIELD(struct job_part_asset, headers, "headers", JSON_AS_RAW, JSON_OPTIONAL, 0),
};

static const struct json_field TEMPLATE_PLACE[] = {
    JSON_FIELD(struct job_parts, template_src, "src", JSON_AS_RAW, JSON_OPTIONAL, 0),
};

static enum err find_asset(struct str raw, struct problems *unused, struct job_part_asset *ret)
{
    struct asset_place place = {0};
    struct job_part_asset asset = {.raw = raw};
    TRY(json_decode(raw, ASSET_PLACE, ARRAY_LEN(ASSET_PLACE), STR(""), unused, &place));
    asset.job = str_is(place.type, "job");
    if (place.params.ptr)
        TRY(json_decode(place.params, PARAMS_PLACE, ARRAY_LEN(PARAMS_PLACE), STR(""), unused,
                        &asset));
    asset.src = place.src;
    *ret = asset;
    return OK;
}

enum err job_parts_find(struct str payload, struct arena *arena, struct job_parts *ret)
{
    struct problems unused;
    struct top top = {0};
    problems_init(&unused, arena);
    TRY(json_decode(payload, TOP, ARRAY_LEN(TOP), STR(""), &unused, &top));
    struct job_parts parts = {.payload = payload,
                              .id = top.id,
                              .template = top.template,
                              .upload = top.upload,
                              .webhook = top.webhook};
    if (top.template.ptr)
        TRY(json_decode(top.template, TEMPLATE_PLACE, ARRAY_LEN(TEMPLATE_PLACE), STR(""), &unused,
                        &parts));
    struct json_elements e;
    struct str element;
    if (top.assets.ptr) {
        json_elements_init(&e, top.assets);
        while (json_elements_next(&e, &element))
            parts.asset_count++;
        parts.assets = arena_array(arena, parts.asset_count + 1, sizeof *parts.assets);
        json_elements_init(&e, top.assets);
        while (json_elements_next(&e, &element))
            TRY(find_asset(element, &unused, &parts.assets[e.index]));
    }
    *ret = parts;
    return OK;
}

bool job_parts_nested(const struct job_parts *parts, size_t offset)
{
    for (size_t i = 0; i < parts->asset_count; i++) {
        if (parts->assets[i].job && job_part_holds(parts, parts->assets[i].raw, offset))
            return true;
    }
    return false;
}

bool job_parts_exposes(const struct job_parts *parts, size_t offset)
{
    if (job_part_holds(parts, parts->upload, offset) ||
        job_part_holds(parts, parts->webhook, offset) ||
        job_part_holds(parts, parts->template_src, offset))
        return false;
    for (size_t i = 0; i < parts->asset_count; i++) {
        const struct job_part_asset *asset = &parts->assets[i];
        if (job_part_holds(parts, asset->src, offset) ||
            job_part_holds(parts, asset->headers, offset) ||
            (asset->job && job_part_holds(parts, asset->raw, offset)))
            return false;
    }
    return true;
}
