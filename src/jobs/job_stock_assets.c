/* Each asset in its form of protocol v1 (job_stock.def), then the fonts. */
#include "job_stock_doc.h"

enum { NAME_MAX_BYTES = 128 };

/* A name that is one file on every system, and none of those that we or the worker give. */
static bool plain_name(struct str s)
{
    if (s.len == 0 || s.len > NAME_MAX_BYTES || s.ptr[0] == '.' ||
        (s.ptr[0] >= '0' && s.ptr[0] <= '9') || s.ptr[s.len - 1] == '.')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            !(c != '\0' && strchr("._- ()+", c)))
            return false;
    }
    struct str begin = str_slice(s, 0, str_find(s, '.'));
    return !str_equal_nocase(begin, STR("template")) && !str_equal_nocase(begin, STR("result")) &&
           !str_equal_nocase(begin, STR("aerender")) && !str_starts(s, STR("nexrender-"));
}

static bool taken(const struct job_stock_doc *d, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (str_equal_nocase(d->read->assets[i].name, d->read->assets[index].name) &&
            str_is(d->read->assets[i].type, "static"))
            return true;
    }
    return false;
}

static void put_name(struct job_stock_doc *d, size_t index)
{
    const struct job_stock_asset *asset = &d->read->assets[index];
    struct arena *a = d->lease->arena;
    if (str_is(asset->type, "static") && plain_name(asset->name) && !taken(d, index)) {
        json_out_member_str(&d->out, "name", asset->name);
        return;
    }
    struct str extension = job_stock_extension(asset->src, a);
    json_out_member_str(&d->out, "name",
                        arena_printf(a, "%zu%.*s", index, (int)extension.len, extension.ptr));
}

static void put_layer(struct job_stock_doc *d, const struct job_stock_asset *asset)
{
    job_stock_doc_copy(d, "layerName", asset->layer_name);
    job_stock_doc_copy(d, "layerIndex", asset->layer_index);
    job_stock_doc_copy(d, "composition", asset->composition);
}

static enum err put_value(struct job_stock_doc *d, const struct job_stock_asset *asset)
{
    put_layer(d, asset);
    if (!asset->kind->property) {
        job_stock_doc_copy(d, "property", asset->property);
        job_stock_doc_copy(d, "value", asset->value);
        job_stock_doc_copy(d, "expression", asset->expression);
        return OK;
    }
    json_out_member_str(&d->out, "property", str_from(asset->kind->property));
    if (asset->value.ptr[0] == '"')
        job_stock_doc_copy(d, "value", asset->value);
    else /* a number to paint */
        json_out_member_str(&d->out, "value", asset->value);
    return OK;
}

static enum err put_file(struct job_stock_doc *d, const struct job_stock_asset *asset, size_t index)
{
    put_name(d, index);
    put_layer(d, asset);
    job_stock_doc_copy(d, "sequence", asset->sequence);
    job_stock_doc_copy(d, "removeOld", asset->remove_old);
    return job_stock_doc_source(d, asset->src, asset->headers,
                                arena_printf(d->lease->arena, "/assets/%zu", index));
}

static enum err put_script(struct job_stock_doc *d, const struct job_stock_asset *asset,
                           size_t index)
{
    job_stock_doc_copy(d, "parameters", asset->parameters);
    job_stock_doc_copy(d, "keyword", asset->keyword);
    job_stock_doc_copy(d, "defaults", asset->defaults);
    if (asset->src.ptr)
        return put_file(d, asset, index);
    json_out_member_str(&d->out, "name", arena_printf(d->lease->arena, "%zu", index));
    json_out_member_str(&d->out, "extension", STR("jsx"));
    return job_stock_doc_script(d, asset->value);
}

static enum err put_child(struct job_stock_doc *d, const struct job_stock_asset *asset,
                          size_t index)
{
    const struct job_source_child *child = NULL;
    for (size_t i = 0; i < d->sources->child_count; i++) {
        if (d->sources->children[i].asset == index)
            child = &d->sources->children[i];
    }
    if (!child)
        return ERR_INTERNAL;
    json_out_member_str(&d->out, "type", child->image ? STR("image") : STR("video"));
    json_out_member_str(&d->out, "name", child->file_name);
    put_layer(d, asset);
    json_out_member_str(&d->out, "src", child->url);
    return OK;
}

static enum err put_asset(struct job_stock_doc *d, size_t index)
{
    const struct job_stock_asset *asset = &d->read->assets[index];
    enum err e = OK;
    if (asset->kind->way == STOCK_PARAM) /* see put_mogrt */
        return OK;
    json_out_open(&d->out, '{');
    if (asset->kind->as)
        json_out_member_str(&d->out, "type", str_from(asset->kind->as));
    switch (asset->kind->way) {
    case STOCK_VALUE:
        e = put_value(d, asset);
        break;
    case STOCK_FILE:
        e = put_file(d, asset, index);
        break;
    case STOCK_SCRIPT:
        e = put_script(d, asset, index);
        break;
    case STOCK_CHILD:
        e = put_child(d, asset, index);
        break;
    case STOCK_PARAM:
    case STOCK_NEVER:
        return ERR_INTERNAL;
    }
    json_out_close(&d->out, '}');
    return e;
}

enum err job_stock_assets(struct job_stock_doc *d)
{
    json_out_key(&d->out, "assets");
    json_out_open(&d->out, '[');
    for (size_t i = 0; i < d->read->asset_count; i++)
        TRY(put_asset(d, i));
    for (size_t i = 0; i < d->sources->font_count; i++) {
        json_out_open(&d->out, '{');
        json_out_member_str(&d->out, "type", STR("static"));
        json_out_member_str(&d->out, "name", d->sources->fonts[i].name);
        json_out_member_str(&d->out, "src", d->sources->fonts[i].url);
        json_out_close(&d->out, '}');
    }
    json_out_close(&d->out, ']');
    return OK;
}
