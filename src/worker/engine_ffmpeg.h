/* What the parts of the built-in engine share: the job as it reads it. Owner thread. */
#ifndef WORKER_ENGINE_FFMPEG_H
#define WORKER_ENGINE_FFMPEG_H

#include "engine_tool.h"

enum { ENGINE_VISUALS_MAX = 32, ENGINE_TEXTS_MAX = 32 };

struct engine_settings {
    struct str codec, quality, frames;
};

struct engine_plan {
    struct arena arena;
    bool join;
    struct str assets; /* raw */
    struct engine_settings settings;
    bool preview;
    uint64_t frames;  /* 0: not said */
    const char *font; /* file for texts; NULL: the system's */
};

/* Says why on stderr, which is the job's log. Returns 1. */
int engine_fail(const char *why) MUST_USE;
/* The same for an asset by its position. */
int engine_fail_asset(size_t index, const char *why) MUST_USE;
/* The same for what a tool returned; the tool has said more itself. */
int engine_fail_tool(int code) MUST_USE;

bool engine_is_draft(const struct engine_plan *p);
/* "PROGRESS: n" when n is not what was said last. */
void engine_progress(uint64_t percent);

/* Layers over each other. */
int engine_layers(struct engine_plan *p, const char *output);
/* Videos one behind the other. */
int engine_join(struct engine_plan *p, const char *output);

#endif
