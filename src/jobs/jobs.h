/* What a job is from submit to its end: the rules that the HTTP layer and the dispatcher call. No
 * HTTP here, no sockets. `prepare` functions only read; `..._op` functions run in a write
 * transaction (store_op) and may run twice. */
#ifndef JOBS_H
#define JOBS_H

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

/* --- submit --- */
struct job_warning {
    struct str field,
        message; /* pointer; why: the value will be painted or run, and seen by the worker */
};
struct job_prepared {
    struct job job;
    struct ref_list refs;
    struct job_warning *warnings;
    size_t warning_count;
    const struct actor *actor;
};
/* Checks the payload of POST /jobs: rules of the contract (section 2), references (known, allowed
 * by the token's name pattern). Everything in the arena. ERR_JSON, ERR_INVALID (problems),
 * ERR_TOO_LARGE, ERR_NOT_FOUND (template without src: templates are not there yet). */
enum err job_prepare(struct store_tx *read, const struct actor *actor, struct str payload,
                     struct arena *a, struct problems *problems, struct job_prepared *ret) MUST_USE;
/* store_op; ctx is a struct job_prepared: inserts the job with its audit record. */
enum err job_insert_op(struct store_tx *tx, void *ctx) MUST_USE;

/* --- answers --- */
/* The Job object (contract 2.5): appended as one JSON object. `minimal` leaves out stats. */
enum err job_write(const struct job *job, bool minimal, struct buf *out) MUST_USE;
/* The 201 of a submit: Job members + children-free JobCreationResponse + warnings. */
enum err job_write_created(const struct job_prepared *p, struct buf *out) MUST_USE;
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
/* Host of the part's address as far as it stands in the payload without a reference; else empty. */
struct str job_bundle_host(enum job_part part, const struct ref_bundle *b, struct arena *a);
/* In a write transaction: a SECRET_USED record and the last use for every reference of the bundle,
 * which a request that is sent (or was) resolves. */
enum err job_audit_use(struct store_tx *tx, const struct actor *actor, const struct job *job,
                       const struct ref_bundle *b, struct str host) MUST_USE;

/* --- pick-up --- */
/* How long a lease lasts without a sign of life. Set once, before the first lease; at most and by
 * default JOB_LEASE_MS. */
void job_lease_set_ms(int64_t ms);
int64_t job_lease_ms(void);

struct job_lease {
    /* in */
    const struct actor *actor;
    struct str worker, engines, tags;
    struct str base_url; /* one-time addresses are base_url + "/t/" + ticket */
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
};
/* store_op; ctx is a struct job_lease: leases, makes tickets, writes audit records for the lease
 * and each exposed value. A job whose secret is gone ends as error (naming it) and the next one is
 * tried. */
enum err job_lease_op(struct store_tx *tx, void *ctx) MUST_USE;
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
    bool finished;    /* else error */
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
    JOB_ATTEMPT_LOST,   /* nobody knows: the courier ended; does not count as an attempt */
};
/* Sets state, attempts, next_at_ms and updated_at_ms after an attempt. Uploads are tried again
 * after 1, 2, 4, ... seconds, at most every 5 minutes, for about a day; webhooks 3 times after 1, 4
 * and 16 seconds, whatever the other server answered (status; 0: no answer). */
void job_delivery_step(struct delivery *d, enum job_attempt attempt, int64_t status,
                       int64_t now_ms);
/* A line for the job's log after job_delivery_step: what happened and what happens next. */
struct str job_delivery_line(const struct delivery *d, struct arena *a);

struct job_delivered {
    struct delivery delivery; /* with the new state, attempts, next_at_ms, message */
    struct str status_line; /* for the job's log: "upload to bucket my-renders: 200 (attempt 1)" */
    const struct ref_bundle *used; /* what was resolved for the attempt; NULL: nothing was sent */
    struct str host;               /* it went to, when known */
    struct arena *arena;
};
/* Records an attempt: an upload that is done finishes the job; one that failed for good ends it as
 * error; either makes the webhook due. Webhooks never change the job's state. */
enum err job_delivered_op(struct store_tx *tx, void *ctx) MUST_USE;

/* Where an output lies in the spool: "<job id>.out" in the spool folder. */
struct str job_spool_name(struct str job_id, struct arena *a);

#endif
