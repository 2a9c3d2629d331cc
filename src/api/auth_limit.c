#include "auth_limit.h"

#include "alloc.h"
#include "hash.h"
#include "limit.h"
#include "random.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 4096, PREFIX_BYTES = 17, MILLI = 1000 };

const struct auth_limit_rates auth_limit_tokens = {AUTH_LIMIT_BURST,
                                                   1000 / AUTH_LIMIT_PER_SECOND,
                                                   AUTH_LIMIT_ALL_BURST,
                                                   1000 / AUTH_LIMIT_ALL_PER_SECOND,
                                                   24,
                                                   56};
/* No bound for all: it would let one address lock out every other. */
const struct auth_limit_rates auth_limit_sign_ins = {
    CONSOLE_FAILURES_MAX, CONSOLE_LOCK_MS, 0, 0, 32, 64};

struct bucket {
    int64_t spent_milli; /* thousandths of a failure that have not drained yet */
    int64_t at_ms;
};

struct auth_limit {
    const struct auth_limit_rates *rates;
    pthread_mutex_t lock;
    uint8_t key[32];
    struct bucket all, buckets[BUCKETS];
};

struct auth_limit *auth_limit_new(const struct auth_limit_rates *rates)
{
    struct auth_limit *l = xcalloc(1, sizeof *l);
    l->rates = rates;
    ASSERT(pthread_mutex_init(&l->lock, NULL) == 0);
    random_bytes(l->key, sizeof l->key);
    return l;
}

void auth_limit_free(struct auth_limit **l)
{
    if (*l == NULL)
        return;
    pthread_mutex_destroy(&(*l)->lock);
    free(*l);
    *l = NULL;
}

/* The first byte tells the families apart; what is no address shares one prefix. */
static void prefix_of(const struct auth_limit_rates *rates, struct str peer,
                      uint8_t ret[static PREFIX_BYTES])
{
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];
    memset(ret, 0, PREFIX_BYTES);
    if (str_to_text(peer, text, sizeof text) != OK)
        return;
    if (inet_pton(AF_INET, text, address) == 1) {
        ret[0] = 4;
        memcpy(ret + 1, address, rates->v4_bits / 8);
    } else if (inet_pton(AF_INET6, text, address) == 1) {
        ret[0] = 6;
        memcpy(ret + 1, address, rates->v6_bits / 8);
    }
}

static struct bucket *bucket_of(struct auth_limit *l, struct str peer)
{
    uint8_t prefix[PREFIX_BYTES], hash[HASH_BYTES];
    prefix_of(l->rates, peer, prefix);
    hash_blake2b_keyed(l->key, str_bytes(prefix, sizeof prefix), hash);
    return &l->buckets[(hash[0] | (size_t)hash[1] << 8) % BUCKETS];
}

/* How much over its burst one more failure would bring it; 0 or less: it may have one. */
static int64_t bucket_over(struct bucket *b, int64_t now_ms, int64_t burst, int64_t refill_ms)
{
    int64_t drained = (now_ms - b->at_ms) * MILLI / refill_ms;
    if (drained > b->spent_milli) {
        b->spent_milli = 0;
        b->at_ms = now_ms;
    } else {
        b->spent_milli -= drained;
        b->at_ms += drained * refill_ms / MILLI; /* what is too short to count is kept */
    }
    return b->spent_milli + MILLI - burst * MILLI;
}

static bool bucket_take(struct bucket *b, int64_t now_ms, int64_t burst, int64_t refill_ms)
{
    if (burst == 0)
        return true;
    if (bucket_over(b, now_ms, burst, refill_ms) > 0)
        return false;
    b->spent_milli += MILLI;
    return true;
}

bool auth_limit_take(struct auth_limit *l, struct str peer, int64_t monotonic_ms)
{
    const struct auth_limit_rates *r = l->rates;
    struct bucket *b = bucket_of(l, peer);
    pthread_mutex_lock(&l->lock);
    bool allowed = bucket_take(b, monotonic_ms, r->burst, r->refill_ms) &&
                   bucket_take(&l->all, monotonic_ms, r->all_burst, r->all_refill_ms);
    pthread_mutex_unlock(&l->lock);
    return allowed;
}

int64_t auth_limit_wait_ms(struct auth_limit *l, struct str peer, int64_t monotonic_ms)
{
    const struct auth_limit_rates *r = l->rates;
    struct bucket *b = bucket_of(l, peer);
    pthread_mutex_lock(&l->lock);
    int64_t over = bucket_over(b, monotonic_ms, r->burst, r->refill_ms);
    pthread_mutex_unlock(&l->lock);
    return over > 0 ? (over * r->refill_ms + MILLI - 1) / MILLI : 0;
}
