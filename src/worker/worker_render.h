/* One job from lease to report. Owner thread. */
#ifndef WORKER_RENDER_H
#define WORKER_RENDER_H

#include "worker_lease.h"

struct render_options {
    const char *engine; /* command */
    const char *work;   /* folder for job folders */
    bool keep;          /* leave them there */
};

/* Reports how it ended, unless the lease is over before: then what runs is stopped, and a job that
 * is still ours is given back. True when the job was handed in as finished. */
bool worker_render(struct lease *l, const struct render_options *o);

#endif
