/* Jobs, their logs, leases, one-time tickets and deliveries. A job's payload is stored as it came.
 */
#ifndef STORE_JOB_H
#define STORE_JOB_H

#include "buf.h"
#include "store.h"

/* Stored by number: new ones go to the end. */
enum job_state {
    JOB_QUEUED,
    JOB_PENDING,
    JOB_RENDERING,
    JOB_FINISHED,
    JOB_ERROR,
    JOB_CANCELLED,
    JOB_STATE_COUNT
};
/* "queued", "pending", "render:dorender", "finished", "error", "manually_cancelled" */
const char *job_state_name(enum job_state s);
bool job_state_from(struct str name, enum job_state *ret);
bool job_state_final(enum job_state s);

/* Stored by number. */
enum job_kind {
    JOB_KIND_RENDER,
    JOB_KIND_JOIN, /* its assets are videos, put one behind the other */
};

struct job {
    struct ulid id, team_id;
    enum job_kind kind;
    enum job_state state;
    struct str payload;      /* raw JSON as submitted; only when asked for */
    struct str template_id;  /* may be empty */
    struct str output_url;   /* as answers show it: reference text, never a value; may be empty */
    struct str output_name;  /* "<id>.mp4" */
    struct str tags;         /* comma list, may be empty */
    struct str engine;       /* capability a worker must have; empty: any */
    struct str submitted_by; /* token id */
    int64_t priority;
    int64_t total_assets;
    int64_t progress; /* 0..100 */
    int64_t created_at_ms, updated_at_ms, started_at_ms, finished_at_ms,
        error_at_ms;        /* 0: not yet */
    int64_t rendered_at_ms; /* the output is whole in the spool; what is left is delivery */
    struct str error;       /* masked; may be empty */
    struct str lease_id;    /* ULID or empty */
    int64_t lease_expires_at_ms;
    int64_t lease_count;
    struct str lease_token; /* token id of the worker */
    struct str worker;      /* what the worker calls itself */
    int64_t output_bytes;   /* -1: none yet */
    int64_t log_bytes;      /* stored */
    int64_t log_consumed;   /* of the present lease's log, as the worker counts */
    struct str parent_id;   /* of a nested job; else empty */
    int64_t parent_asset;   /* which of the parent's assets it is */
    int64_t waiting;        /* a pending job's children that are not finished */
    struct str batch_id;    /* else empty */
    int64_t batch_index;
    bool exposes;             /* whoever renders it is handed values of secrets */
    bool stock;               /* its lease is one of the open-source worker (protocol v1) */
    struct str missing_fonts; /* JSON array of names; empty: none missing */
};
/* An engine that every worker of ours serves and no stock worker does. */
#define JOB_ENGINE_OWN "safelight"
/* The same, and those stock workers that can render a mogrt. */
#define JOB_ENGINE_MOGRT "mogrt"
/* Engines that a job gets when it asks for none and no stock worker can do it. */
#define JOB_ENGINE_JOIN     "ffmpeg"
#define JOB_ENGINE_FUNCTION "function"

enum err store_job_insert(struct store_tx *tx, const struct job *job) MUST_USE;
enum err store_job_get(struct store_tx *tx, struct str team_id, struct str id, bool with_payload,
                       struct arena *a, struct job *ret) MUST_USE;
/* By id alone, for leases, tickets and the system's own work. */
enum err store_job_any(struct store_tx *tx, struct str id, bool with_payload, struct arena *a,
                       struct job *ret) MUST_USE;

enum job_sort { JOB_OLDEST_FIRST, JOB_NEWEST_FIRST, JOB_RANDOM, JOB_BY_PRIORITY };
struct job_query {
    struct str team_id;
    uint64_t from, limit;
    int64_t from_ms, to_ms;          /* by creation; 0: open */
    unsigned states, exclude_states; /* bit sets of enum job_state; states 0: all */
    enum job_sort sort;
    struct str tags; /* any overlap; empty: all */
};
enum err store_job_list(struct store_tx *tx, const struct job_query *q, struct arena *a,
                        struct job **ret, size_t *ret_count) MUST_USE; /* without payloads */
/* By parent_asset; without payloads. */
enum err store_job_children(struct store_tx *tx, struct str parent_id, struct arena *a,
                            struct job **ret, size_t *ret_count) MUST_USE;

/* That one of the job's own references names this secret; more than once does no harm. */
enum err store_job_secret_add(struct store_tx *tx, const struct job *job, struct str name) MUST_USE;
/* Jobs of the team that were submitted with a secret of this name, newest first, without payloads;
 * `waiting`: only those that have not ended. Some from before the table may not name it. */
enum err store_job_secret_users(struct store_tx *tx, struct str team_id, struct str name,
                                bool waiting, size_t limit, struct arena *a, struct job **ret,
                                size_t *ret_count) MUST_USE;

/* How many jobs of the team name a secret: of `limit` the newest, and how many of those have not
 * ended. What was said of other jobs of the table above holds here too. */
struct secret_uses {
    int64_t jobs, waiting;
    struct str newest; /* a job's id; empty: none */
};
enum err store_job_secret_uses(struct store_tx *tx, struct str team_id, struct str name,
                               size_t limit, struct arena *a, struct secret_uses *ret) MUST_USE;

