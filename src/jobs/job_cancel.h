/* Cancelling: what waits ends at once as manually_cancelled, with its nested jobs, its parents and
 * their nested jobs that wait. */
#ifndef JOB_CANCEL_H
#define JOB_CANCEL_H

#include "jobs.h"

struct job_cancel {
    const struct actor *actor;
    const struct str *ids; /* ULIDs, each once */
    size_t id_count;
    bool running; /* also what is being rendered: its worker hears of it at its next beat */
    struct arena *arena;
    struct job *ret_jobs; /* all that were cancelled, relatives too; without payloads */
    size_t ret_count;
};
/* store_op; ctx is a struct job_cancel. All or nothing: ERR_NOT_FOUND when one id is not the
 * team's, ERR_CONFLICT when one of them cannot be cancelled any more. */
enum err job_cancel_op(struct store_tx *tx, void *ctx) MUST_USE;

/* Can it be cancelled as it is now? */
bool job_cancel_possible(const struct job *job, bool running);

#endif
