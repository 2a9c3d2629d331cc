#include "store_stats.h"

#include "store_inner.h"
#include "store_job.h"

static enum err queued(struct store_tx *tx, struct store_stats *ret)
{
    /* A job stands in the queue once under the tag '', and ids begin with the time. */
    static const char sql[] = "SELECT COUNT(*), MIN(job_id) FROM queue WHERE tag = ''";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    bool row;
    struct ulid oldest;
    TRY(db_step(q, &row));
    ret->queued = row ? db_column_int(q) : 0;
    ret->oldest_queued_ms = 0;
    if (ret->queued == 0)
        return OK;
    TRY(store_column_ulid(q, &oldest));
    ret->oldest_queued_ms = ulid_time_ms(&oldest);
    return OK;
}

static enum err rendering(struct store_tx *tx, struct store_stats *ret)
{
    static const char sql[] = "SELECT COUNT(*) FROM jobs WHERE state = 2 AND rendered_at_ms = 0";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    bool row;
    TRY(db_step(q, &row));
    ret->rendering = row ? db_column_int(q) : 0;
    return OK;
}

static enum err deliveries(struct store_tx *tx, struct store_stats *ret)
{
    static const char sql[] = "SELECT kind, COUNT(*) FROM deliveries WHERE state = 1 GROUP BY kind";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    ret->uploads_waiting = ret->webhooks_waiting = 0;
    for (;;) {
        bool row;
        TRY(db_step(q, &row));
        if (!row)
            return OK;
        int64_t kind = db_column_int(q), count = db_column_int(q);
        if (kind == DELIVERY_UPLOAD)
            ret->uploads_waiting = count;
        else
            ret->webhooks_waiting = count;
    }
}

enum err store_stats(struct store_tx *tx, struct store_stats *ret)
{
    struct store_stats s;
    TRY(queued(tx, &s));
    TRY(rendering(tx, &s));
    TRY(deliveries(tx, &s));
    *ret = s;
    return OK;
}
