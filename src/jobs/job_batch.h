/* Batches: up to BATCH_JOBS_MAX jobs in one request, each accepted or refused for itself. */
#ifndef JOB_BATCH_H
#define JOB_BATCH_H

#include "jobs.h"
#include "store_batch.h"

/* The elements of `jobs` in the body of POST /batches, as they stand: borrowed. All but the
 * elements is checked (they are, one by one, when each is prepared), so memory does not grow with
 * the number of values in the whole. ERR_JSON, ERR_INVALID with problems. */
enum err job_batch_split(struct str body, struct arena *a, struct problems *problems,
                         struct str **ret_jobs, size_t *ret_count) MUST_USE;

struct job_batch {
    const struct actor *actor;
    struct arena *arena;
    struct batch batch;
    struct job_batch_item {
        enum err err;                 /* why it was refused, else OK */
        struct job_prepared prepared; /* accepted: with what its row and the answer need */
        struct str why;               /* refused: a sentence, and every place */
        struct problem *details;
        size_t detail_count;
    } *items;
    size_t count, good_count;
    size_t refused_count;
    struct actor quiet; /* the actor, without suggestions */
};
/* Prepares each job for itself, in a memory of its own. Their bytes stay borrowed. Only the first
 * few that are refused are told which secret was perhaps meant. An error that is no job's fault
 * ends it all, and so does text that is not JSON (ERR_JSON with problems). */
enum err job_batch_prepare(struct store_tx *read, const struct str *jobs, size_t count,
                           struct problems *problems, struct job_batch *b) MUST_USE;
/* store_op; ctx is a struct job_batch: the batch and all good jobs with their audit records. */
enum err job_batch_insert_op(struct store_tx *tx, void *ctx) MUST_USE;
/* The 201, or 400 when no job was accepted (contract 2.7). */
enum err job_batch_write_created(const struct job_batch *b, struct buf *out) MUST_USE;

/* How a batch stands. */
enum err job_batch_write(struct store_tx *read, struct vault *vault, const struct batch *batch,
                         struct arena *a, struct buf *out) MUST_USE;

struct job_batch_cancel {
    const struct actor *actor;
    struct str id;
    bool running;
    struct arena *arena;
    struct batch ret_batch;
    struct job_batch_outcome {
        struct job job; /* afterwards */
        bool cancelled;
    } *ret_outcomes; /* of each job of the batch */
    size_t ret_count;
    struct job *ret_cancelled; /* with relatives */
    size_t ret_cancelled_count;
};
/* store_op. ERR_NOT_FOUND. */
enum err job_batch_cancel_op(struct store_tx *tx, void *ctx) MUST_USE;
enum err job_batch_write_cancelled(const struct job_batch_cancel *c, struct buf *out) MUST_USE;

#endif
