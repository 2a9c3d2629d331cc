#include "session.h"

#include <stdlib.h>

#include "alloc.h"
#include "store_audit.h"

enum { SWEEP_MAX = 200 }; /* in one transaction */

bool session_is_over(const struct session_row *row, struct session_limits limits, int64_t now_ms)
{
    return now_ms - row->created_at_ms >= limits.max_ms ||
           now_ms - row->seen_at_ms >= limits.idle_ms || row->token_revoked_at_ms != 0 ||
           (row->token_expires_at_ms != 0 && row->token_expires_at_ms <= now_ms);
}

int64_t session_ends_at_ms(int64_t began_ms, int64_t max_ms, int64_t token_expires_at_ms)
{
    int64_t most = began_ms + max_ms;
    return token_expires_at_ms != 0 && token_expires_at_ms < most ? token_expires_at_ms : most;
}

enum err session_end(struct store_tx *tx, const struct actor *by, const struct session_row *row,
                     struct str why)
{
    TRY(store_session_delete(tx, ulid_str(&row->id)));
    struct audit_record record = {.type = AUDIT_SESSION_ENDED,
                                  .team_id = ulid_str(&row->team_id),
                                  .actor = by ? by->token_id : STR("system"),
                                  .address = by ? by->address : STR_EMPTY,
                                  .request_id = by ? by->request_id : STR_EMPTY,
                                  .subject = ulid_str(&row->id),
                                  .name = row->token_name,
                                  .field = why};
    return store_audit(tx, &record);
}

enum err session_end_of_token(struct store_tx *tx, const struct actor *by, struct str team_id,
                              struct str token_id, struct arena *arena)
{
    struct session_row *rows;
    size_t count;
    TRY(store_session_list(tx, team_id, token_id, arena, &rows, &count));
    for (size_t i = 0; i < count; i++)
        TRY(session_end(tx, by, &rows[i], SESSION_TOKEN_REVOKED));
    return OK;
}

enum err session_sweep(struct store_tx *tx, struct session_limits limits, int64_t now_ms,
                       struct arena *arena)
{
    struct session_row *rows;
    size_t count;
    TRY(store_session_over(tx, now_ms, limits.max_ms, limits.idle_ms, SWEEP_MAX, arena, &rows,
                           &count));
    for (size_t i = 0; i < count; i++)
        TRY(session_end(tx, NULL, &rows[i], SESSION_TIMED_OUT));
    return OK;
}

/* The request does not wait, so this has its own memory. */
struct ending {
    struct arena arena;
    struct str session_id;
    struct session_limits limits;
    int64_t now_ms;
};

static enum err end_op(struct store_tx *tx, void *ctx)
{
    struct ending *e = ctx;
    struct session_row row;
    TRY(store_session_get(tx, e->session_id, &e->arena, &row));
    /* A use may have been on its way while the time was judged by what stood here before. */
    if (!session_is_over(&row, e->limits, e->now_ms))
        return OK;
    return session_end(tx, NULL, &row, SESSION_TIMED_OUT);
}

static void end_done(enum err result, void *ctx)
{
    struct ending *e = ctx;
    (void)result; /* it is refused all the same, and the next sign-in sweeps */
    arena_auto(&e->arena);
    free(e);
}

void session_end_soon(struct store *store, struct str session_id, struct session_limits limits,
                      int64_t now_ms)
{
    struct ending *e = xcalloc(1, sizeof *e);
    e->arena = arena_make();
    e->session_id = arena_str(&e->arena, session_id);
    e->limits = limits;
    e->now_ms = now_ms;
    store_write(store, end_op, end_done, e);
}
