/* Settings: the kind of file that comes out. */
#include "job_rules.h"

struct settings {
    struct str type, frames, quality, codec, engine;
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

enum { FRAME_MAX = 1000000000 };

/* A frame, or [first, last]. */
static bool frames_valid(struct str raw)
{
    uint64_t frame[2] = {0, 0};
    if (str_to_u64(raw, FRAME_MAX, &frame[0]) == OK)
        return true;
    if (!raw.len || raw.ptr[0] != '[')
        return false;
    struct json_elements e;
    struct str element;
    size_t count = 0;
    json_elements_init(&e, raw);
    while (json_elements_next(&e, &element)) {
        if (count == 2 || str_to_u64(element, FRAME_MAX, &frame[count]) != OK)
            return false;
        count++;
    }
    return count == 2 && frame[0] <= frame[1];
}

/* Codecs go by their long id (video_h264_vbr_15mbps) or the short one (h264_vbr_15mbps). */
static struct str extension_of(const struct settings *s)
{
    struct str codec = s->codec;
    if (str_starts(codec, STR("video_")) || str_starts(codec, STR("image_")))
        codec = str_slice(codec, sizeof "video_" - 1, codec.len);
    if (str_starts(codec, STR("prores")))
        return STR(".mov");
    if (str_starts(codec, STR("png")))
        return STR(".png");
    if (str_starts(codec, STR("jpeg")) || str_starts(codec, STR("jpg")))
        return STR(".jpg");
    if (str_is(s->type, "image"))
        return STR(".png");
    return str_is(s->type, "aep") ? STR(".aep") : STR(".mp4");
}

enum err job_rules_settings(struct job_rules *r, struct str object, struct str *ret_extension)
{
    struct settings s = {.type = STR_EMPTY, .codec = STR_EMPTY};
    enum err e = job_rules_only(r, object, STR("/settings"), KNOWN);
    TRY(json_decode(object, SETTINGS, ARRAY_LEN(SETTINGS), STR("/settings"), r->problems, &s));
    if (s.type.len && !job_rules_one_of(s.type, FILE_TYPES))
        e = problems_add(r->problems, STR("/settings/type"), "must be video, image or aep");
    if (s.quality.len && !job_rules_one_of(s.quality, QUALITIES))
        e = problems_add(r->problems, STR("/settings/quality"), "must be draft or full");
    if (s.codec.len && !job_rules_word(s.codec, "_"))
        e = problems_add(r->problems, STR("/settings/codec"),
                         "must be a codec's id such as video_h264_vbr_15mbps");
    if (s.engine.len && !job_rules_word(s.engine, ""))
        e = problems_add(r->problems, STR("/settings/engine"), "must be of a-z 0-9 -");
    bool frames = s.frames.len && !str_is(s.frames, "null");
    if (frames && !frames_valid(s.frames))
        e = problems_add(r->problems, STR("/settings/frames"),
                         "must be a frame's number or [first, last]");
    if (!frames && str_is(s.type, "image"))
        e = problems_add(r->problems, STR("/settings/frames"), "is required for an image");
    *ret_extension = extension_of(&s);
    return e;
}
