/* The engine that ships with the product: reads job.json in its folder and makes mp4 (or mov, png,
 * jpg) of it with ffmpeg. */
#include "engine_ffmpeg.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "io.h"
#include "json_decode.h"
#include "limit.h"

enum { FRAMES_MAX = 250000 };

static const struct json_field settings_fields[] = {
    JSON_FIELD(struct engine_settings, codec, "codec", JSON_AS_STR, JSON_NULLABLE, 64),
    JSON_FIELD(struct engine_settings, quality, "quality", JSON_AS_STR, JSON_NULLABLE, 64),
    JSON_FIELD(struct engine_settings, frames, "frames", JSON_AS_RAW, JSON_NULLABLE, 0),
};
struct job {
    struct str assets, settings, fonts;
    bool preview, join;
};
static const struct json_field job_fields[] = {
    JSON_FIELD(struct job, assets, "assets", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct job, settings, "settings", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct job, fonts, "fonts", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct job, preview, "preview", JSON_AS_BOOL, JSON_NULLABLE, 0),
    JSON_FIELD(struct job, join, "join", JSON_AS_BOOL, JSON_NULLABLE, 0),
};

struct font {
    struct str path;
};
static const struct json_field font_fields[] = {
    JSON_FIELD(struct font, path, "path", JSON_AS_STR, JSON_OPTIONAL, 80),
};

int engine_fail(const char *why)
{
    fprintf(stderr, "ffmpeg engine: %s\n", why);
    return 1;
}

int engine_fail_asset(size_t index, const char *why)
{
    fprintf(stderr, "ffmpeg engine: asset %zu %s\n", index, why);
    return 1;
}

int engine_fail_tool(int code)
{
    return code == 127 ? engine_fail("ffmpeg is not installed (apt-get install ffmpeg)") : code;
}

bool engine_is_draft(const struct engine_plan *p)
{
    return p->preview || str_is(p->settings.quality, "draft");
}

void engine_progress(uint64_t percent)
{
    static uint64_t last = UINT64_MAX;
    if (percent != last)
        printf("PROGRESS: %llu\n", (unsigned long long)percent);
    fflush(stdout);
    last = percent;
}

/* A number of frames, or [first, last]. */
static uint64_t frames_of(struct str raw)
{
    uint64_t a, b;
    if (str_to_u64(raw, FRAMES_MAX, &a) == OK)
        return a;
    struct str first, rest = str_split(raw, ',', &first);
    first = str_trim(first);
    rest = str_trim(rest);
    if (first.len < 2 || rest.len < 2 || first.ptr[0] != '[')
        return 0;
    if (str_to_u64(str_trim(str_slice(first, 1, first.len)), FRAMES_MAX, &a) != OK ||
        str_to_u64(str_trim(str_slice(rest, 0, rest.len - 1)), FRAMES_MAX, &b) != OK || b <= a)
        return 0;
    return b - a;
}

/* Texts do not say which of a job's fonts they want: all are written in the first. Its name is made
 * by the worker of letters, digits, dots and dashes, so it needs no quoting in a filter. */
static enum err read_fonts(struct engine_plan *p, struct str fonts, struct problems *problems)
{
    struct json_elements all;
    struct str element;
    json_elements_init(&all, fonts);
    if (!fonts.len || !json_elements_next(&all, &element) || element.ptr[0] != '{')
        return OK;
    struct font font = {STR_EMPTY};
    TRY(json_decode(element, font_fields, ARRAY_LEN(font_fields), STR_EMPTY, problems, &font));
    p->font = font.path.len ? arena_text(&p->arena, font.path) : NULL;
    return OK;
}

static enum err read_plan(struct engine_plan *p)
{
    AUTO(buf) struct buf file = buf_make(2 * RESOLVED_PAYLOAD_MAX_BYTES);
    struct problems problems;
    struct job job = {.preview = false};
    problems_init(&problems, &p->arena);
    TRY(io_read_file("job.json", &file));
    TRY(json_decode(buf_str(&file), job_fields, ARRAY_LEN(job_fields), STR_EMPTY, &problems, &job));
    if (job.settings.len && !job.preview) { /* a preview has its own, as the server has it */
        TRY(json_decode(job.settings, settings_fields, ARRAY_LEN(settings_fields), STR_EMPTY,
                        &problems, &p->settings));
        p->frames = frames_of(p->settings.frames);
        p->settings.frames = STR_EMPTY;
    }
    TRY(read_fonts(p, job.fonts, &problems));
    p->preview = job.preview;
    p->join = job.join;
    p->assets = arena_str(&p->arena, job.assets.len ? job.assets : STR("[]"));
    return OK;
}

int engine_ffmpeg_main(void)
{
    static struct engine_plan p;
    p.arena = arena_make();
    const char *output = getenv("SAFELIGHT_OUTPUT");
    int code = 1;
    if (!output || read_plan(&p) != OK)
        code = engine_fail("job.json cannot be used");
    else
        code = p.join ? engine_join(&p, output) : engine_layers(&p, output);
    arena_auto(&p.arena);
    return code;
}
