/* What a job is from submit to its end: the rules that the HTTP layer and the dispatcher call. No
 * HTTP here, no sockets. `prepare` functions only read; `..._op` functions run in a write
 * transaction (store_op) and may run twice. */
#ifndef JOBS_H
#define JOBS_H

#include "json_encode.h"
#include "problems.h"
#include "ref_bundle.h"
#include "store_job.h"
#include "store_team.h"
#include "vault.h"

/* --- who acts, for audit records --- */
struct actor {
    struct str team_id, token_id, address, request_id; /* token_id "system" for our own work */
    struct str names;    /* pattern of secret names the token may refer to */
    bool may_list_names; /* then a nearest name may be suggested */
};

/* Said of a job that ends since what is stored of it cannot be read any more. */
#define JOB_DAMAGED "what is stored of the job, or of a secret of it, was damaged; submit it again"

/* --- submit --- */
struct job_warning {
    struct str field, message; /* pointer; why: what the worker will see, who will take the job */
};
struct job_prepared {
    struct job job;
    struct ref_list refs;    /* its own, not those of nested jobs; pointers in what was submitted */
    struct job_reach *reach; /* of each: where the value goes (job_reach.h) */
    uint32_t *versions;      /* of each: the version that it means now */
    struct ulid *fonts;      /* uploaded ones that it names */
    size_t font_count;
    bool stored_template;
    struct job_prepared *children; /* the jobs nested in it */
    size_t child_count;
    const struct actor *actor;
    /* of the outermost one, about all of them: */
    struct job_warning *warnings;
    size_t warning_count, nested_count;
};
/* Checks the payload of POST /jobs or, for JOB_KIND_JOIN, /jobs/join: rules of the contract
 * (section 2), references (known, allowed by the token's name pattern), nested jobs by the same
 * rules. All in the arena, but the payload, which stays borrowed. ERR_JSON, ERR_INVALID (problems),
 * ERR_TOO_LARGE, ERR_NOT_FOUND (there is no such template). */
enum err job_prepare(struct store_tx *read, const struct actor *actor, enum job_kind kind,
                     struct str payload, struct arena *a, struct problems *problems,
                     struct job_prepared *ret) MUST_USE;
#define JOB_NO_TEMPLATE "There is no such template; upload it first, or give the job a template.src"
/* store_op; ctx is a struct job_prepared: inserts the job and those nested in it, each with its
 * audit record. ERR_NOT_FOUND: the template went meanwhile. */
enum err job_insert_op(struct store_tx *tx, void *ctx) MUST_USE;

/* --- answers --- */
/* The Job object (contract 2.5): appended as one JSON object. `minimal` leaves out stats. */
enum err job_write(const struct job *job, bool minimal, struct buf *out) MUST_USE;
/* The 201 of a submit: Job members + children + warnings. */
enum err job_write_created(const struct job_prepared *p, struct buf *out) MUST_USE;
/* The same members for an answer about several: of the job, its children, the first warnings. */
void job_write_created_members(struct json_out *o, const struct job_prepared *p);
/* The member `stats` alone. */
void job_write_stats(struct json_out *o, const struct job *job);
/* The 200 of a dry run: every reference and what it reaches, and the warnings. */
enum err job_write_checked(const struct job_prepared *p, struct buf *out) MUST_USE;
/* The body of a webhook when `custom` is false: Job + state, error, finishedAt, renderDuration. The
 * caller closes nothing: it is a whole object. `data` is added by the courier. */
enum err job_write_webhook(const struct job *job, struct buf *out) MUST_USE;

/* --- bundles: parts of a payload that another process resolves --- */
enum job_part { JOB_PART_UPLOAD, JOB_PART_WEBHOOK, JOB_PART_ASSET, JOB_PART_ALL };
/* `pointer` names the asset ("/assets/0" or "/template"); unused otherwise. JOB_PART_ALL is for
 * masks: the whole payload with every reference; secrets that are gone are left out of it, and if
 * the worker may have been given the value of one, *ret_missing is its name: then text of the
 * worker's cannot be masked and must be withheld. For the others a missing secret is ERR_NOT_FOUND
 * and *ret_missing is its name. ERR_NOT_FOUND with an empty name: the payload has no such part. */
/* `job` is with payload. ERR_AGAIN: the team's key is being rotated just now. The bundle borrows
 * from job->payload and lives in the arena. */
