#include "store_restore.h"

#include <stdlib.h>

#include "alloc.h"
#include "store_audit.h"
#include "store_font.h"
#include "store_inner.h"
#include "store_job.h"
#include "store_team.h"
#include "store_template.h"

/* --- tokens --- */

enum err store_restore_suspend_tokens(struct store_tx *tx, int64_t now_ms)
{
    static const char sql[] = "UPDATE tokens SET suspended_at_ms = ? WHERE revoked_at_ms = 0"
                              " AND suspended_at_ms = 0";
    ASSERT_WRITING(tx);
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, now_ms);
    tx->touched |= TOUCHED_AUTH;
    return db_run(q);
}

static enum err read_known(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct store_known_token *ret = ret_row;
    ret->id = store_column_str(q, a);
    ret->revoked_at_ms = db_column_int(q);
    ret->suspended_at_ms = db_column_int(q);
    return OK;
}

enum err store_restore_read_tokens(struct db *db, struct arena *a, struct store_known_tokens *ret)
{
    static const char tokens[] =
        "SELECT id, revoked_at_ms, suspended_at_ms FROM tokens ORDER BY id";
    static const char older[] = "SELECT id, revoked_at_ms, 0 FROM tokens ORDER BY id";
    struct store_tx tx = {.db = db};
    struct store_rows rows;
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(store_instance_get(&tx, a, &ret->instance_id));
    /* Of before there were restores: there is no such column, and none is void. An engine that is
     * short of something else says so in other words, and that is no reason to call them good. */
    enum err e = db_prepare(db, tokens, &q);
    if (e == ERR_INTERNAL)
        e = db_prepare(db, older, &q);
    TRY(e);
    TRY(store_rows_read(q, a, sizeof(struct store_known_token), read_known, &rows));
    ret->list = rows.list;
    ret->count = rows.count;
    return OK;
}

enum err store_restore_known_tokens(const char *folder, struct arena *a,
                                    struct store_known_tokens *ret)
{
    AUTOP(db) struct db *db = NULL;
    struct db_options options = {.path = arena_printf(a, "%s/safelight.db", folder).ptr};
    TRY(db_open(&options, &db));
    enum err e = store_restore_read_tokens(db, a, ret);
    /* A schema of before the first release, or no schema at all. */
    return e == ERR_INTERNAL || e == ERR_NOT_FOUND ? ERR_TAMPERED : e;
}

static int by_id(const void *key, const void *element)
{
    const struct str *id = key;
    const struct store_known_token *known = element;
    return str_compare(*id, known->id);
}

struct live {
    struct str id, name;
    int64_t suspended_at_ms;
    struct ulid team_id;
};

static enum err read_live(struct db_stmt *q, struct arena *a, void *ret_row)
{
    struct live *ret = ret_row;
    ret->id = store_column_str(q, a);
    ret->name = store_column_str(q, a);
    ret->suspended_at_ms = db_column_int(q);
    return store_column_ulid(q, &ret->team_id);
}

static enum err live_tokens(struct store_tx *tx, struct arena *a, struct store_rows *ret)
{
    static const char sql[] =
        "SELECT id, name, suspended_at_ms, team_id FROM tokens WHERE revoked_at_ms = 0";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    return store_rows_read(q, a, sizeof(struct live), read_live, ret);
}

static enum err set_at(struct store_tx *tx, const char *sql, struct str id, int64_t at_ms)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    db_bind_int(q, at_ms);
    db_bind_text(q, id);
    return db_run(q);
}

static enum err revoke(struct store_tx *tx, const struct live *token, int64_t at_ms)
{
    const struct audit_record record = {.type = AUDIT_TOKEN_REVOKED,
                                        .team_id = ulid_str(&token->team_id),
                                        .actor = STR("operator"),
                                        .subject = token->id,
                                        .name = token->name};
    TRY(set_at(tx, "UPDATE tokens SET revoked_at_ms = ? WHERE id = ?", token->id, at_ms));
    return store_audit(tx, &record);
}

static const struct store_known_token *known_of(const struct store_known_tokens *known,
                                                struct str id)
{
    return known->count ? bsearch(&id, known->list, known->count, sizeof *known->list, by_id)
                        : NULL;
}

enum err store_restore_apply_tokens(struct store_tx *tx, const struct store_known_tokens *known,
                                    int64_t now_ms, int64_t *ret_revoked, int64_t *ret_suspended)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_rows live;
    int64_t revoked = 0, suspended = 0;
    ASSERT_WRITING(tx);
    TRY(live_tokens(tx, &a, &live));
    for (size_t i = 0; i < live.count; i++) {
        const struct live *token = (const struct live *)live.list + i;
        const struct store_known_token *k = known_of(known, token->id);
        if (!k || k->revoked_at_ms) {
            TRY(revoke(tx, token, k ? k->revoked_at_ms : now_ms));
            revoked++;
        } else if (k->suspended_at_ms || token->suspended_at_ms) {
            /* Never good again by this: which of the two is the newer one is not known. */
            TRY(set_at(tx, "UPDATE tokens SET suspended_at_ms = ? WHERE id = ?", token->id,
                       k->suspended_at_ms ? k->suspended_at_ms : token->suspended_at_ms));
            suspended++;
        }
    }
    tx->touched |= TOUCHED_AUTH;
    *ret_revoked = revoked;
    *ret_suspended = suspended;
    return OK;
}

