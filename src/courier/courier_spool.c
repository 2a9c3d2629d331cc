#include "courier_spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "jobs.h"

static bool output_of(const char *file, struct arena *a, struct str *ret_job_id)
{
    struct str name = str_from(file), id = str_slice(name, 0, ULID_LEN);
    if (!ulid_valid(id) || !str_equal(name, job_spool_name(id, a)))
        return false;
    *ret_job_id = id;
    return true;
}

/* Does anything still need the output of this job? */
static enum err is_needed(struct store_tx *tx, struct str job_id, struct arena *a, bool *ret)
{
    struct job job;
    struct delivery *list;
    size_t count;
    *ret = false;
    enum err e = store_job_any(tx, job_id, false, a, &job);
    if (e == ERR_NOT_FOUND)
        return OK;
    TRY(e);
    if (job_state_final(job.state) && !job.rendered_at_ms)
        return OK; /* it was never finished */
    TRY(store_delivery_of_job(tx, job_id, a, &list, &count));
    *ret = true; /* queued, rendering, or kept because nobody else has it */
    for (size_t i = 0; i < count; i++) {
        if (list[i].kind == DELIVERY_UPLOAD && list[i].state == DELIVERY_DONE)
            *ret = false;
    }
    return OK;
}

static enum err sweep_folder(struct store_tx *tx, DIR *dir)
{
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        AUTO(arena) struct arena a = arena_make();
        struct str id;
        bool needed;
        if (!output_of(entry->d_name, &a, &id))
            continue;
        TRY(is_needed(tx, id, &a, &needed));
        if (!needed)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    return OK;
}

enum err courier_spool_sweep(struct store *store, int folder)
{
    struct store_tx *tx = NULL;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    enum err e = store_read_begin(store, &tx);
    if (e == OK)
        e = sweep_folder(tx, dir);
    store_read_end(store, &tx);
    closedir(dir);
    return e;
}
