/* Who is signed in at the web console. The secret part of the cookie is never here, only its keyed
 * hash. A session that has ended has no row. */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include "store_token.h"

struct session_row {
    struct ulid id, team_id;
    struct str token_id;               /* who signed in; the session ends with it */
    int64_t created_at_ms, seen_at_ms; /* seen: the last use, as last written */
    struct str address, user_agent;    /* of the sign-in */
    uint8_t hash[32];
    struct str token_name; /* from here on: of the token, when read */
    enum token_role token_role;
    int64_t token_expires_at_ms, token_revoked_at_ms; /* 0: never */
};

enum err store_session_insert(struct store_tx *tx, const struct session_row *s) MUST_USE;
enum err store_session_get(struct store_tx *tx, struct str id, struct arena *a,
                           struct session_row *ret) MUST_USE;
/* A team's, newest first, also those that are over but not removed yet; only of one token unless
 * token_id is empty. */
enum err store_session_list(struct store_tx *tx, struct str team_id, struct str token_id,
                            struct arena *a, struct session_row **ret, size_t *ret_count) MUST_USE;
/* Up to `limit` of any team that are over at now_ms: signed in longer than max_ms ago, not used
 * for idle_ms, or of a token that is no longer valid. */
enum err store_session_over(struct store_tx *tx, int64_t now_ms, int64_t max_ms, int64_t idle_ms,
                            size_t limit, struct arena *a, struct session_row **ret,
                            size_t *ret_count) MUST_USE;
enum err store_session_delete(struct store_tx *tx, struct str id) MUST_USE;
/* Does not bump the auth generation. */
enum err store_session_seen(struct store_tx *tx, struct str id, int64_t now_ms) MUST_USE;

#endif
