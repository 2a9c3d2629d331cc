#include "worker_render.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "engine.h"
#include "io.h"
#include "log.h"
#include "worker_files.h"
#include "worker_log.h"

enum { FOLDER_MAX_BYTES = 4096, LINE_MAX_BYTES = 128, POLL_MS = 200, READS_MAX = 64 };

/* Watches the log for PROGRESS lines, which may come cut over several reads. */
struct progress {
    char line[LINE_MAX_BYTES];
    size_t len;
    int64_t percent, sent;
};

static void watch(struct progress *p, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] != '\n') {
            if (p->len < sizeof p->line)
                p->line[p->len++] = bytes.ptr[i];
            continue;
        }
        struct str line = str_trim(str_bytes(p->line, p->len));
        uint64_t percent;
        p->len = 0;
        if (!str_starts(line, STR("PROGRESS:")))
            continue;
        line = str_trim(str_slice(line, 9, line.len));
        if (str_to_u64(line, 100, &percent) == OK)
            p->percent = (int64_t)percent;
    }
}

/* Reads what there is, but not for ever: an engine may write faster than anybody reads. False at
 * the end of the log. */
static bool read_some(struct engine *e, struct worker_log *log, struct progress *progress)
{
    char bytes[16 * 1024];
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = read(e->pipe, bytes, sizeof bytes);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0)
            return false;
        worker_log_put(log, str_bytes(bytes, (size_t)n));
        watch(progress, str_bytes(bytes, (size_t)n));
    }
    return true;
}

/* Runs the engine to its end. NULL, or a sentence for the job's error. */
static const char *run(struct lease *l, const char *engine, const char *folder,
                       struct worker_log *log)
{
    struct engine e;
    struct progress progress = {.percent = 0, .sent = 0};
    const char *job_id = arena_text(&l->arena, l->job_id);
    const char *output =
        arena_printf(&l->arena, "output.%.*s", (int)l->output_name.len, l->output_name.ptr).ptr;
    if (engine_start(engine, folder, output, job_id, &e) != OK)
        return "the worker cannot start the engine";
    bool open = true;
    while (open && !lease_over(l)) {
        struct pollfd p[] = {{.fd = e.pipe, .events = POLLIN},
                             {.fd = l->stop->fd, .events = POLLIN}};
        poll(p, ARRAY_LEN(p), POLL_MS);
        bool ended = engine_ended(&e); /* before the last look into the pipe */
        open = read_some(&e, log, &progress) && !ended;
        bool changed = progress.percent != progress.sent;
        lease_beat(l, progress.percent, changed);
        progress.sent = progress.percent;
        worker_log_send(log, l, false);
    }
    if (open)
        engine_stop(&e);
    int status;
    bool good = engine_wait(&e, &status);
    if (!good)
        return arena_printf(&l->arena, "the engine ended with status %d; the job's log says more",
                            status)
            .ptr;
    return NULL;
}

static const char *upload(struct lease *l, const char *folder)
{
    struct str path = arena_printf(&l->arena, "%s/output.%.*s", folder, (int)l->output_name.len,
                                   l->output_name.ptr);
    enum err e = lease_upload(l, path.ptr);
    return e == OK              ? NULL
           : e == ERR_NOT_FOUND ? "the engine ended well but wrote no output file"
           : e == ERR_STORE_FULL
               ? "the output could not be handed in: the server had no room for it"
               : "the output could not be handed in";
}

/* The job is ours no more, or shall not be: whoever gets it next is told nothing of this try. */
static bool let_go(struct lease *l)
{
    if (l->cancelled) {
        log_info("job_cancelled", kv("job", l->job_id));
    } else if (l->lost) {
        log_warn("job_lost", kv("job", l->job_id));
    } else {
        enum err e = lease_give_back(l);
        log_info("job_given_back", kv("job", l->job_id), kv("taken", e == OK));
    }
    return false;
}

static bool report(struct lease *l, const char *why)
{
    enum err e = lease_finish(l, why);
    if (lease_over(l) && e != OK)
        return let_go(l);
    if (e != OK)
        log_warn("job_not_reported", kv("job", l->job_id), kv("error", err_code(e)));
    else
        log_info("job_done", kv("job", l->job_id), kv("finished", (bool)!why));
    return e == OK && !why;
}

bool worker_render(struct lease *l, const struct render_options *o)
{
    char folder[FOLDER_MAX_BYTES];
    struct worker_log log = worker_log_make();
    const char *why = NULL;
    snprintf(folder, sizeof folder, "%s/%.*s", o->work, (int)l->id.len, l->id.ptr);
    log_info("job_taken", kv("job", l->job_id), kv("lease", l->id));
    if (worker_files_prepare(l, folder, &why) == OK)
        why = run(l, o->engine, folder, &log);
    worker_log_send(&log, l, true);
    if (!why && !lease_over(l))
        why = upload(l, folder);
    bool good = lease_over(l) ? let_go(l) : report(l, why);
    if (!o->keep)
        worker_files_remove(folder);
    worker_log_auto(&log);
    return good;
}
