/* ffmpeg and ffprobe as the built-in engine runs them: input files of a job are hostile, so each is
 * opened with the protocols `file` and `pipe` alone, as one of the formats that name no other file,
 * and by a name that is never an option. Owner thread. */
#ifndef WORKER_ENGINE_TOOL_H
#define WORKER_ENGINE_TOOL_H

#include "arena.h"

enum { ENGINE_TOOL_ARGUMENTS_MAX = 512 };

struct engine_tool {
    struct arena *arena;
    const char *arguments[ENGINE_TOOL_ARGUMENTS_MAX];
    size_t count;
};

/* "ffmpeg" with the options that every run has; its -progress lines come on descriptor 3. */
void engine_tool_ffmpeg(struct engine_tool *t, struct arena *a, const char *loglevel);
void engine_tool_add(struct engine_tool *t, const char *argument);
void engine_tool_pair(struct engine_tool *t, const char *option, const char *value);
/* A file of the job's folder. */
void engine_tool_input(struct engine_tool *t, const char *path);

/* Runs it to its end; each line of its descriptor `fd` comes to on_line, the rest goes to the log.
 * Returns its exit code, 127 when the program is not installed. */
int engine_tool_run(struct engine_tool *t, int fd, void (*on_line)(void *ctx, struct str line),
                    void *ctx);

/* What ffprobe says about a file. */
struct engine_clip {
    bool video, audio;
    uint64_t width, height; /* as shown */
    uint64_t duration_ms;   /* 0: not known */
    const char *frame_rate; /* "25/1"; never NULL */
};
/* ERR_INVALID: no picture or sound in it, or not readable. ERR_NOT_FOUND: no ffprobe. */
enum err engine_tool_probe(struct arena *a, const char *path, struct engine_clip *ret) MUST_USE;

#endif
