/* Slows down who guesses: a token bucket of failures for each address prefix (IPv4 /24, IPv6 /56)
 * and one for all. Only failures draw from it, so a valid token is never slowed. The table has a
 * fixed size; a prefix finds its bucket by a hash under a random key, so nobody can choose whom to
 * share one with. In memory only. Any thread. */
#ifndef API_AUTH_LIMIT_H
#define API_AUTH_LIMIT_H

#include "str.h"

enum {
    AUTH_LIMIT_BURST = 300,      /* failures at once from one prefix: a test suite, a retry storm */
    AUTH_LIMIT_PER_SECOND = 20,  /* and then */
    AUTH_LIMIT_ALL_BURST = 5000, /* from everywhere together */
    AUTH_LIMIT_ALL_PER_SECOND = 500
};

struct auth_limit;
struct auth_limit *auth_limit_new(void);
void auth_limit_free(struct auth_limit **l);

/* Counts one failure of `peer` (IP text). False: there were too many. */
bool auth_limit_take(struct auth_limit *l, struct str peer, int64_t monotonic_ms);

#endif
