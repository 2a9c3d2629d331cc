/* What stands in the store now, in numbers over all teams, for the page of metrics: each is counted
 * over an index that holds only what has not ended. */
#ifndef STORE_STATS_H
#define STORE_STATS_H

#include "store.h"

struct store_stats {
    int64_t queued, rendering;                 /* jobs that wait for a worker; that have one */
    int64_t oldest_queued_ms;                  /* when it was submitted; 0: none is queued */
    int64_t uploads_waiting, webhooks_waiting; /* due, under way, or waiting for another attempt */
};
enum err store_stats(struct store_tx *tx, struct store_stats *ret) MUST_USE;

#endif
