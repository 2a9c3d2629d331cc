/* The thread in the api process that keeps time for jobs: it ends leases that ran out and hands due
 * deliveries to the courier, a limited number at a time. All state is in the store, so it goes on
 * where it stopped after a restart or when the courier died. It does not resolve anything: orders
 * carry sealed records. Any thread may call. */
#ifndef COURIER_DISPATCH_H
#define COURIER_DISPATCH_H

#include "courier.h"
#include "store.h"

struct courier_dispatch;

/* How an attempt ended: METRIC_DELIVERIES counts COURIER_RESULT_COUNT cells for uploads, then as
 * many for webhooks. */
enum courier_result {
    COURIER_RESULT_DONE,
    COURIER_RESULT_RETRY,
    COURIER_RESULT_FAILED,
    COURIER_RESULT_LOST,
    COURIER_RESULT_PUT_OFF,
    COURIER_RESULT_COUNT
};

struct courier_dispatch_options {
    struct store *store;
    const char *spool_folder; /* outputs lie there under job_spool_name() */
    struct courier *courier;  /* NULL: none yet */
    struct vault *vault;     /* signs the addresses of outputs that we serve; NULL in tests: bare */
    int64_t keep_outputs_ms; /* how long outputs that nobody else has are kept; 0: for ever */
    size_t uploads_max;      /* in flight at a time; 0: 16 */
    size_t webhooks_max;
};
/* ERR_IO: the spool folder cannot be opened, or no thread. */
enum err courier_dispatch_start(const struct courier_dispatch_options *options,
                                struct courier_dispatch **ret) MUST_USE;

/* Another courier, or NULL for none for now. When it returns, the one before is not used any more
 * and may be freed (which ends its open orders: they are tried again). */
void courier_dispatch_set_courier(struct courier_dispatch *d, struct courier *courier);

/* How long outputs are kept from the next sweep of the spool on; 0: for ever. */
void courier_dispatch_set_keep_outputs(struct courier_dispatch *d, int64_t ms);

/* Something became due: look now and not only at the next full second. Does not block. */
void courier_dispatch_wake(struct courier_dispatch *d);

/* Waits for what was sent to be answered and recorded: set the courier to NULL and free it before,
 * to make that at once. Accepts NULL. */
void courier_dispatch_stop(struct courier_dispatch **d);

#endif
