/* What is known about tokens that were valid a moment ago, so that a request costs no query: keyed
 * by a hash of the whole token under a key of this process, never by the token. Everything is
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
    int64_t expires_at_ms; /* 0: never */
    int64_t used_at_ms;    /* as last written to the store */
};

struct auth_cache;
struct auth_cache *auth_cache_new(void);
void auth_cache_free(struct auth_cache **c);

void auth_cache_key(const struct auth_cache *c, struct str token, uint8_t ret[static 32]);
/* *ret_touch: the last use is old enough to be written again (and is taken as written). */
bool auth_cache_get(struct auth_cache *c, uint64_t generation, const uint8_t key[static 32],
                    int64_t now_ms, struct auth_entry *ret, bool *ret_touch);
/* `generation` was read before the row was. */
void auth_cache_put(struct auth_cache *c, uint64_t generation, const struct auth_entry *e);

#endif
