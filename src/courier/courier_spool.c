#include "courier_spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "clock.h"
#include "jobs.h"

static bool output_of(const char *file, struct arena *a, struct str *ret_job_id)
{
    struct str name = str_from(file), id = str_slice(name, 0, ULID_LEN);
    if (!ulid_valid(id) || !str_equal(name, job_spool_name(id, a)))
        return false;
    *ret_job_id = id;
    return true;
}

struct sweep {
    struct store_tx *tx;
    int64_t keep_ms, now_ms;
};

static enum err parent_ended(const struct sweep *s, const struct job *job, struct arena *a,
                             bool *ret)
{
    struct job parent;
    enum err e = store_job_any(s->tx, job->parent_id, false, a, &parent);
    *ret = e == ERR_NOT_FOUND || (e == OK && job_state_final(parent.state));
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Of a job that has ended with its output whole. */
static enum err is_kept(const struct sweep *s, const struct job *job, struct arena *a, bool *ret)
{
    struct delivery *list;
    size_t count;
    int64_t ended = job->finished_at_ms ? job->finished_at_ms : job->error_at_ms;
    TRY(store_delivery_of_job(s->tx, ulid_str(&job->id), a, &list, &count));
    *ret = s->keep_ms == 0 || ended + s->keep_ms > s->now_ms;
    for (size_t i = 0; i < count; i++) {
        if (list[i].kind == DELIVERY_UPLOAD && list[i].state == DELIVERY_DONE)
            *ret = false;
    }
    return OK;
}

/* Does anything still need the output of this job? */
static enum err is_needed(const struct sweep *s, struct str job_id, struct arena *a, bool *ret)
{
    struct job job;
    *ret = false;
    enum err e = store_job_any(s->tx, job_id, false, a, &job);
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    if (job.parent_id.len) {
        bool ended;
        TRY(parent_ended(s, &job, a, &ended));
        *ret = !ended;
        return OK;
    }
    *ret = !job_state_final(job.state); /* queued, rendering, or on its way */
    return job_state_final(job.state) && job.rendered_at_ms ? is_kept(s, &job, a, ret) : OK;
}

static enum err sweep_folder(const struct sweep *s, DIR *dir)
{
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        AUTO(arena) struct arena a = arena_make();
        struct str id;
        bool needed;
        if (!output_of(entry->d_name, &a, &id))
            continue;
        TRY(is_needed(s, id, &a, &needed));
        if (!needed)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    return OK;
}

enum err courier_spool_sweep(struct store *store, int folder, int64_t keep_ms)
{
    struct sweep s = {.keep_ms = keep_ms, .now_ms = clock_unix_ms()};
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    enum err e = store_read_begin(store, &s.tx);
    if (e == OK)
        e = sweep_folder(&s, dir);
    store_read_end(store, &s.tx);
    closedir(dir);
    return e;
}
