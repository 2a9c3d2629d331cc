/* The logs of store_job.h: chunks as they came, found by their position. */
#include "store_inner.h"
#include "store_job.h"

enum err store_log_append(struct store_tx *tx, struct str job_id, int64_t offset, struct str text)
{
    static const char sql[] = "INSERT INTO logs (job_id, position, text) VALUES (?, ?, ?)";
    ASSERT_WRITING(tx);
    if (text.len == 0)
        return OK;
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, job_id);
    db_bind_int(q, offset);
    db_bind_blob(q, text);
    return db_run(q);
}

enum err store_log_read(struct store_tx *tx, struct str job_id, int64_t from, size_t limit_bytes,
                        struct buf *out)
{
    /* From the chunk that `from` lies in. */
    static const char sql[] = "SELECT position, text FROM logs WHERE job_id = ? AND position >="
                              " COALESCE((SELECT MAX(position) FROM logs WHERE job_id = ?"
                              " AND position <= ?), 0) ORDER BY position";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, job_id);
    db_bind_text(q, job_id);
    db_bind_int(q, from);
    size_t left = limit_bytes;
    while (left > 0) {
        bool row;
        TRY(db_step(q, &row));
        if (!row)
            break;
        int64_t position = db_column_int(q);
        struct str text = db_column_bytes(q);
        size_t skip = from > position ? (size_t)(from - position) : 0;
        text = str_slice(text, skip, text.len);
        text = str_slice(text, 0, left);
        TRY(buf_put(out, text));
        left -= text.len;
    }
    return OK;
}
