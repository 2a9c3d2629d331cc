/* What is known about tokens and console sessions that were valid a moment ago, so that a request
 * costs no query: keyed by a hash of the whole text under a key of this process, never by the text.
 * Everything is
 * dropped when the store's auth generation moves, so a revocation counts at once; expiry is the
 * caller's to check each time. Bounded: full means empty again. Any thread. */
#ifndef API_AUTH_CACHE_H
#define API_AUTH_CACHE_H

#include "limit.h"
#include "store_token.h"

enum { AUTH_CACHE_MAX = 10000, AUTH_USED_EVERY_MS = 60 * 1000 };

struct auth_entry {
    uint8_t key[32];
    char token_id[17];
    char names[TOKEN_PATTERN_MAX_BYTES + 1];
    char addresses[TOKEN_ADDRESSES_MAX_BYTES + 1];
    struct ulid team_id;
    enum token_role role;
    int64_t expires_at_ms;  /* 0: never */
    int64_t used_at_ms;     /* as last written to the store */
    struct ulid session_id; /* of a console session; else empty */
    int64_t session_began_ms;
};

struct auth_cache;
struct auth_cache *auth_cache_new(void);
void auth_cache_free(struct auth_cache **c);

void auth_cache_key(const struct auth_cache *c, struct str text, uint8_t ret[static 32]);
bool auth_cache_get(struct auth_cache *c, uint64_t generation, const uint8_t key[static 32],
                    struct auth_entry *ret);
/* True: the last use is more than every_ms ago and is to be written again; it is taken as written.
 * Of several who ask at once one hears it. */
bool auth_cache_touch(struct auth_cache *c, const uint8_t key[static 32], int64_t now_ms,
                      int64_t every_ms);
/* `generation` was read before the row was. */
void auth_cache_put(struct auth_cache *c, uint64_t generation, const struct auth_entry *e);

#endif
