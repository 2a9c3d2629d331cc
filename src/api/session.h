/* The life of console sessions in the store: every way one ends, each with its audit record.
 * Any thread; what takes a transaction runs on the writer's. */
#ifndef API_SESSION_H
#define API_SESSION_H

#include "jobs.h"
#include "store_session.h"

/* Why a session ended; the audit record's field. */
#define SESSION_SIGNED_OUT    STR("signed out")
#define SESSION_REVOKED       STR("revoked")
#define SESSION_REPLACED      STR("replaced by a new sign-in")
#define SESSION_TOO_MANY      STR("too many of this token")
#define SESSION_TOKEN_REVOKED STR("token revoked")
#define SESSION_TIMED_OUT     STR("timed out")

/* How long sessions last: after their last use, and at most. */
struct session_limits {
    int64_t idle_ms, max_ms;
};
bool session_is_over(const struct session_row *row, struct session_limits limits, int64_t now_ms);

/* When it ends without anybody's doing; its token may end first. 0 for a time: never. */
int64_t session_ends_at_ms(int64_t began_ms, int64_t max_ms, int64_t token_expires_at_ms);

/* ERR_NOT_FOUND: it has ended. */
enum err session_end(struct store_tx *tx, const struct actor *by, const struct session_row *row,
                     struct str why) MUST_USE;
/* All of a token that is revoked. */
enum err session_end_of_token(struct store_tx *tx, const struct actor *by, struct str team_id,
                              struct str token_id, struct arena *arena) MUST_USE;
/* Those of any team whose time is over, some at a time. */
enum err session_sweep(struct store_tx *tx, struct session_limits limits, int64_t now_ms,
                       struct arena *arena) MUST_USE;

/* One whose time was found to be over ends in the store too, unless its row says that it was used
 * since; nobody waits for it. */
void session_end_soon(struct store *store, struct str session_id, struct session_limits limits,
                      int64_t now_ms);

#endif
