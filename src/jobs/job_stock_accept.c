/* POST /api/v1/jobs: a job of the open-source farm as one of ours. */
#include "job_rules.h"
#include "job_stock.h"
#include "json_encode.h"

struct v1 {
    struct str template, assets, tags, priority, actions;
};
static const struct json_field V1[] = {
    JSON_FIELD(struct v1, template, "template", JSON_AS_OBJECT, JSON_REQUIRED, 0),
    JSON_FIELD(struct v1, assets, "assets", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct v1, tags, "tags", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct v1, priority, "priority", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct v1, actions, "actions", JSON_AS_OBJECT, JSON_NULLABLE, 0),
};

struct v1_template {
    struct str src, composition, extension, id;
    struct str first, last; /* raw */
};
static const struct json_field TEMPLATE[] = {
    JSON_FIELD(struct v1_template, src, "src", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY,
               JOB_URL_MAX_BYTES),
    JSON_FIELD(struct v1_template, composition, "composition", JSON_AS_STR,
               JSON_REQUIRED | JSON_NOT_EMPTY, JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct v1_template, extension, "outputExt", JSON_AS_STR, JSON_NULLABLE,
               JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct v1_template, id, "id", JSON_AS_STR, JSON_NULLABLE, JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct v1_template, first, "frameStart", JSON_AS_RAW, JSON_NULLABLE, 0),
    JSON_FIELD(struct v1_template, last, "frameEnd", JSON_AS_RAW, JSON_NULLABLE, 0),
};

bool job_stock_has_actions(struct str v1)
{
    struct problems unused;
    AUTO(arena) struct arena a = arena_make();
    struct v1 job = {0};
    struct json_members m;
    struct str key, list, action;
    problems_init(&unused, &a);
    if (json_decode(v1, &V1[ARRAY_LEN(V1) - 1], 1, STR_EMPTY, &unused, &job) != OK ||
        !job.actions.ptr)
        return false;
    json_members_init(&m, job.actions);
    while (json_members_next(&m, &key, &list)) {
        struct json_elements e;
        json_elements_init(&e, list);
        if (json_elements_next(&e, &action))
            return true;
    }
    return false;
}

static enum err put_settings(struct json_out *o, const struct v1_template *t,
                             struct problems *problems)
{
    static const struct {
        const char *extension, *type, *codec;
    } known[] = {{"mov", "video", "video_prores_422"},
                 {"png", "image", "image_png"},
                 {"jpg", "image", "image_jpeg"},
                 {"jpeg", "image", "image_jpeg"}};
    if (!t->extension.len || str_is(t->extension, "mp4"))
        return OK;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!str_is(t->extension, known[i].extension))
            continue;
        bool image = str_is(STR("image"), known[i].type);
        if (image && !(t->first.ptr && str_equal(t->first, t->last)))
            return problems_add(problems, STR("/template/frameStart"),
                                "must be frameEnd: an image is one frame");
        json_out_key(o, "settings");
        json_out_open(o, '{');
        json_out_member_str(o, "type", str_from(known[i].type));
        json_out_member_str(o, "codec", str_from(known[i].codec));
        if (image) {
            json_out_key(o, "frames");
            json_out_raw(o, t->first);
        }
        json_out_close(o, '}');
        return OK;
    }
    return problems_add(problems, STR("/template/outputExt"), "must be mp4, mov, png or jpg");
}

/* As it stands; one of ours needs an id. */
static void put_template(struct json_out *o, struct str raw, const struct v1_template *t)
{
    struct json_members m;
    struct str key, value;
    json_out_key(o, "template");
    json_out_open(o, '{');
    if (!t->id.len)
        json_out_member_str(o, "id", STR("v1"));
    json_members_init(&m, raw);
    while (json_members_next(&m, &key, &value)) {
        if (str_is(key, "id") && !t->id.len)
            continue;
        json_out_raw(o, str_bytes(key.ptr - 1, key.len + 2)); /* with its quotes */
        o->comma = false;
        if (o->err == OK)
            o->err = buf_put(o->buf, STR(":"));
        json_out_raw(o, value);
    }
    json_out_close(o, '}');
}

static void put_raw(struct json_out *o, const char *key, struct str raw)
{
    if (!raw.ptr)
        return;
    json_out_key(o, key);
    json_out_raw(o, raw);
}

enum err job_stock_accept(struct str v1, struct arena *a, struct problems *problems,
                          struct str *ret_payload)
{
    struct v1 job = {0};
    struct v1_template template = {.id = STR_EMPTY};
    TRY(json_decode(v1, V1, ARRAY_LEN(V1), STR_EMPTY, problems, &job));
    TRY(json_decode(job.template, TEMPLATE, ARRAY_LEN(TEMPLATE), STR("/template"), problems,
                    &template));
    AUTO(buf) struct buf text = buf_make(2 * JOB_PAYLOAD_MAX_BYTES);
    struct json_out o = json_out_make(&text);
    json_out_open(&o, '{');
    put_template(&o, job.template, &template);
    put_raw(&o, "assets", job.assets);
    put_raw(&o, "tags", job.tags);
    put_raw(&o, "priority", job.priority);
    TRY(put_settings(&o, &template, problems));
    json_out_close(&o, '}');
    TRY(json_out_end(&o));
    *ret_payload = arena_str(a, buf_str(&text));
    return OK;
}
