/* Jobs for workers of protocol v1, the open-source farm's (docs/PROTOCOL-worker.md): what can be
 * said to them, and how. One table, job_stock.def. Owner thread. */
#ifndef JOB_STOCK_H
#define JOB_STOCK_H

#include "job_bundle.h"
#include "store_template.h"

/* Why no such worker can render this payload, as the end of a sentence ("the job ..."), or empty.
 * `stored` is its template's row; NULL: it has an address, or none. The payload is known to be
 * valid. Static text. *ret_mogrt: its template is one, which not every such worker can do. */
enum err job_stock_cannot(struct str payload, const struct template_row *stored, struct arena *a,
                          struct str *ret_why, bool *ret_mogrt) MUST_USE;

/* Can a worker that calls itself so render a mogrt? */
bool job_stock_takes_mogrt(struct str user_agent);
/* All of them can (they run on Windows). Set once, before the first lease. */
void job_stock_set_mogrt(bool all);

/* Part of job_lease_op for a lease with `stock`: composes the v1 document with its one-time
 * addresses and finds the records of what it hands over. *ret_error is not empty when the job
 * cannot be given out at all; then nothing was written. */
enum err job_stock_compose(struct store_tx *tx, struct job_lease *l, const struct job_text *text,
                           struct str *ret_error) MUST_USE;
/* After the commit: the job's JSON, values opened and spliced. The buffer is wiped by its owner. */
enum err job_stock_write(const struct job_lease *l, struct vault *vault, struct buf *out) MUST_USE;

/* Where the farm's workers have aerender write its log, so that it can be handed in. Set once,
 * before the first lease. Asking for a file that is not there would end the worker's process. */
enum job_stock_log {
    JOB_STOCK_LOG_OFF,
    JOB_STOCK_LOG_TEMP,    /* beside the job's folder: what @nexrender/core does by default */
    JOB_STOCK_LOG_PROJECT, /* in it: NEXRENDER_ENABLE_AELOG_PROJECT_FOLDER=1 */
};
bool job_stock_log_from(struct str name, enum job_stock_log *ret); /* "off", "temp", "project" */
void job_stock_set_log(enum job_stock_log where);
enum job_stock_log job_stock_log(void);

/* The light form (uid, state, progress, error, times): what status calls answer. */
enum err job_stock_write_light(const struct job *job, struct buf *out) MUST_USE;

/* Who has the job: "<worker>/lease-<end of the lease's id>". Such workers send it back with
 * whatever they say, so that one that comes back late is not taken for the one that has the job
 * now. */
struct str job_stock_executor(const struct job *job, struct arena *a);

/* What a worker says of its job: PUT /api/v1/jobs/{uid}. */
enum job_stock_word {
    STOCK_ALIVE,    /* started, render:*, or nothing */
    STOCK_QUEUED,   /* it gives the job back */
    STOCK_FINISHED, /* and handed the output in */
    STOCK_ERROR,
};
/* False: not a state of protocol v1. */
bool job_stock_word_from(struct str state, enum job_stock_word *ret);

struct job_stock_update {
    struct str team_id, token_id, job_id, worker;
    struct str executor; /* as it was told; what is none of ours says nothing */
    enum job_stock_word word;
    int64_t progress; /* -1: none */
    struct str error; /* masked */
    struct arena *arena;
    struct job ret_job; /* as it is afterwards */
};
/* store_op. A job that has ended, or whose output is whole, is left as it is for the worker that
 * had it last. ERR_NOT_FOUND: not the team's; ERR_LEASE_LOST: not this worker's (any more). */
enum err job_stock_update_op(struct store_tx *tx, void *ctx) MUST_USE;

/* Does it have an action? Those would run on a worker, with what they need to know; upload and
 * webhook of a v2 job are done by Safelight itself. False for what is not an object, too. */
bool job_stock_has_actions(struct str v1);
/* A v1 payload without actions as a v2 one: POST /api/v1/jobs. ERR_JSON, ERR_INVALID with problems.
 */
enum err job_stock_accept(struct str v1, struct arena *a, struct problems *problems,
                          struct str *ret_payload) MUST_USE;

#endif
