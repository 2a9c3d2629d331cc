/* The courier's client, in the api process: orders go out, answers come back on a thread of its
 * own. Any thread. */
#ifndef COURIER_H
#define COURIER_H

#include "order.h"

struct courier;

/* Takes over the socket and starts the thread that reads answers. */
struct courier *courier_connect(int socket);
void courier_free(struct courier **c); /* every open order ends with ERR_UNAVAILABLE first */

/* Called on the answer thread, for each HEAD and once for DONE (also when the courier dies: outcome
 * RETRY, ERR_UNAVAILABLE). Must not block. */
typedef void courier_answered(const struct answer *answer, void *ctx);

/* Sends the order (its id is set here) with data_fd (-1: none; stays the caller's).
 * ERR_UNAVAILABLE when the courier is gone; `answered` is then not called. */
enum err courier_send(struct courier *c, struct order *order, int data_fd,
                      courier_answered *answered, void *ctx) MUST_USE;

/* Whether its loop answers, within so many milliseconds. */
bool courier_answers(struct courier *c, int64_t within_ms);

/* ORDER_MASK and waiting for it: appends the masked text to out; *ret_consumed is how many bytes of
 * the text are decided (all of them when final). */
enum err courier_mask(struct courier *c, const struct ref_bundle *all, struct str job_id,
                      struct str text, bool final, struct buf *out, size_t *ret_consumed) MUST_USE;

#endif
