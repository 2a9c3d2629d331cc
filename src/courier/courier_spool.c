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

/* Each file is judged by a snapshot that is younger than its name in the folder: in an older one
 * its job might not be there yet. */
static enum err sweep_file(struct store *store, struct sweep *s, int folder, const char *file)
{
    AUTO(arena) struct arena a = arena_make();
    struct str id;
    bool needed;
    if (!output_of(file, &a, &id))
        return OK;
    TRY(store_read_begin(store, &s->tx));
    enum err e = is_needed(s, id, &a, &needed);
    store_read_end(store, &s->tx);
    if (e == OK && !needed)
        (void)unlinkat(folder, file, 0);
    return e;
}

static enum err sweep_folder(struct store *store, struct sweep *s, DIR *dir)
{
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        TRY(sweep_file(store, s, dirfd(dir), entry->d_name));
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
    enum err e = sweep_folder(store, &s, dir);
    closedir(dir);
    return e;
}
