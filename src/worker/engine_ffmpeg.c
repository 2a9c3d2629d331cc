/* The engine that ships with the product: stills, video, audio and text layers to mp4 (or mov, png,
 * jpg) with ffmpeg. Text reaches ffmpeg as files with expansion off, so nothing in a job is parsed
 * as a filter. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "io.h"
#include "json_decode.h"
#include "limit.h"

enum {
    ARGUMENTS_MAX = 256,
    LAYERS_MAX = 32,
    FRAME_RATE = 25,
    FRAMES_DEFAULT = 50,
    FRAMES_MAX = 250000
};

struct layer {
    struct str type, path, value, property;
};
static const struct json_field layer_fields[] = {
    JSON_FIELD(struct layer, type, "type", JSON_AS_STR, JSON_REQUIRED, 64),
    JSON_FIELD(struct layer, path, "path", JSON_AS_STR, JSON_OPTIONAL, 256),
    JSON_FIELD(struct layer, value, "value", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct layer, property, "property", JSON_AS_STR, JSON_OPTIONAL, 256),
};
struct settings {
    struct str codec, quality, frames;
};
static const struct json_field settings_fields[] = {
    JSON_FIELD(struct settings, codec, "codec", JSON_AS_STR, JSON_NULLABLE, 64),
    JSON_FIELD(struct settings, quality, "quality", JSON_AS_STR, JSON_NULLABLE, 64),
    JSON_FIELD(struct settings, frames, "frames", JSON_AS_RAW, JSON_NULLABLE, 0),
};
struct job {
    struct str assets, settings;
    bool preview;
};
static const struct json_field job_fields[] = {
    JSON_FIELD(struct job, assets, "assets", JSON_AS_ARRAY, JSON_NULLABLE, 0),
    JSON_FIELD(struct job, settings, "settings", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct job, preview, "preview", JSON_AS_BOOL, JSON_NULLABLE, 0),
};

struct plan {
    struct arena arena;
    const char *arguments[ARGUMENTS_MAX];
    size_t count;
    const char *base; /* picture or video the texts stand on; NULL: a black picture */
    bool base_is_still;
    const char *audio;
    size_t texts;
    uint64_t frames;
    struct settings settings;
    bool preview;
};

static int fail(const char *why)
{
    fprintf(stderr, "ffmpeg engine: %s\n", why);
    return 1;
}

static void add(struct plan *p, const char *argument)
{
    ASSERT(p->count + 1 < ARGUMENTS_MAX);
    p->arguments[p->count++] = argument;
}

/* A text layer becomes a file. The value may be a secret that the job paints: it stands in memory
 * that is wiped and in this folder, which the worker removes. */
static enum err write_text(struct plan *p, struct str raw)
{
    if (p->texts == LAYERS_MAX)
        return ERR_TOO_LARGE;
    AUTO(buf) struct buf text = buf_make(RESOLVED_PAYLOAD_MAX_BYTES);
    bool quoted = raw.len >= 2 && raw.ptr[0] == '"';
    if (quoted)
        TRY(json_unescape(str_slice(raw, 1, raw.len - 1), &text));
    else
        TRY(buf_put(&text, raw));
    return io_replace_file(arena_printf(&p->arena, "text%zu.txt", p->texts++).ptr, buf_str(&text),
                           0600);
}