enum err job_bundle(struct store_tx *tx, const struct job *job, enum job_part part,
                    struct str pointer, struct arena *a, struct ref_bundle *ret,
                    struct str *ret_missing) MUST_USE;
/* The team's secret that signs webhooks: a bundle of that one record. Without one the bundle has no
 * record. ERR_NOT_FOUND: the secret is gone; *ret_name is its name. ERR_AGAIN as above. */
enum err job_signing(struct store_tx *tx, const struct job *job, struct arena *a,
                     struct ref_bundle *ret, struct str *ret_name) MUST_USE;
/* Host of the part's address as far as it stands in the payload without a reference; else empty. */
struct str job_bundle_host(enum job_part part, const struct ref_bundle *b, struct arena *a);
/* In a write transaction: a SECRET_USED record and the last use for every reference of the bundle,
 * which a request that is sent (or was) resolves. */
enum err job_audit_use(struct store_tx *tx, const struct actor *actor, const struct job *job,
                       const struct ref_bundle *b, struct str host) MUST_USE;

/* --- pick-up --- */
/* How long a lease lasts without a sign of life, from its next renewal on; at most and by default
 * JOB_LEASE_MS. Stock workers are silent for long: at most JOB_STOCK_LEASE_MAX_MS. */
void job_lease_set_ms(int64_t ms);
int64_t job_lease_ms(void);
void job_lease_set_stock_ms(int64_t ms);
int64_t job_lease_stock_ms(void);
/* A sign of life of a job under a lease; the caller updates the row. */
void job_run_renew(struct job *job, int64_t now_ms);

struct job_lease {
    /* in */
    const struct actor *actor;
    struct str worker, engines, tags;
    struct str base_url; /* one-time addresses are base_url + "/t/" + ticket */
    bool stock;          /* an open-source worker, which gets its own form (job_stock.h) */
    bool mogrt;          /* one that can render a mogrt */
    bool not_exposed;    /* only a job that hands over no value */
    struct arena *arena;
    /* out */
    bool found;
    struct job job;            /* with payload */
    struct ref_bundle exposed; /* the payload and the references whose values the worker gets */
    struct job_edit {
        size_t begin, end;
        struct str text;
    } *edits; /* upload, webhook -> null; secret-bearing src -> one-time URL; headers -> {} */
    size_t edit_count;
    struct str output_url;
    struct str fonts;       /* JSON array of {name, src}; empty: it needs none */
    const bool *in_address; /* stock: of each use of `exposed`: it stands in a data: address */
};
/* store_op; ctx is a struct job_lease: leases, makes tickets, writes audit records for the lease
 * and each exposed value. A job whose secret is gone ends as error (naming it) and the next one is
 * tried. */
enum err job_lease_op(struct store_tx *tx, void *ctx) MUST_USE;
/* store_op; ctx is a lease that was found and cannot be told to its worker at the moment: the job
 * is queued again as if nobody had had it. */
enum err job_lease_undo_op(struct store_tx *tx, void *ctx) MUST_USE;
/* After the commit: the lease's JSON (PROTOCOL-worker.md), values opened and spliced. The buffer is
 * wiped by its owner. On an error the caller ends the job by job_finish_op, by the system. */
enum err job_write_lease(const struct job_lease *l, struct vault *vault, struct buf *out) MUST_USE;

/* --- under a lease --- */
struct job_beat {
    struct str lease_id, token_id;
    int64_t progress; /* -1: none */
    struct arena *arena;
    bool ret_cancel; /* the job was cancelled: the worker stops; nothing else was changed */
};
enum err job_beat_op(struct store_tx *tx, void *ctx) MUST_USE;

struct job_log_chunk { /* text is already masked */
    struct str lease_id, token_id;
    int64_t offset;   /* of the worker's bytes that were masked */
    int64_t consumed; /* how many of them `text` stands for */
    struct str text;
    struct str end; /* not empty: what comes later cannot be kept, and this line says why */
    struct arena *arena;
    int64_t ret_accepted; /* the worker sends on from here */
};
/* Stores only when offset is what the lease has consumed so far; a repeat stores nothing. Past
 * JOB_LOG_MAX_BYTES, or once `end` was given, one line says so and the rest is dropped. */
enum err job_log_op(struct store_tx *tx, void *ctx) MUST_USE;

