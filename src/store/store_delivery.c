/* The deliveries of store_job.h. */
#include "store_inner.h"
#include "store_job.h"

enum { DUE_MAX = 4096 };

enum err store_delivery_insert(struct store_tx *tx, const struct delivery *d)
{
    static const char sql[] =
        "INSERT INTO deliveries (id, job_id, team_id, kind, state, attempts, next_at_ms,"
        " updated_at_ms, lost, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, ulid_str(&d->id));
    db_bind_text(q, ulid_str(&d->job_id));
    db_bind_text(q, ulid_str(&d->team_id));
    db_bind_int(q, d->kind);
    db_bind_int(q, d->state);
    db_bind_int(q, d->attempts);
    db_bind_int(q, d->next_at_ms);
    db_bind_int(q, d->updated_at_ms);
    db_bind_int(q, d->lost);
    db_bind_text(q, d->message);
    return db_run(q);
}

enum err store_delivery_update(struct store_tx *tx, const struct delivery *d)
{
    static const char sql[] = "UPDATE deliveries SET state = ?, attempts = ?, next_at_ms = ?,"
                              " updated_at_ms = ?, lost = ?, message = ?"
                              " WHERE id = ? AND job_id = ?";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, d->state);
    db_bind_int(q, d->attempts);
    db_bind_int(q, d->next_at_ms);
    db_bind_int(q, d->updated_at_ms);
    db_bind_int(q, d->lost);
    db_bind_text(q, d->message);
    db_bind_text(q, ulid_str(&d->id));
    db_bind_text(q, ulid_str(&d->job_id));
    return db_run_one(q);
}

#define DELIVERY_SELECT                                                                            \
    "SELECT id, job_id, team_id, kind, state, attempts, next_at_ms, updated_at_ms, lost, message"  \
    " FROM deliveries"

static enum err read_delivery(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct delivery *ret = ret_row;
    struct delivery d;
    TRY(store_column_ulid(q, &d.id));
    TRY(store_column_ulid(q, &d.job_id));
    TRY(store_column_ulid(q, &d.team_id));
    int64_t kind = db_column_int(q), state = db_column_int(q);
    if (kind < DELIVERY_UPLOAD || kind > DELIVERY_WEBHOOK || state < DELIVERY_DUE ||
        state > DELIVERY_FAILED)
        return ERR_TAMPERED;
    d.kind = (enum delivery_kind)kind;
    d.state = (enum delivery_state)state;
    d.attempts = db_column_int(q);
    d.next_at_ms = db_column_int(q);
    d.updated_at_ms = db_column_int(q);
    d.lost = db_column_int(q);
    d.message = store_column_str(q, a);
    *ret = d;
    return OK;
}

static enum err read_all(struct db_stmt *q, struct arena *a, struct delivery **ret,
                         size_t *ret_count)
{
    struct store_rows rows;
    TRY(store_rows_read(q, a, sizeof(struct delivery), read_delivery, &rows));
    *ret = rows.list;
    *ret_count = rows.count;
    return OK;
}

/* The state stands in the text so that the partial index serves. */
_Static_assert(DELIVERY_DUE == 1, "stored");

/* The team after `after` that has deliveries to do. An empty answer: none. */
static enum err next_team(struct store_tx *tx, struct str after, struct arena *a, struct str *ret)
{
    static const char sql[] = "SELECT team_id FROM deliveries WHERE state = 1 AND team_id > ?"
                              " ORDER BY team_id LIMIT 1";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    bool row;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, after);
    TRY(db_step(q, &row));
    *ret = row ? store_column_str(q, a) : STR_EMPTY;
    return OK;
}

static enum err due_of(struct store_tx *tx, struct str team, enum delivery_kind kind,
                       int64_t now_ms, size_t limit, struct arena *a, struct delivery **ret,
                       size_t *ret_count)
{
    static const char sql[] =
        DELIVERY_SELECT " WHERE state = 1 AND team_id = ? AND kind = ? AND next_at_ms <= ?"
                        " ORDER BY next_at_ms, id LIMIT ?";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, team);
    db_bind_int(q, kind);
    db_bind_int(q, now_ms);
    db_bind_int(q, (int64_t)limit);
    return read_all(q, a, ret, ret_count);
}

/* What one team has due of one kind; one after the other in the order of their turns. */
struct share {
    struct share *next;
    struct delivery *list;
    size_t count;
};

static enum err add_shares(struct store_tx *tx, struct str team, int64_t now_ms, size_t each,
                           struct arena *a, struct share ***end, size_t *total)
{
    for (int kind = DELIVERY_UPLOAD; kind <= DELIVERY_WEBHOOK; kind++) {
        struct share *s = arena_alloc(a, sizeof *s);
        TRY(due_of(tx, team, (enum delivery_kind)kind, now_ms, each, a, &s->list, &s->count));
        **end = s;
        *end = &s->next;
        *total += s->count;
    }
    return OK;
}

/* From the team after `after` round to `after` itself, or as far as is enough for one time. */
static enum err collect_shares(struct store_tx *tx, struct str after, int64_t now_ms, size_t each,
                               struct arena *a, struct share **ret, size_t *ret_total)
{
    struct share **end = ret;
    bool wrapped = after.len == 0;
    struct str team = after;
    *ret = NULL;
    *ret_total = 0;
    for (;;) {
        TRY(next_team(tx, team, a, &team));
        if (!team.len && wrapped)
            return OK;
        if (!team.len) {
            wrapped = true;
            continue;
        }
        if (wrapped && after.len && str_compare(team, after) > 0)
            return OK;
        TRY(add_shares(tx, team, now_ms, each, a, &end, ret_total));
        if (*ret_total >= DUE_MAX)
            return OK;
    }
}

enum err store_delivery_due(struct store_tx *tx, int64_t now_ms, struct str after, size_t each,
                            struct arena *a, struct delivery **ret, size_t *ret_count)
{
    struct share *shares;
    size_t total, count = 0;
    TRY(collect_shares(tx, after, now_ms, each, a, &shares, &total));
    struct delivery *list = arena_array(a, total + 1, sizeof *list);
    for (size_t turn = 0; count < total; turn++)
        for (const struct share *s = shares; s; s = s->next)
            if (turn < s->count)
                list[count++] = s->list[turn];
    *ret = list;
    *ret_count = count;
    return OK;
}

enum err store_delivery_next_at(struct store_tx *tx, int64_t *ret)
{
    static const char sql[] =
        "SELECT next_at_ms FROM deliveries WHERE state = 1 ORDER BY next_at_ms LIMIT 1";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    bool row;
    TRY(db_step(q, &row));
    *ret = row ? db_column_int(q) : INT64_MAX;
    return OK;
}

enum err store_delivery_of_job(struct store_tx *tx, struct str job_id, struct arena *a,
                               struct delivery **ret, size_t *ret_count)
{
    static const char sql[] = DELIVERY_SELECT " WHERE job_id = ? ORDER BY kind, id";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_text(q, job_id);
    return read_all(q, a, ret, ret_count);
}
