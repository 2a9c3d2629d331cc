/* Inside src/jobs and src/api: issuing one-time addresses. In a write transaction. */
#ifndef JOB_TICKET_H
#define JOB_TICKET_H

#include "store_job.h"

struct job_ticket {
    const struct job *job; /* its lease binds the address */
    enum ticket_kind kind;
    struct str base_url;
    struct str pointer;   /* what it is for: see enum ticket_kind; may be empty */
    struct str extension; /* ".ttf", for those who look at addresses; may be empty */
};
/* base_url/t/<random><extension>; only the hash of the random part is stored. Downloads work three
 * times (a worker may lose two), everything else once. */
enum err job_ticket_issue(struct store_tx *tx, const struct job_ticket *t, struct arena *a,
                          struct str *ret_url) MUST_USE;

#endif
