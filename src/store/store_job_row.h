/* A job's row, for the files that read and write jobs. Not for other layers. */
#ifndef STORE_JOB_ROW_H
#define STORE_JOB_ROW_H

#include "store_inner.h"
#include "store_job.h"

#define JOB_COLUMNS                                                                                \
    "j.id, j.team_id, j.state, j.template_id, j.output_url, j.output_name, j.tags, j.engine,"      \
    " j.submitted_by, j.priority, j.total_assets, j.progress, j.created_at_ms, j.updated_at_ms,"   \
    " j.started_at_ms, j.finished_at_ms, j.error_at_ms, j.rendered_at_ms, j.error, j.lease_id,"    \
    " j.lease_expires_at_ms, j.lease_count, j.lease_token, j.worker, j.output_bytes,"              \
    " j.log_bytes, j.log_consumed, j.kind, j.parent_id, j.parent_asset, j.waiting, j.batch_id,"    \
    " j.batch_index, j.exposes, j.stock, j.missing_fonts"

/* JOB_COLUMNS of the present row; the payload stays empty. */
enum err store_job_read(struct db_stmt *q, struct arena *a,
                        void *ret_job) MUST_USE; /* a struct job */

/* The queue's rows of this job, which must be there exactly while it is queued. */
enum err store_queue_add(struct store_tx *tx, const struct job *job) MUST_USE;
enum err store_queue_remove(struct store_tx *tx, const struct job *job) MUST_USE;

/* Takes the next entry of a comma list off *list, without blanks; empty entries are left out. False
 * at the end. */
bool store_comma_next(struct str *list, struct str *ret);

#endif
