/* Layers over each other: the first picture or video is the ground, the others lie on it, centred
 * and as large as fits, texts on top, below each other. Text reaches ffmpeg as files with expansion
 * off, so nothing in a job is parsed as a filter. */
#include <stdio.h>

#include "engine_ffmpeg.h"
#include "io.h"
#include "json_decode.h"
#include "limit.h"

enum { FRAME_RATE = 25, FRAMES_DEFAULT = 50 };

struct layer {
    struct str type, path, value, property;
};
static const struct json_field layer_fields[] = {
    JSON_FIELD(struct layer, type, "type", JSON_AS_STR, JSON_REQUIRED, 64),
    JSON_FIELD(struct layer, path, "path", JSON_AS_STR, JSON_OPTIONAL, 256),
    JSON_FIELD(struct layer, value, "value", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct layer, property, "property", JSON_AS_STR, JSON_OPTIONAL, 256),
};

struct stack {
    struct engine_plan *plan;
    struct visual {
        const char *path;
        size_t asset;
        bool still;
        struct engine_clip clip; /* only when there are several */
    } visuals[ENGINE_VISUALS_MAX];
    size_t visual_count, texts;
    const char *audio;
    uint64_t duration_ms; /* of what is made, when it is not a number of frames */
    struct engine_tool tool;
};

/* A text layer becomes a file. The value may be a secret that the job paints: it stands in memory
 * that is wiped and in this folder, which the worker removes. */
static enum err write_text(struct stack *s, struct str raw)
{
    AUTO(buf) struct buf text = buf_make(RESOLVED_PAYLOAD_MAX_BYTES);
    bool quoted = raw.len >= 2 && raw.ptr[0] == '"';
    if (quoted)
        TRY(json_unescape(str_slice(raw, 1, raw.len - 1), &text));
    else
        TRY(buf_put(&text, raw));
    return io_replace_file(arena_printf(&s->plan->arena, "text%zu.txt", s->texts++).ptr,
                           buf_str(&text), 0600);
}

/* 0, or the exit code. */
static int take_layer(struct stack *s, const struct layer *l, size_t asset)
{
    const char *path = l->path.len ? arena_text(&s->plan->arena, l->path) : NULL;
    bool text =
        str_is(l->type, "text") || (str_is(l->type, "data") && str_is(l->property, "Source Text"));
    if (text && l->value.len && s->texts == ENGINE_TEXTS_MAX)
        return engine_fail_asset(asset, "is one text too many: at most 32");
    if (text && l->value.len)
        return write_text(s, l->value) == OK ? 0 : engine_fail_asset(asset, "cannot be written");
    bool still = str_is(l->type, "image");
    if (path && (still || str_is(l->type, "video"))) {
        if (s->visual_count == ENGINE_VISUALS_MAX)
            return engine_fail_asset(asset, "is one picture too many: at most 32");
        s->visuals[s->visual_count++] =
            (struct visual){.path = path, .asset = asset, .still = still};
    } else if (path && !s->audio && str_is(l->type, "audio")) {
        s->audio = path;
    }
    return 0;
}

static int take_layers(struct stack *s)
{
    struct problems problems;
    struct json_elements all;
    struct str element;
    problems_init(&problems, &s->plan->arena);
    json_elements_init(&all, s->plan->assets);
    while (json_elements_next(&all, &element)) {
        struct layer layer = {.type = STR_EMPTY};
        if (json_decode(element, layer_fields, ARRAY_LEN(layer_fields), STR_EMPTY, &problems,
                        &layer) != OK)
            return engine_fail_asset(all.index, "cannot be read");
        int code = take_layer(s, &layer, all.index);
        if (code != 0)
            return code;
    }
    return 0;
}

/* Sizes and lengths count only where one lies on another. */
static int measure(struct stack *s)
{
    for (size_t i = 0; s->visual_count > 1 && i < s->visual_count; i++) {
        struct visual *v = &s->visuals[i];
        enum err e = engine_tool_probe(&s->plan->arena, v->path, &v->clip);
        if (e == ERR_NOT_FOUND)
            return engine_fail_tool(127);
        if (e != OK || !v->clip.video)
            return engine_fail_asset(v->asset, "is no picture or video that ffmpeg can read");
        bool ground_tells = i > 0 && !s->visuals[0].still;
        if (!v->still && !ground_tells && v->clip.duration_ms > s->duration_ms)
            s->duration_ms = v->clip.duration_ms;
    }
    return 0;
}

