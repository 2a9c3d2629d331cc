/* Videos one behind the other: each is brought to one size, frame rate and sound on its own, so
 * that a thousand need no more memory than one, and then they are put together as they are. */
#include <stdio.h>
#include <unistd.h>

#include "engine_ffmpeg.h"
#include "io.h"
#include "json_decode.h"
#include "limit.h"

struct source {
    struct str type, path;
};
static const struct json_field source_fields[] = {
    JSON_FIELD(struct source, type, "type", JSON_AS_STR, JSON_REQUIRED, 64),
    JSON_FIELD(struct source, path, "path", JSON_AS_STR, JSON_OPTIONAL, 256),
};

struct join {
    struct engine_plan *plan;
    struct part {
        const char *path;
        struct engine_clip clip;
    } *parts;
    size_t count, at; /* at: the one that is being made */
    uint64_t width, height;
    const char *frame_rate;
    bool sound;
};

/* 0, or the exit code. */
static int take_source(struct join *j, struct str element, size_t index)
{
    struct arena *a = &j->plan->arena;
    struct problems problems;
    struct source s = {STR_EMPTY, STR_EMPTY};
    problems_init(&problems, a);
    if (json_decode(element, source_fields, ARRAY_LEN(source_fields), STR_EMPTY, &problems, &s) !=
            OK ||
        !str_is(s.type, "video") || !s.path.len)
        return engine_fail_asset(index, "is not a video; only videos can be joined");
    if (j->count == JOB_ASSETS_MAX)
        return engine_fail_asset(index, "is one too many");
    struct part *part = &j->parts[j->count++];
    part->path = arena_text(a, s.path);
    enum err e = engine_tool_probe(a, part->path, &part->clip);
    if (e == ERR_NOT_FOUND)
        return engine_fail_tool(127);
    if (e != OK || !part->clip.video)
        return engine_fail_asset(index, "is no video that ffmpeg can read");
    return 0;
}

/* The largest picture's size and the first one's frame rate hold for all. */
static void agree(struct join *j)
{
    j->frame_rate = j->parts[0].clip.frame_rate;
    for (size_t i = 0; i < j->count; i++) {
        const struct engine_clip *c = &j->parts[i].clip;
        if (c->width * c->height > j->width * j->height) {
            j->width = c->width + c->width % 2;
            j->height = c->height + c->height % 2;
        }
        j->sound = j->sound || c->audio;
    }
}

/* `out_time_us=N` lines of -progress; the putting together at the end is short. */
static void on_line(void *ctx, struct str line)
{
    const struct join *j = ctx;
    uint64_t us = 0, whole = j->at < j->count ? j->parts[j->at].clip.duration_ms * 1000 : 0;
    if (!str_starts(line, STR("out_time_us=")) || whole == 0 ||
        str_to_u64(str_slice(line, 12, line.len), UINT64_MAX / 100, &us) != OK)
        return;
    uint64_t here = us >= whole ? 100 : us * 100 / whole;
    engine_progress((j->at * 100 + here) * 98 / (j->count * 100));
}

static const char *part_name(struct join *j, size_t i)
{
    return arena_printf(&j->plan->arena, "part%zu.mov", i).ptr;
}

static int make_part(struct join *j)
{
    struct arena *a = &j->plan->arena;
    const struct part *part = &j->parts[j->at];
    unsigned long long w = j->width, h = j->height;
    bool draft = engine_is_draft(j->plan), silent = j->sound && !part->clip.audio;
    struct engine_tool t;
    printf("clip %zu of %zu: %llux%llu at %s frames a second, %s\n", j->at + 1, j->count,
           (unsigned long long)part->clip.width, (unsigned long long)part->clip.height,
           part->clip.frame_rate, part->clip.audio ? "with sound" : "without sound");
    engine_tool_ffmpeg(&t, a, "warning");
    engine_tool_input(&t, part->path);
    if (silent) {
        engine_tool_pair(&t, "-f", "lavfi");
        engine_tool_pair(&t, "-i", "anullsrc=r=48000:cl=stereo");
    }
    engine_tool_pair(&t, "-map", "0:v:0");
    if (j->sound) {
        engine_tool_pair(&t, "-map", silent ? "1:a:0" : "0:a:0");
        engine_tool_pair(&t, "-af", "aresample=48000,apad"); /* at least as long as the picture */
        engine_tool_pair(&t, "-ac", "2");
        engine_tool_pair(&t, "-c:a", "pcm_s16le");
        engine_tool_add(&t, "-shortest");
    }
    engine_tool_pair(&t, "-vf",
                     arena_printf(a,
                                  "scale=iw*sar:ih,scale=%llu:%llu:force_original_aspect_ratio="
                                  "decrease,pad=%llu:%llu:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=%s",
                                  w, h, w, h, j->frame_rate)
                         .ptr);
    engine_tool_pair(&t, "-c:v", "libx264");
    engine_tool_pair(&t, "-pix_fmt", "yuv420p");
    engine_tool_pair(&t, "-preset", draft ? "ultrafast" : "medium");
    engine_tool_pair(&t, "-crf", draft ? "32" : "18");
    engine_tool_pair(&t, "-video_track_timescale", "90000");
    engine_tool_add(&t, part_name(j, j->at));
    int code = engine_tool_run(&t, 3, on_line, j);
    (void)unlink(part->path); /* twice the clips is disk enough */
    return engine_fail_tool(code);
}

static enum err write_list(struct join *j)
{
    AUTO(buf) struct buf list = buf_make(JOB_ASSETS_MAX * 32);
    for (size_t i = 0; i < j->count; i++)
        TRY(buf_printf(&list, "file '%s'\n", part_name(j, i)));
    return io_replace_file("parts.txt", buf_str(&list), 0600);
}

static int put_together(struct join *j, const char *output)
{
    struct engine_tool t;
    if (write_list(j) != OK)
        return engine_fail("the list of parts cannot be written");
    engine_tool_ffmpeg(&t, &j->plan->arena, "info");
    engine_tool_pair(&t, "-f", "concat");
    engine_tool_pair(&t, "-i", "parts.txt"); /* ours */
    engine_tool_pair(&t, "-c:v", "copy");
    if (j->sound) {
        engine_tool_pair(&t, "-c:a", "aac");
        engine_tool_pair(&t, "-b:a", "192k");
    }
    engine_tool_pair(&t, "-movflags", "+faststart");
    engine_tool_add(&t, arena_printf(&j->plan->arena, "file:%s", output).ptr);
    return engine_fail_tool(engine_tool_run(&t, 3, on_line, j));
}

int engine_join(struct engine_plan *p, const char *output)
{
    struct join j = {.plan = p};
    struct json_elements all;
    struct str element;
    int code = 0;
    j.parts = arena_array(&p->arena, JOB_ASSETS_MAX, sizeof *j.parts);
    json_elements_init(&all, p->assets);
    while (code == 0 && json_elements_next(&all, &element))
        code = take_source(&j, element, all.index);
    if (code == 0 && j.count == 0)
        code = engine_fail("there is nothing to join");
    if (code != 0)
        return code;
    agree(&j);
    for (j.at = 0; code == 0 && j.at < j.count; j.at++)
        code = make_part(&j);
    if (code == 0)
        code = put_together(&j, output);
    if (code == 0)
        engine_progress(100);
    return code;
}
