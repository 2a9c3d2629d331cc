#include "job_function.h"

#include "json_decode.h"
#include "json_escapes.h"

/* The value of the object's member. Nothing is copied: it may hold values. */
static bool member(struct str object, const char *name, struct str *ret)
{
    struct json_members m;
    struct str key, value;
    json_members_init(&m, object);
    while (json_members_next(&m, &key, &value)) {
        bool escaped = str_find(key, '\\') < key.len;
        if ((escaped || key.len == strlen(name)) && json_raw_is(key, escaped, str_from(name))) {
            *ret = value;
            return true;
        }
    }
    return false;
}

/* The array that names several layers. */
static bool layers_of(struct str asset, struct str *ret)
{
    struct str type, params, layers;
    if (!member(asset, "type", &type) || type.len < 2 ||
        !json_raw_is(str_slice(type, 1, type.len - 1), true, STR("function")))
        return false;
    if (!member(asset, "params", &params) || !member(params, "layerName", &layers) ||
        layers.ptr[0] != '[')
        return false;
    *ret = layers;
    return true;
}

static size_t count_of(struct str array, size_t *ret_bytes)
{
    struct json_elements e;
    struct str element;
    size_t count = 0;
    *ret_bytes = 0;
    json_elements_init(&e, array);
    for (; json_elements_next(&e, &element); count++)
        *ret_bytes += element.len;
    return count;
}

void job_function_size(struct str assets, size_t *ret_count, size_t *ret_bytes)
{
    struct json_elements e;
    struct str asset, layers;
    size_t count = 0, bytes = 0, names;
    json_elements_init(&e, assets);
    while (json_elements_next(&e, &asset)) {
        if (layers_of(asset, &layers)) {
            size_t times = count_of(layers, &names);
            count += times;
            bytes += times * (asset.len - layers.len) + names;
        } else {
            count++;
            bytes += asset.len;
        }
    }
    *ret_count = count;
    *ret_bytes = bytes;
}

static enum err put_for_layers(struct str asset, struct str layers, struct buf *out)
{
    struct json_elements e;
    struct str layer;
    size_t before = (size_t)(layers.ptr - asset.ptr);
    json_elements_init(&e, layers);
    while (json_elements_next(&e, &layer)) {
        if (e.index)
            TRY(buf_put_byte(out, ','));
        TRY(buf_put(out, str_slice(asset, 0, before)));
        TRY(buf_put(out, layer));
        TRY(buf_put(out, str_slice(asset, before + layers.len, asset.len)));
    }
    return OK;
}

enum err job_function_expand(struct str job, struct buf *out)
{
    struct json_elements e;
    struct str assets, asset, layers;
    size_t done = 0, names; /* done: of the job's bytes */
    if (!member(job, "assets", &assets))
        return buf_put(out, job);
    json_elements_init(&e, assets);
    while (json_elements_next(&e, &asset)) {
        if (asset.ptr[0] != '{' || !layers_of(asset, &layers) || !count_of(layers, &names))
            continue;
        size_t begin = (size_t)(asset.ptr - job.ptr);
        TRY(buf_put(out, str_slice(job, done, begin)));
        TRY(put_for_layers(asset, layers, out));
        done = begin + asset.len;
    }
    return buf_put(out, str_slice(job, done, job.len));
}
