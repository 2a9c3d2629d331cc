/* Batches: jobs that were submitted in one request. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "store_job.h"

struct batch {
    struct ulid id, team_id;
    int64_t total; /* how many jobs were asked for; those refused have no row */
    int64_t created_at_ms;
};
enum err store_batch_insert(struct store_tx *tx, const struct batch *batch) MUST_USE;
enum err store_batch_get(struct store_tx *tx, struct str team_id, struct str id,
                         struct batch *ret) MUST_USE;
/* By batch_index, without payloads and without nested jobs. */
enum err store_batch_jobs(struct store_tx *tx, struct str batch_id, struct arena *a,
                          struct job **ret, size_t *ret_count) MUST_USE;

#endif
