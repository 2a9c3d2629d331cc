#include "auth_limit.h"

#include "alloc.h"
#include "hash.h"
#include "random.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 4096, PREFIX_BYTES = 8 };

struct bucket {
    int64_t spent_milli; /* thousandths of a failure that have not drained yet */
    int64_t at_ms;
};

struct auth_limit {
    pthread_mutex_t lock;
    uint8_t key[32];
    struct bucket all, buckets[BUCKETS];
};

struct auth_limit *auth_limit_new(void)
{
    struct auth_limit *l = xcalloc(1, sizeof *l);
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
static void prefix_of(struct str peer, uint8_t ret[static PREFIX_BYTES])
{
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];
    memset(ret, 0, PREFIX_BYTES);
    if (str_to_text(peer, text, sizeof text) != OK)
        return;
    if (inet_pton(AF_INET, text, address) == 1) {
        ret[0] = 4;
        memcpy(ret + 1, address, 3);
    } else if (inet_pton(AF_INET6, text, address) == 1) {
        ret[0] = 6;
        memcpy(ret + 1, address, 7);
    }
}

static bool bucket_take(struct bucket *b, int64_t now_ms, int64_t burst, int64_t per_second)
{
    int64_t drained = (now_ms - b->at_ms) * per_second;
    b->spent_milli = drained > b->spent_milli ? 0 : b->spent_milli - drained;
    b->at_ms = now_ms;
    if (b->spent_milli + 1000 > burst * 1000)
        return false;
    b->spent_milli += 1000;
    return true;
}

bool auth_limit_take(struct auth_limit *l, struct str peer, int64_t monotonic_ms)
{
    uint8_t prefix[PREFIX_BYTES], hash[HASH_BYTES];
    prefix_of(peer, prefix);
    hash_blake2b_keyed(l->key, str_bytes(prefix, sizeof prefix), hash);
    struct bucket *b = &l->buckets[(hash[0] | (size_t)hash[1] << 8) % BUCKETS];

    pthread_mutex_lock(&l->lock);
    bool allowed =
        bucket_take(b, monotonic_ms, AUTH_LIMIT_BURST, AUTH_LIMIT_PER_SECOND) &&
        bucket_take(&l->all, monotonic_ms, AUTH_LIMIT_ALL_BURST, AUTH_LIMIT_ALL_PER_SECOND);
    pthread_mutex_unlock(&l->lock);
    return allowed;
}