struct job_output { /* the file is whole and synced in the spool */
    struct str job_id, lease_id;
    int64_t bytes;
    struct arena *arena;
};
enum err job_output_op(struct store_tx *tx, void *ctx) MUST_USE;

struct job_finish {
    struct str lease_id, token_id; /* both empty: by the system, for job_id */
    struct str job_id;
    bool finished;    /* else error, or: */
    bool given_back;  /* the worker was stopped; the job waits for another one */
    struct str error; /* masked; capped at JOB_ERROR_MAX_BYTES */
    struct arena *arena;
};
/* finished: makes the deliveries due (upload, else the end; the webhook follows the end).
 * ERR_CONFLICT without an output. error: the job ends and its webhook is due. A final state is
 * never changed. */
enum err job_finish_op(struct store_tx *tx, void *ctx) MUST_USE;

/* --- time --- */
struct job_sweep {
    int64_t now_ms;
    struct arena *arena;
    size_t ret_requeued, ret_failed;
};
/* Ends leases that ran out: re-queues, or after JOB_LEASES_MAX fails the job with its log kept.
 * Sweeps tickets. */
enum err job_sweep_op(struct store_tx *tx, void *ctx) MUST_USE;

/* --- deliveries --- */
enum job_attempt {
    JOB_ATTEMPT_DONE,
    JOB_ATTEMPT_RETRY,  /* may work later */
    JOB_ATTEMPT_FAILED, /* will not work as it is */
    /* nobody knows: the courier died; given up after DELIVERY_LOST_MAX in a row */
    JOB_ATTEMPT_LOST,
    JOB_ATTEMPT_PUT_OFF, /* it did not come to one; neither counts as an attempt */
};
/* Sets state, attempts, lost, next_at_ms and updated_at_ms after an attempt. Uploads are tried
 * again after 1, 2, 4, ... seconds, at most every 5 minutes, for about a day; webhooks 3 times
 * after 1, 4 and 16 seconds, whatever the other server answered (status; 0: no answer). */
void job_delivery_step(struct delivery *d, enum job_attempt attempt, int64_t status,
                       int64_t now_ms);
/* The longest gap, from the next step on; at most and by default UPLOAD_GAP_MAX_MS. */
void job_delivery_set_gap_max_ms(int64_t ms);
/* A line for the job's log after job_delivery_step: what happened and what happens next. */
struct str job_delivery_line(const struct delivery *d, struct arena *a);

struct job_delivered {
    struct delivery delivery; /* with the new state, attempts, next_at_ms, message */
    struct str status_line; /* for the job's log: "upload to bucket my-renders: 200 (attempt 1)" */
    const struct ref_bundle *used; /* what was resolved for the attempt; NULL: nothing was sent */
    const struct ref_bundle *signed_with; /* likewise; NULL: not signed */
    struct str host;                      /* it went to, when known */
    struct arena *arena;
};
/* Records an attempt: an upload that is done finishes the job; one that failed for good ends it as
 * error; either makes the webhook due. Webhooks never change the job's state; one that was taken
 * back meanwhile stays so. */
enum err job_delivered_op(struct store_tx *tx, void *ctx) MUST_USE;

struct job_note { /* a line of ours for the job's log, with its line feed */
    struct str job_id, line;
    struct arena *arena;
};
enum err job_note_op(struct store_tx *tx, void *ctx) MUST_USE;

/* What failed of a job's upload and webhooks is due again now, with fresh attempts; also what waits
 * for its next one. A job that ended as error because of its upload is rendering again until that
 * is decided, and then tells its webhook again. */
struct job_redeliver {
    const struct actor *actor;
    struct str job_id;
    bool output_there; /* the file is in the spool */
    struct arena *arena;
    struct job ret_job; /* as it is now */
};
/* store_op. ERR_NOT_FOUND; ERR_CONFLICT: nothing failed; ERR_GONE: the upload failed and the file
 * is not there any more. */
enum err job_redeliver_op(struct store_tx *tx, void *ctx) MUST_USE;

/* Where an output lies in the spool: "<job id>.out" in the spool folder. */
struct str job_spool_name(struct str job_id, struct arena *a);

/* Of an output, by the end of its name. */
#define JOB_CONTENT_TYPE_UNKNOWN "application/octet-stream"
struct str job_content_type(struct str output_name);

#endif
