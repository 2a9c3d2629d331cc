/* An order to the courier: one outbound action on behalf of one job. It travels as a sealed memfd
 * (reference text and sealed records, nothing in clear) with the descriptors it works on. */
#ifndef COURIER_ORDER_H
#define COURIER_ORDER_H

#include "ref_bundle.h"

enum order_kind {
    ORDER_UPLOAD = 1,  /* bundle: the upload object. data_fd: the output in the spool */
    ORDER_WEBHOOK = 2, /* bundle: the webhook object. body: the job object's JSON */
    ORDER_DOWNLOAD =
        3, /* bundle: one asset object (or {"src":...}). data_fd: write end of a pipe */
    ORDER_MASK =
        4, /* bundle: all references of the job. body: text. data_fd: where masked text goes */
};

struct order {
    uint64_t id; /* chosen by the sender; comes back in the answers */
    enum order_kind kind;
    struct str job_id;
    struct ref_bundle bundle;
    struct ref_bundle signing; /* WEBHOOK: the record that signs it; none: it is not signed */
    struct str delivery_id;    /* WEBHOOK that is signed: the same for every attempt */
    struct str body;           /* see kind */
    struct str object_name;    /* UPLOAD: file name, appended to the prefix */
    struct str content_type;   /* UPLOAD */
    uint64_t size_bytes;       /* UPLOAD: of data_fd */
    bool final;                /* MASK: nothing follows, hold nothing back */
};

/* What gzip begins with: MASK keeps nothing from there on. */
#define ORDER_COMPRESSED "\x1f\x8b\x08"

enum err order_encode(const struct order *o, struct buf *out) MUST_USE;
enum err order_decode(struct str bytes, struct arena *arena, struct order *ret) MUST_USE;

/* Answers: HEAD (DOWNLOAD: at most one) or PROGRESS (UPLOAD: some), then exactly one DONE. */
enum answer_kind { ANSWER_HEAD = 1, ANSWER_DONE = 2, ANSWER_PROGRESS = 3 };
enum outcome {
    OUTCOME_DONE = 1,  /* it is delivered, streamed or masked */
    OUTCOME_RETRY = 2, /* it may work later: no answer, broken connection, 408, 429, 5xx */
    OUTCOME_FAILED = 3 /* it will not work as it is: refused address, 4xx, tampered, invalid */
};
struct answer {
    uint64_t id;
    enum answer_kind kind;
    enum outcome outcome;
    enum err err;
    int64_t status;         /* HTTP status of the other server; 0 none */
    int64_t content_length; /* HEAD: -1 unknown. MASK DONE: input bytes consumed. PROGRESS: bytes
                               that are there */
    struct str content_type;
    struct str
        message; /* DONE: for a person, already masked; names bucket, host and status, no value */
};
enum { ANSWER_MESSAGE_MAX_BYTES = 1024 };
enum err answer_encode(const struct answer *a, struct buf *out) MUST_USE;
enum err answer_decode(struct str bytes, struct answer *ret) MUST_USE; /* strs borrow */

#endif
