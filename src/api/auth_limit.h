/* Slows down who guesses: a token bucket of failures for each address prefix and one for all. Only
 * failures draw from it, so a valid token is never slowed. The table has a fixed size; a prefix
 * finds its bucket by a hash under a random key, so nobody can choose whom to share one with. In
 * memory only. Any thread. */
#ifndef API_AUTH_LIMIT_H
#define API_AUTH_LIMIT_H

#include "str.h"

enum {
    AUTH_LIMIT_BURST = 300,      /* failures at once from one prefix: a test suite, a retry storm */
    AUTH_LIMIT_PER_SECOND = 20,  /* and then */
    AUTH_LIMIT_ALL_BURST = 5000, /* from everywhere together */
    AUTH_LIMIT_ALL_PER_SECOND = 500
};

struct auth_limit_rates {
    int64_t burst, refill_ms;         /* failures at once, and the time that gives back one */
    int64_t all_burst, all_refill_ms; /* of everybody together; 0: no such bound */
    unsigned v4_bits, v6_bits;        /* what counts as one address; whole bytes */
};
extern const struct auth_limit_rates auth_limit_tokens;   /* of requests: /24, /56 */
extern const struct auth_limit_rates auth_limit_sign_ins; /* at the console: /32, /64 */

struct auth_limit;
struct auth_limit *auth_limit_new(const struct auth_limit_rates *rates); /* outlive it */
void auth_limit_free(struct auth_limit **l);

/* Counts one failure of `peer` (IP text). False: there were too many. */
bool auth_limit_take(struct auth_limit *l, struct str peer, int64_t monotonic_ms);

/* Counts nothing: how long until one more failure of `peer` is taken; 0: now. */
int64_t auth_limit_wait_ms(struct auth_limit *l, struct str peer, int64_t monotonic_ms);

#endif
