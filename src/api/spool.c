#include "spool.h"

#include <dirent.h>
#include <unistd.h>

#include "spool_file.h"
#include "spool_library.h"
#include "store_job.h"

static bool job_is_gone(struct store *store, struct str id)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_tx *tx;
    struct job job;
    if (store_read_begin(store, &tx) != OK)
        return false;
    enum err e = store_job_any(tx, id, false, &a, &job);
    store_read_end(store, &tx);
    return e == ERR_NOT_FOUND;
}

void spool_sweep(struct store *store, const char *folder, bool before_first_request)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return;
    for (const struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct str name = str_from(d->d_name), id;
        struct str kind = str_split(name, '.', &id);
        bool part = before_first_request && str_ends(name, STR(SPOOL_PART_SUFFIX));
        bool orphan = str_is(kind, "out") && ulid_valid(id) && job_is_gone(store, id);
        if (part || orphan || spool_library_orphan(store, name, !before_first_request))
            (void)!unlinkat(dirfd(dir), d->d_name, 0);
    }
    closedir(dir);
}
