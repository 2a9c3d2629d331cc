/* Settings: the kind of file that comes out. */
#include "job_rules.h"

struct settings {
    struct str type, frames, quality, codec, engine, preset;
};
static const struct json_field SETTINGS[] = {
    JSON_FIELD(struct settings, type, "type", JSON_AS_STR, JSON_NULLABLE, JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct settings, frames, "frames", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct settings, quality, "quality", JSON_AS_STR, JSON_NULLABLE, JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct settings, codec, "codec", JSON_AS_STR, JSON_NULLABLE, JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct settings, engine, "engine", JSON_AS_STR, JSON_NULLABLE, JOB_WORD_MAX_BYTES),
};
static const char *const KNOWN[] = {"type", "frames", "quality", "codec", "engine", NULL};
static const char *const FILE_TYPES[] = {"video", "image", "aep", NULL};
static const char *const QUALITIES[] = {"draft", "full", NULL};
static const char *const ENGINES[] = {"ae2025", "ae2026", NULL};

enum { FRAME_MAX = 1000000000 };

/* A frame, or [first, last]. */
static bool read_frames(struct str raw, uint64_t ret[static 2])
{
    if (str_to_u64(raw, FRAME_MAX, &ret[0]) == OK) {
        ret[1] = ret[0];
        return true;
    }
    if (!raw.len || raw.ptr[0] != '[')
        return false;
    struct json_elements e;
    struct str element;
    size_t count = 0;
    json_elements_init(&e, raw);
    while (json_elements_next(&e, &element)) {
        if (count == 2 || str_to_u64(element, FRAME_MAX, &ret[count]) != OK)
            return false;
        count++;
    }
    return count == 2 && ret[0] <= ret[1];
}

/* Codecs go by their long id (video_h264_vbr_15mbps) or the short one (h264_vbr_15mbps). */
static const struct codec_family {
    const char *begins, *type, *extension;
} FAMILIES[] = {
    {"prores", "video", ".mov"}, {"h264", "video", ".mp4"}, {"png", "image", ".png"},
    {"jpeg", "image", ".jpg"},   {"jpg", "image", ".jpg"},
};

static struct str short_codec(struct str codec)
{
    if (str_starts(codec, STR("video_")) || str_starts(codec, STR("image_")))
        return str_slice(codec, sizeof "video_" - 1, codec.len);
    return codec;
}

static const struct codec_family *family_of(struct str codec)
{
    for (size_t i = 0; i < ARRAY_LEN(FAMILIES); i++) {
        if (str_starts(short_codec(codec), str_from(FAMILIES[i].begins)))
            return &FAMILIES[i];
    }
    return NULL;
}

/* What the codec makes; without one that says it, what `type` asks for, else a video. */
static struct str type_of(struct str type, struct str codec)
{
    const struct codec_family *family = family_of(codec);
    if (type.len)
        return type;
    if (str_starts(codec, STR("image_")) || str_starts(codec, STR("video_")))
        return str_slice(codec, 0, sizeof "video" - 1);
    return family ? str_from(family->type) : STR("video");
}

static struct str long_codec(struct job_rules *r, struct str type, struct str codec)
{
    if (str_is(type, "aep"))
        return STR_EMPTY;
    if (!codec.len)
        return str_is(type, "image") ? STR("image_png") : STR("video_h264_vbr_15mbps");
    struct str rest = short_codec(codec);
    if (str_is(rest, "jpg"))
        rest = STR("jpeg");
    return arena_printf(r->arena, "%.*s_%.*s", (int)type.len, type.ptr, (int)rest.len, rest.ptr);
}

static struct str extension_of(struct str type, struct str codec)
{
    const struct codec_family *family = family_of(codec);
    if (str_is(type, "aep"))
        return STR(".aep");
    if (family && str_is(type, family->type))
        return str_from(family->extension);
    return str_is(type, "image") ? STR(".png") : STR(".mp4");
}

static enum err check_words(struct job_rules *r, const struct settings *s, bool nested)
{
    enum err e = OK;
    if (s->type.len && !job_rules_one_of(s->type, FILE_TYPES))
        e = job_rules_add(r, "/settings/type", "must be video, image or aep");
    else if (nested && str_is(s->type, "aep"))
        e = job_rules_add(r, "/settings/type", "must be video or image in a nested job");
    if (s->quality.len && !job_rules_one_of(s->quality, QUALITIES))
        e = job_rules_add(r, "/settings/quality", "must be draft or full");
    if (s->engine.len && !job_rules_one_of(s->engine, ENGINES))
        e = job_rules_add(r, "/settings/engine", "must be ae2025 or ae2026");
    if (s->codec.len && !job_rules_word(s->codec, "_"))
        return job_rules_add(r, "/settings/codec",
                             "must be a codec's id such as video_h264_vbr_15mbps");
    if (e == OK && s->codec.len && s->type.len && !str_is(s->type, "aep") &&
        !str_equal(type_of(STR_EMPTY, s->codec), s->type) &&
        (family_of(s->codec) || !str_equal(short_codec(s->codec), s->codec)))
        e = job_rules_add(r, "/settings/codec", "does not make what settings.type asks for");
    return e;
}

enum err job_rules_settings(struct job_rules *r, struct str object, bool nested,
                            struct job_settings *ret)
{
    struct settings s = {.type = STR_EMPTY, .codec = STR_EMPTY};
    uint64_t frame[2] = {0, 0};
    enum err e = OK;
    if (object.len) {
        struct str at = job_rules_at(r, "/settings");
        e = job_rules_only(r, object, at, KNOWN);
        TRY(json_decode(object, SETTINGS, ARRAY_LEN(SETTINGS), at, r->problems, &s));
        enum err words = check_words(r, &s, nested);
        e = e == OK ? words : e;
    }
    bool frames = s.frames.len && !str_is(s.frames, "null");
    if (frames && !read_frames(s.frames, frame))
        e = job_rules_add(r, "/settings/frames", "must be a frame's number or [first, last]");
    struct str type = type_of(s.type, s.codec);
    if (!frames && str_is(type, "image"))
        e = job_rules_add(r, "/settings/frames", "is required for an image");
    *ret = (struct job_settings){.type = type,
                                 .codec = long_codec(r, type, s.codec),
                                 .quality = s.quality.len ? s.quality : STR("full"),
                                 .engine = s.engine.len ? s.engine : STR("ae2026"),
                                 .extension = extension_of(type, s.codec),
                                 .frames = frames,
                                 .first = frame[0],
                                 .last = frame[1]};
    return e;
}

enum err job_rules_join_settings(struct job_rules *r, struct str object)
{
    static const struct json_field fields[] = {
        JSON_FIELD(struct settings, preset, "preset", JSON_AS_STR, JSON_NULLABLE,
                   JOB_WORD_MAX_BYTES),
    };
    static const char *const known[] = {"preset", NULL};
    struct settings s = {.preset = STR_EMPTY};
    struct str at = job_rules_at(r, "/settings");
    enum err e = job_rules_only(r, object, at, known);
    TRY(json_decode(object, fields, ARRAY_LEN(fields), at, r->problems, &s));
    if (s.preset.len && !str_is(s.preset, "mp4"))
        e = job_rules_add(r, "/settings/preset", "must be mp4, the only preset");
    return e;
}