/* --- jobs --- */

/* Binds the time so many times, then the error if there is one. */
static enum err run_at(struct store_tx *tx, const char *sql, int times, int64_t now_ms,
                       struct str error, int64_t *ret_changed)
{
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(tx->db, sql, &q));
    while (times-- > 0)
        db_bind_int(q, now_ms);
    if (error.len)
        db_bind_text(q, error);
    return db_run_counted(q, ret_changed);
}

_Static_assert(JOB_RENDERING == 2 && JOB_FINISHED == 3 && JOB_ERROR == 4, "stored");
_Static_assert(DELIVERY_DUE == 1 && DELIVERY_FAILED == 3, "stored");

/* Rendered and waiting for its upload counts as not ended: with its delivery failed, a retry takes
 * it up again. */
static enum err end_jobs(struct store_tx *tx, struct store_restore_jobs *j)
{
    static const char jobs[] =
        "UPDATE jobs SET state = 4, updated_at_ms = ?, error_at_ms = ?, error = ?,"
        " lease_id = '', lease_expires_at_ms = 0, waiting = 0 WHERE state < 3";
    static const char deliveries[] =
        "UPDATE deliveries SET state = 3, updated_at_ms = ?, message = ? WHERE state = 1";
    TRY(run_at(tx, jobs, 2, j->now_ms, j->error, &j->ret_jobs));
    TRY(run_at(tx, deliveries, 1, j->now_ms, j->error, &j->ret_deliveries));
    TRY(db_script(tx->db, "DELETE FROM queue"));
    return db_script(tx->db, "DELETE FROM job_fonts");
}

enum err store_restore_jobs(struct store_tx *tx, struct store_restore_jobs *j)
{
    /* The first sweep of leases then gives them back to the queue. */
    static const char leases[] = "UPDATE jobs SET updated_at_ms = ?, lease_expires_at_ms = 1"
                                 " WHERE state = 2 AND rendered_at_ms = 0";
    ASSERT_WRITING(tx);
    if (!j->go_on)
        return end_jobs(tx, j);
    j->ret_deliveries = 0;
    return run_at(tx, leases, 1, j->now_ms, STR_EMPTY, &j->ret_jobs);
}

/* --- files --- */

static enum err lost_templates(struct store_tx *tx, struct str team_id, struct arena *a,
                               struct store_restore_files *f)
{
    struct template_row *rows;
    size_t count;
    TRY(store_template_list(tx, team_id, a, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        struct str name = store_template_file(&rows[i], a);
        if (name.len == 0 || f->has(f->ctx, name))
            continue;
        rows[i].status = TEMPLATE_ERROR;
        rows[i].file = STR_EMPTY;
        rows[i].bytes = 0;
        rows[i].error = STR("Its file was not in the backup that was restored; upload it again");
        rows[i].updated_at_ms = f->now_ms;
        TRY(store_template_update(tx, &rows[i]));
        f->ret_templates++;
    }
    return OK;
}

static enum err lost_fonts(struct store_tx *tx, struct str team_id, struct arena *a,
                           struct store_restore_files *f)
{
    static const char sql[] = "DELETE FROM fonts WHERE id = ?";
    struct font_row *rows;
    size_t count;
    TRY(store_font_list(tx, team_id, a, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        if (f->has(f->ctx, store_font_file(&rows[i], a)))
            continue;
        AUTOP(db_stmt) struct db_stmt *q = NULL;
        TRY(db_prepare(tx->db, sql, &q));
        db_bind_text(q, ulid_str(&rows[i].id));
        TRY(db_run(q));
        f->ret_fonts++;
    }
    return OK;
}

enum err store_restore_files(struct store_tx *tx, struct arena *a, struct store_restore_files *f)
{
    struct team *teams;
    size_t count;
    ASSERT_WRITING(tx);
    f->ret_templates = f->ret_fonts = 0;
    TRY(store_team_list(tx, a, &teams, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(lost_templates(tx, ulid_str(&teams[i].id), a, f));
        TRY(lost_fonts(tx, ulid_str(&teams[i].id), a, f));
    }
    return OK;
}

static enum err read_id(struct db_stmt *q, struct arena *a, void *ret_row)
{
    *(struct str *)ret_row = store_column_str(q, a);
    return OK;
}

enum err store_restore_chains(struct store_tx *tx, struct arena *a, struct str **ret_team_ids,
                              size_t *ret_count)
{
    static const char sql[] = "SELECT DISTINCT team_id FROM audit ORDER BY team_id";
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    struct store_rows rows;
    TRY(db_prepare(tx->db, sql, &q));
    TRY(store_rows_read(q, a, sizeof(struct str), read_id, &rows));
    *ret_team_ids = rows.list;
    *ret_count = rows.count;
    return OK;
}
