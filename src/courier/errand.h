/* One order being carried out, on a thread of its own: what it is given, and how it ends. The four
 * kinds are upload.c, webhook.c, download.c and mask.c; resolve.c is what they share on the way in,
 * this file what they share on the way out. */
#ifndef COURIER_ERRAND_H
#define COURIER_ERRAND_H

#include "fetch.h"
#include "order.h"
#include "redact.h"
#include "resolve.h"

struct errand {
    const struct order *order;
    int data_fd; /* -1: none */
    struct vault *vault;
    const struct guard_policy *guard;
    const char *ca_file;
    /* UPLOAD: files larger than this go in parts of it; 0: never. */
    uint64_t part_bytes;
    int64_t pause_ms; /* before a part's second try, then twice as long */
    /* Sends a HEAD answer (DOWNLOAD) or PROGRESS (UPLOAD in parts). */
    enum err (*head)(void *ctx, const struct answer *answer);
    void *head_ctx;
};

struct errand_end {
    enum outcome outcome;
    enum err err;
    int64_t status;
    int64_t consumed;
    struct buf message; /* at most ANSWER_MESSAGE_MAX_BYTES, masked */
};
void errand_end_auto(struct errand_end *e);

/* Carries the order out; always ends one way or the other. Any thread. */
void errand_run(const struct errand *e, struct errand_end *ret);

void upload_run(const struct errand *e, struct errand_end *ret);
void webhook_run(const struct errand *e, struct errand_end *ret);
void download_run(const struct errand *e, struct errand_end *ret);
void mask_run(const struct errand *e, struct errand_end *ret);

/* No answer came. May the same thing work later? */
enum outcome errand_outcome(enum err err);
/* A static sentence for an error of ours. */
const char *errand_why(enum err err);

/* Ends with an error before anything was sent: `what` is ours ("upload", "webhook"), `secret` the
 * name of the one that the vault refused, or empty. */
void errand_refuse(struct errand_end *e, const char *what, struct str secret, enum err err);

/* Ends with what fetch_run gave. `what` names the action and its destination ("upload to bucket b
 * at h"), `reason` what the other server said; the set masks all of it (NULL: nothing to mask). */
void errand_conclude(struct errand_end *e, const struct redact_set *set, struct str what,
                     enum err err, const struct fetch_result *result, struct str reason);

/* Writes to a pipe that may be full: ERR_TIMEOUT when its reader takes nothing for a minute, ERR_IO
 * when it is gone. */
enum err errand_write(int fd, struct str bytes) MUST_USE;

#endif
