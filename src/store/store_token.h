/* API tokens. The secret part is never here, only its keyed hash. */
#ifndef STORE_TOKEN_H
#define STORE_TOKEN_H

#include "store.h"

enum token_role { ROLE_ADMIN, ROLE_EDITOR, ROLE_SUBMIT, ROLE_WORKER, ROLE_AUDIT, ROLE_COUNT };

struct token {
    struct str id; /* the public part, 12 to 16 base62 */
    struct ulid team_id;
    struct str name; /* what a person calls it; may be empty */
    enum token_role role;
    struct str names;     /* pattern of secret names it may touch: '*' or 'prefix*'; "*" is all */
    struct str addresses; /* comma list of prefixes it may be used from; empty: anywhere */
    int64_t created_at_ms, expires_at_ms, last_used_at_ms, revoked_at_ms; /* 0: never */
    int64_t suspended_at_ms; /* by a restore: void until it is approved; 0: it is not */
    struct str created_by;   /* token id, or "operator" */
    uint8_t hash[32];
};

enum err store_token_insert(struct store_tx *tx, const struct token *t) MUST_USE;
enum err store_token_get(struct store_tx *tx, struct str id, struct arena *a,
                         struct token *ret) MUST_USE;
/* Newest first; revoked and expired ones too. */
enum err store_token_list(struct store_tx *tx, struct str team_id, struct arena *a,
                          struct token **ret, size_t *ret_count) MUST_USE;
enum err store_token_revoke(struct store_tx *tx, struct str team_id, struct str id,
                            int64_t now_ms) MUST_USE;
/* One that a restore made void is good again; an empty id: all of the team. ERR_NOT_FOUND: no such
 * token of that team; ERR_CONFLICT: it is revoked. */
enum err store_token_approve(struct store_tx *tx, struct str team_id, struct str id,
                             int64_t *ret_approved) MUST_USE;
/* Does not bump the auth generation. */
enum err store_token_used(struct store_tx *tx, struct str id, int64_t now_ms) MUST_USE;

#endif