/* Takes the next queued job of the team that fits: highest priority, then oldest. ERR_NOT_FOUND:
 * none. `engines` and `tags` are comma lists; a job without an engine fits any worker, one for
 * JOB_ENGINE_OWN any that is not stock, and a worker without tags takes any. Counts the lease. With
 * the payload. */
struct lease_request {
    struct str team_id, lease_id, token_id, worker, engines, tags;
    int64_t now_ms, lease_ms;
    bool stock;       /* an open-source worker: jobs without an engine only */
    bool mogrt;       /* one that can render a mogrt */
    bool not_exposed; /* only jobs that hand over no value */
};
enum err store_job_lease(struct store_tx *tx, const struct lease_request *r, struct arena *a,
                         struct job *ret) MUST_USE;
/* The rendering job under this lease, of this token. ERR_LEASE_LOST when it ended, expired (now) or
 * is another's. */
enum err store_job_leased(struct store_tx *tx, struct str lease_id, struct str token_id,
                          int64_t now_ms, struct arena *a, struct job *ret) MUST_USE;
/* Did the job under this lease, of this token, end because it was cancelled? */
enum err store_job_lease_cancelled(struct store_tx *tx, struct str lease_id, struct str token_id,
                                   bool *ret) MUST_USE;
/* Writes every changeable column of the row (state, progress, times, error, lease, output, log
 * counts). */
enum err store_job_update(struct store_tx *tx, const struct job *job) MUST_USE;
/* Rendering jobs without rendered_at whose lease ended before now, up to limit. */
enum err store_job_expired(struct store_tx *tx, int64_t now_ms, size_t limit, struct arena *a,
                           struct job **ret, size_t *ret_count) MUST_USE;

/* Log: masked text, appended; its position is job->log_bytes, which the caller then advances. */
enum err store_log_append(struct store_tx *tx, struct str job_id, int64_t offset,
                          struct str text) MUST_USE;
enum err store_log_read(struct store_tx *tx, struct str job_id, int64_t from, size_t limit_bytes,
                        struct buf *out) MUST_USE;

/* One-time addresses: the id in the URL is random; only its hash is stored. */
enum ticket_kind {
    TICKET_OUTPUT_PUT = 1,
    TICKET_ASSET_GET = 2,
    TICKET_OUTPUT_GET = 3,   /* pointer: id of the nested job whose output it is */
    TICKET_TEMPLATE_GET = 4, /* pointer: id of the stored template */
    TICKET_FONT_GET = 5,     /* pointer: id of the font */
    TICKET_STOCK_OUTPUT = 6, /* protocol v1: asks where to put the output */
    TICKET_STOCK_LOG = 7,    /* and the log */
    TICKET_STOCK_LOG_PUT = 8,
    TICKET_STOCK_DONE = 9, /* says that it was put */
    TICKET_KIND_LAST = TICKET_STOCK_DONE,
};
struct ticket {
    uint8_t hash[32];
    enum ticket_kind kind;
    struct ulid team_id, job_id;
    struct str lease_id; /* empty: bound to none */
    struct str pointer;  /* ASSET_GET: JSON pointer of the asset */
    int64_t expires_at_ms;
    int64_t uses_left;
};
enum err store_ticket_insert(struct store_tx *tx, const struct ticket *t) MUST_USE;
/* What a use of it would be; takes none. ERR_GONE: used up or expired; ERR_NOT_FOUND: never was. */
enum err store_ticket_look(struct store_tx *tx, const uint8_t hash[static 32], int64_t now_ms,
                           struct arena *a, struct ticket *ret) MUST_USE;
/* Takes one use; errors as above. */
enum err store_ticket_take(struct store_tx *tx, const uint8_t hash[static 32], int64_t now_ms,
                           struct arena *a, struct ticket *ret) MUST_USE;
enum err store_ticket_sweep(struct store_tx *tx, int64_t now_ms) MUST_USE;

/* What is left to do after rendering, in order of `step`: upload, then webhook. */
enum delivery_kind { DELIVERY_UPLOAD = 1, DELIVERY_WEBHOOK = 2 };
enum delivery_state { DELIVERY_DUE = 1, DELIVERY_DONE = 2, DELIVERY_FAILED = 3 };
struct delivery {
    struct ulid id, job_id, team_id;
    enum delivery_kind kind;
    enum delivery_state state;
    int64_t attempts, next_at_ms, updated_at_ms;
    int64_t lost;       /* times in a row that the courier died over it */
    struct str message; /* last attempt, masked */
};
enum err store_delivery_insert(struct store_tx *tx, const struct delivery *d) MUST_USE;
enum err store_delivery_update(struct store_tx *tx, const struct delivery *d) MUST_USE;
/* What is due: up to `each` of each kind for each team, the longest due first; the teams take
 * turns, beginning after the team `after` (empty: with the first). With very many teams not all of
 * them: the caller goes on after the last one that had its turn. */
enum err store_delivery_due(struct store_tx *tx, int64_t now_ms, struct str after, size_t each,
                            struct arena *a, struct delivery **ret, size_t *ret_count) MUST_USE;
/* Earliest next_at_ms of any DUE delivery; INT64_MAX: none. */
enum err store_delivery_next_at(struct store_tx *tx, int64_t *ret) MUST_USE;
enum err store_delivery_of_job(struct store_tx *tx, struct str job_id, struct arena *a,
                               struct delivery **ret, size_t *ret_count) MUST_USE;

#endif
