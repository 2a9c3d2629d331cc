/* One delivery on its way: read from the store, sent as an order, recorded with its outcome. Used
 * by courier_dispatch.c alone, which owns the list and its lock. */
#ifndef COURIER_FLIGHT_H
#define COURIER_FLIGHT_H

#include "jobs.h"
#include "order.h"

enum flight_state {
    FLIGHT_SENT,      /* the courier has it; the answer thread moves it on */
    FLIGHT_ANSWERED,  /* to be recorded */
    FLIGHT_RECORDING, /* the store's writer has it */
    FLIGHT_RECORDED,  /* `recorded` says how it went */
};

struct flight {
    struct flight *next;
    struct courier_dispatch *owner;
    enum flight_state state;
    struct arena arena; /* all that the flight points to */
    struct delivery delivery;
    struct job job; /* with payload */
    struct ref_bundle bundle;
    struct ref_bundle signing; /* of a webhook; no record: it is not signed */
    struct str host;
    bool sent;            /* values may have been resolved for it */
    uint64_t size_bytes;  /* of an upload */
    uint64_t there, told; /* of an upload in parts: bytes at the other side; in the job's log */
    enum job_attempt attempt;
    int64_t status;
    struct str message;
    int64_t record_after_ms; /* monotonic; the store could not take it before */
    struct job_delivered record;
    enum err recorded;
};

struct flight *flight_new(struct courier_dispatch *owner, const struct delivery *delivery);
void flight_free(struct flight **f);
void flight_autop(struct flight **f);

/* Loads the job and builds the bundles. When the delivery cannot be sent at all (a secret is gone),
 * the flight is ANSWERED with a failure. ERR_NOT_FOUND: the job is gone; ERR_AGAIN: later. */
enum err flight_load(struct flight *f, struct store_tx *tx) MUST_USE;

/* The order for it; body is its JSON (webhooks), *ret_fd the output (uploads) or -1. An output that
 * is not there makes the flight ANSWERED with a failure, and OK. */
enum err flight_order(struct flight *f, struct vault *vault, int spool_folder, struct buf *body,
                      struct order *ret, int *ret_fd) MUST_USE;

/* Takes over what the courier said last. `stopping`: it was told to end, so its end says nothing.
 */
void flight_answer(struct flight *f, const struct answer *answer, bool stopping);

/* store_op; ctx is a flight: a line in the job's log says how much of the file is there. Only reads
 * the flight: its last answer may come meanwhile. */
enum err flight_progress_op(struct store_tx *tx, void *ctx) MUST_USE;

/* Fills f->record from the answer, at now. */
void flight_settle(struct flight *f, int64_t now_ms);

#endif
