/* GET /jobs: one statement for each order; states, times and pages in SQL, tags by hand. */
#include "store_job_row.h"

#define LIST_HEAD                                                                                  \
    "SELECT j.tags, " JOB_COLUMNS " FROM jobs j WHERE j.team_id = ? AND j.created_at_ms >= ?"      \
    " AND j.created_at_ms <= ? AND j.state IN (?, ?, ?, ?, ?, ?) ORDER BY "
#define LIST_TAIL " LIMIT ? OFFSET ?"
_Static_assert(JOB_STATE_COUNT == 6, "one place each in LIST_HEAD");

static const char *sql_of(enum job_sort sort)
{
    static const char oldest[] = LIST_HEAD "j.created_at_ms, j.id" LIST_TAIL;
    static const char newest[] = LIST_HEAD "j.created_at_ms DESC, j.id DESC" LIST_TAIL;
    static const char priority[] = LIST_HEAD "j.priority DESC, j.created_at_ms, j.id" LIST_TAIL;
    static const char any[] = LIST_HEAD "random()" LIST_TAIL;
    switch (sort) {
    case JOB_NEWEST_FIRST:
        return newest;
    case JOB_BY_PRIORITY:
        return priority;
    case JOB_RANDOM:
        return any;
    case JOB_OLDEST_FIRST:
    default:
        return oldest;
    }
}

static bool overlap(struct str a, struct str b)
{
    struct str x, y;
    while (store_comma_next(&a, &x)) {
        for (struct str rest = b; store_comma_next(&rest, &y);) {
            if (str_equal(x, y))
                return true;
        }
    }
    return false;
}

static int64_t clamp(uint64_t v)
{
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static void bind_query(struct db_stmt *q, const struct job_query *query, bool paged)
{
    db_bind_text(q, query->team_id);
    db_bind_int(q, query->from_ms);
    db_bind_int(q, query->to_ms ? query->to_ms : INT64_MAX);
    unsigned wanted = query->states ? query->states : ~0u;
    wanted &= ~query->exclude_states;
    for (int state = 0; state < JOB_STATE_COUNT; state++)
        db_bind_int(q, (wanted >> state) & 1u ? state : -1);
    db_bind_int(q, paged ? clamp(query->limit) : INT64_MAX);
    db_bind_int(q, paged ? clamp(query->from) : 0);
}

/* Without tags the statement itself has paged. */
static enum err read_rows(struct db_stmt *q, const struct job_query *query, bool tagged,
                          struct arena *a, struct job **ret, size_t *ret_count)
{
    struct job *list = NULL;
    size_t count = 0, capacity = 0;
    uint64_t skip = tagged ? query->from : 0;
    while (count < query->limit) {
        bool row;
        TRY(db_step(q, &row));
        if (!row)
            break;
        struct str tags = db_column_bytes(q);
        if (tagged && !overlap(query->tags, tags))
            continue;
        if (skip > 0) {
            skip--;
            continue;
        }
        list = store_list_grow(a, list, count, &capacity, sizeof *list);
        TRY(store_job_read(q, a, &list[count]));
        count++;
    }
    *ret = list;
    *ret_count = count;
    return OK;
}

enum err store_job_list(struct store_tx *tx, const struct job_query *query, struct arena *a,
                        struct job **ret, size_t *ret_count)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql_of(query->sort), &q));
    struct str rest = query->tags, tag;
    bool tagged = store_comma_next(&rest, &tag);
    bind_query(q, query, !tagged);
    return read_rows(q, query, tagged, a, ret, ret_count);
}