static void add_inputs(struct stack *s)
{
    struct engine_tool *t = &s->tool;
    for (size_t i = 0; i < s->visual_count; i++) {
        if (i == 0 && s->visuals[i].still) { /* the others stay by themselves once they ended */
            engine_tool_pair(t, "-loop", "1");
            engine_tool_pair(t, "-framerate", "25");
        }
        engine_tool_input(t, s->visuals[i].path);
    }
    if (s->visual_count == 0) {
        engine_tool_pair(t, "-f", "lavfi");
        engine_tool_pair(t, "-i", "color=c=black:s=640x360:r=25");
    }
    if (s->audio)
        engine_tool_input(t, s->audio);
}

/* Even sides for yuv420p. */
static const char *graph_of(struct stack *s)
{
    struct arena *a = &s->plan->arena;
    const struct engine_clip *ground = &s->visuals[0].clip;
    struct str g = STR("[0:v:0]scale=trunc(iw/2)*2:trunc(ih/2)*2");
    for (size_t i = 1; i < s->visual_count; i++)
        g = arena_printf(a,
                         "%s[g%zu];[%zu:v:0]scale=w='min(iw,%llu)':h='min(ih,%llu)':"
                         "force_original_aspect_ratio=decrease[l%zu];[g%zu][l%zu]overlay="
                         "(W-w)/2:(H-h)/2",
                         g.ptr, i, i, (unsigned long long)ground->width,
                         (unsigned long long)ground->height, i, i, i);
    for (size_t i = 0; i < s->texts; i++) {
        const char *font = s->plan->font;
        g = arena_printf(a,
                         "%s,drawtext=%s%s:textfile=text%zu.txt:expansion=none:fontcolor=white:"
                         "fontsize=h/10:x=(w-tw)/2:y=h/10+%zu*h/8",
                         g.ptr, font ? "fontfile=" : "font=Sans", font ? font : "", i, i);
    }
    return arena_printf(a, "%s[v]", g.ptr).ptr;
}

static bool is_image(const struct stack *s)
{
    return str_starts(s->plan->settings.codec, STR("image_"));
}

static void add_video(struct stack *s)
{
    struct engine_tool *t = &s->tool;
    bool prores = str_starts(s->plan->settings.codec, STR("video_prores"));
    bool draft = engine_is_draft(s->plan);
    engine_tool_pair(t, "-c:v", prores ? "prores_ks" : "libx264");
    engine_tool_pair(t, "-pix_fmt", prores ? "yuv422p10le" : "yuv420p");
    if (!prores) {
        engine_tool_pair(t, "-preset", draft ? "ultrafast" : "medium");
        engine_tool_pair(t, "-crf", draft ? "32" : "20");
        engine_tool_pair(t, "-movflags", "+faststart");
    }
    if (s->audio)
        engine_tool_add(t, "-shortest");
}

static void add_output(struct stack *s, const char *output)
{
    struct engine_tool *t = &s->tool;
    struct arena *a = &s->plan->arena;
    uint64_t frames = is_image(s) ? 1 : s->plan->frames;
    engine_tool_pair(t, "-filter_complex", graph_of(s));
    engine_tool_pair(t, "-map", "[v]");
    if (s->audio)
        engine_tool_pair(t, "-map",
                         arena_printf(a, "%zu:a:0", s->visual_count ? s->visual_count : 1).ptr);
    else if (s->visual_count && !is_image(s))
        engine_tool_pair(t, "-map", "0:a:0?");
    if (frames)
        engine_tool_pair(t, "-frames:v", arena_printf(a, "%llu", (unsigned long long)frames).ptr);
    else if (s->duration_ms)
        engine_tool_pair(t, "-t",
                         arena_printf(a, "%llums", (unsigned long long)s->duration_ms).ptr);
    if (!is_image(s))
        add_video(s);
    engine_tool_add(t, arena_printf(a, "file:%s", output).ptr);
}

/* `frame=N` lines of -progress. */
static void on_line(void *ctx, struct str line)
{
    const struct stack *s = ctx;
    uint64_t frame, frames = s->plan->frames;
    if (frames && str_starts(line, STR("frame=")) &&
        str_to_u64(str_trim(str_slice(line, 6, line.len)), UINT32_MAX, &frame) == OK)
        engine_progress(frame >= frames ? 100 : frame * 100 / frames);
}

int engine_layers(struct engine_plan *p, const char *output)
{
    static struct stack s;
    s.plan = p;
    int code = take_layers(&s);
    if (code == 0)
        code = measure(&s);
    if (code != 0)
        return code;
    bool endless = s.visual_count == 0 || s.visuals[0].still;
    if (endless && p->frames == 0 && s.duration_ms == 0)
        p->frames = FRAMES_DEFAULT;
    engine_tool_ffmpeg(&s.tool, &p->arena, "info");
    add_inputs(&s);
    add_output(&s, output);
    return engine_fail_tool(engine_tool_run(&s.tool, 3, on_line, &s));
}
