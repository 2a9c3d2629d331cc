#include "job_nested.h"

#include "clock.h"
#include "job_end.h"

static bool waits(const struct job *job)
{
    return job->state == JOB_QUEUED || job->state == JOB_PENDING;
}

static enum err end_children(struct store_tx *tx, const struct job *job, const struct actor *actor,
                             struct arena *a)
{
    struct job *children;
    size_t count;
    TRY(store_job_children(tx, ulid_str(&job->id), a, &children, &count));
    for (size_t i = 0; i < count; i++) {
        if (waits(&children[i]))
            TRY(job_end(tx, &children[i], JOB_CANCELLED, STR_EMPTY, actor, a));
    }
    return OK;
}

static enum err child_finished(struct store_tx *tx, struct job *parent)
{
    if (parent->waiting > 0)
        parent->waiting--;
    if (parent->waiting == 0)
        parent->state = JOB_QUEUED;
    parent->updated_at_ms = clock_unix_ms();
    return store_job_update(tx, parent);
}

enum err job_nested_ended(struct store_tx *tx, const struct job *job, const struct actor *actor,
                          struct arena *a)
{
    struct job parent;
    if (job->state != JOB_FINISHED)
        TRY(end_children(tx, job, actor, a));
    if (!job->parent_id.len)
        return OK;
    TRY(store_job_any(tx, job->parent_id, false, a, &parent));
    if (parent.state != JOB_PENDING) /* it ended before, for another's sake */
        return OK;
    if (job->state == JOB_FINISHED)
        return child_finished(tx, &parent);
    if (job->state == JOB_CANCELLED)
        return job_end(tx, &parent, JOB_CANCELLED, STR_EMPTY, actor, a);
    struct str error = arena_printf(a, "the nested job %s failed: %.*s", job->id.text,
                                    (int)job->error.len, job->error.ptr);
    return job_end(tx, &parent, JOB_ERROR, error, actor, a);
}

static enum err add_descendants(struct store_tx *tx, struct arena *a, struct job *list,
                                size_t capacity, size_t *count)
{
    for (size_t i = 0; i < *count; i++) { /* the list grows meanwhile */
        struct job *children;
        size_t child_count;
        TRY(store_job_children(tx, ulid_str(&list[i].id), a, &children, &child_count));
        for (size_t k = 0; k < child_count && *count < capacity; k++)
            list[(*count)++] = children[k];
    }
    return OK;
}

enum err job_nested_family(struct store_tx *tx, const struct job *job, struct arena *a,
                           struct job **ret, size_t *ret_count)
{
    enum { FAMILY_MAX = 1 + JOB_NESTED_MAX };
    struct job *list = arena_array(a, FAMILY_MAX, sizeof *list);
    size_t count = 1;
    list[0] = *job;
    while (list[0].parent_id.len)
        TRY(store_job_any(tx, list[0].parent_id, false, a, &list[0]));
    TRY(add_descendants(tx, a, list, FAMILY_MAX, &count));
    *ret = list;
    *ret_count = count;
    return OK;
}
