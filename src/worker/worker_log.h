/* The engine's log on its way to the server: bytes that are not accepted yet wait here. Owner
 * thread. */
#ifndef WORKER_LOG_H
#define WORKER_LOG_H

#include "worker_lease.h"

struct worker_log {
    struct buf waiting;
    uint64_t offset; /* of waiting's first byte in the whole log */
    int64_t send_at_ms;
    bool full; /* the limit was reached and said */
};

struct worker_log worker_log_make(void);
void worker_log_auto(struct worker_log *w);

/* Keeps bytes; past JOB_LOG_MAX_BYTES one line says so and the rest is dropped. */
void worker_log_put(struct worker_log *w, struct str bytes);
/* Sends what waits, at most once a second unless final. Errors are met by the next call. */
void worker_log_send(struct worker_log *w, struct lease *l, bool final);

#endif