static enum err take_layer(struct plan *p, const struct layer *l)
{
    const char *path = l->path.len ? arena_text(&p->arena, l->path) : NULL;
    bool text =
        str_is(l->type, "text") || (str_is(l->type, "data") && str_is(l->property, "Source Text"));
    if (text && l->value.len)
        return write_text(p, l->value);
    if (path && !p->base && (str_is(l->type, "video") || str_is(l->type, "image"))) {
        p->base = path;
        p->base_is_still = str_is(l->type, "image");
    } else if (path && !p->audio && str_is(l->type, "audio")) {
        p->audio = path;
    }
    return OK;
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

static enum err read_plan(struct plan *p)
{
    AUTO(buf) struct buf file = buf_make(2 * RESOLVED_PAYLOAD_MAX_BYTES);
    struct problems problems;
    struct job job = {.preview = false};
    problems_init(&problems, &p->arena);
    TRY(io_read_file("job.json", &file));
    TRY(json_decode(buf_str(&file), job_fields, ARRAY_LEN(job_fields), STR_EMPTY, &problems, &job));
    if (job.settings.len) {
        TRY(json_decode(job.settings, settings_fields, ARRAY_LEN(settings_fields), STR_EMPTY,
                        &problems, &p->settings));
        p->frames = frames_of(p->settings.frames);
        p->settings.frames = STR_EMPTY;
    }
    p->preview = job.preview;
    struct json_elements all;
    struct str element;
    json_elements_init(&all, job.assets);
    while (job.assets.len && json_elements_next(&all, &element)) {
        struct layer layer = {.type = STR_EMPTY};
        TRY(json_decode(element, layer_fields, ARRAY_LEN(layer_fields), STR_EMPTY, &problems,
                        &layer));
        TRY(take_layer(p, &layer));
    }
    return OK;
}

static bool is_image(const struct plan *p)
{
    return str_starts(p->settings.codec, STR("image_"));
}

/* Even sides for yuv420p; texts below each other. */
static const char *filter_of(struct plan *p)
{
    struct str f = arena_printf(&p->arena, "scale=trunc(iw/2)*2:trunc(ih/2)*2");
    for (size_t i = 0; i < p->texts; i++)
        f = arena_printf(
            &p->arena,
            "%s,drawtext=font=Sans:textfile=text%zu.txt:expansion=none:fontcolor=white:"
            "box=1:boxcolor=black@0.5:boxborderw=8:fontsize=h/12:x=(w-text_w)/2:y=h*%zu/%zu",
            f.ptr, i, i + 1, p->texts + 1);
    return f.ptr;
}

static void add_inputs(struct plan *p)
{
    bool still = !p->base || p->base_is_still;
    if (still && p->frames == 0)
        p->frames = FRAMES_DEFAULT;
    if (p->base && p->base_is_still) {
        add(p, "-loop");
        add(p, "1");
        add(p, "-framerate");
        add(p, "25");
    } else if (!p->base) {
        add(p, "-f");
        add(p, "lavfi");
    }
    add(p, "-i");
    add(p,
        p->base ? arena_printf(&p->arena, "file:%s", p->base).ptr : "color=c=black:s=640x360:r=25");
    if (p->audio) {
        add(p, "-i");
        add(p, arena_printf(&p->arena, "file:%s", p->audio).ptr);
        add(p, "-map");
        add(p, "0:v:0");
        add(p, "-map");
        add(p, "1:a:0");
    }
    add(p, "-vf");
    add(p, filter_of(p));
}

static void add_output(struct plan *p, const char *output)
{
    bool draft = p->preview || str_is(p->settings.quality, "draft");
    if (p->frames || is_image(p)) {
        add(p, "-frames:v");
        add(p,
            is_image(p) ? "1" : arena_printf(&p->arena, "%llu", (unsigned long long)p->frames).ptr);
    }
    if (!is_image(p)) {
        bool prores = str_starts(p->settings.codec, STR("video_prores"));
        add(p, "-c:v");
        add(p, prores ? "prores_ks" : "libx264");
        add(p, "-pix_fmt");
        add(p, prores ? "yuv422p10le" : "yuv420p");
        if (!prores) {
            add(p, "-preset");
            add(p, draft ? "ultrafast" : "medium");
            add(p, "-crf");
            add(p, draft ? "32" : "20");
            add(p, "-movflags");
            add(p, "+faststart");
        }
        if (p->audio)
            add(p, "-shortest");
    }
    add(p, arena_printf(&p->arena, "file:%s", output).ptr);
    p->arguments[p->count] = NULL;
}

/* Reads `frame=N` lines of -progress and prints PROGRESS percentages as they change. */
static void report_progress(int fd, uint64_t frames)
{
    FILE *lines = fdopen(fd, "r");
    char line[256];
    int last = -1;
    while (lines && fgets(line, sizeof line, lines)) {
        uint64_t frame;
        struct str s = str_trim(str_from(line));
        if (!str_starts(s, STR("frame=")) || !frames ||
            str_to_u64(str_trim(str_slice(s, 6, s.len)), FRAMES_MAX, &frame) != OK)
            continue;
        int percent = frame >= frames ? 100 : (int)(frame * 100 / frames);
        if (percent != last)
            printf("PROGRESS: %d\n", percent);
        fflush(stdout);
        last = percent;
    }
    if (lines)
        fclose(lines);
}

int engine_ffmpeg_main(void)
{
    static struct plan p;
    p.arena = arena_make();
    const char *output = getenv("SAFELIGHT_OUTPUT");
    if (!output || read_plan(&p) != OK)
        return fail("job.json cannot be used (unreadable, or more than 32 text layers)");
    static const char *const first[] = {
        "ffmpeg", "-hide_banner",        "-nostdin",  "-y",        "-loglevel",
        "info",   "-protocol_whitelist", "file,pipe", "-progress", "pipe:3"};
    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        add(&p, first[i]);
    add_inputs(&p);
    add_output(&p, output);
    int fds[2], status = 0;
    if (pipe(fds) != 0)
        return fail("no pipe");
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        if (fds[1] != 3 && dup2(fds[1], 3) < 0)
            _exit(126);
        execvp("ffmpeg",
               (char *const *)(uintptr_t)p.arguments); /* UNSAFE: exec does not write there */
        _exit(127);
    }
    close(fds[1]);
    report_progress(fds[0], p.frames);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return fail("cannot be started");
    arena_auto(&p.arena);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return fail("ffmpeg is not installed (apt-get install ffmpeg)");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
