/* A render engine: any command, run in the job's folder in a process group of its own, with a clean
 * environment (no token), its stdout and stderr in one pipe. Owner thread. */
#ifndef WORKER_ENGINE_H
#define WORKER_ENGINE_H

#include <sys/types.h>

#include "str.h"

struct engine {
    pid_t pid; /* of its keeper: a process of ours that ends the engine's group when the engine's
                  first process ends, and when this one dies */
    int pipe;  /* readable end, non-blocking */
};

/* NULL, or why no job could ever be run with it, in a sentence: a path must lead to a program, a
 * name must be found in PATH, the built-in engine needs its tools. */
const char *engine_wrong(const char *command);

/* command "ffmpeg" is the built-in engine. output is relative to folder. */
enum err engine_start(const char *command, const char *folder, const char *output,
                      const char *job_id, struct engine *ret) MUST_USE;
/* Asks the whole group to end (SIGTERM), and ends it (SIGKILL) when it has not after 5 seconds. */
void engine_stop(const struct engine *e);
/* Has it ended? What it wrote may still stand in the pipe, and a process that left the group may
 * hold the pipe open. */
bool engine_ended(const struct engine *e);
/* Waits for the end; true when it exited with 0. */
bool engine_wait(struct engine *e, int *ret_status);

/* The built-in engine's own process: reads job.json in the current folder, runs ffmpeg, prints its
 * log and PROGRESS lines. Returns the exit code. */
int engine_ffmpeg_main(void);

#endif
