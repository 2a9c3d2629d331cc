#include "auth_cache.h"

#include "alloc.h"
#include "hash.h"
#include "random.h"

#include <pthread.h>
#include <stdlib.h>

enum { SLOTS = 16384 };
_Static_assert(SLOTS > (int)AUTH_CACHE_MAX, "a probe always meets an empty slot");

struct slot {
    uint64_t round; /* lives only in the present round: dropping all costs nothing */
    struct auth_entry entry;
};

struct auth_cache {
    pthread_mutex_t lock;
    uint8_t key[32];
    uint64_t generation, round;
    size_t count;
    struct slot *slots;
};

struct auth_cache *auth_cache_new(void)
{
    struct auth_cache *c = xcalloc(1, sizeof *c);
    ASSERT(pthread_mutex_init(&c->lock, NULL) == 0);
    random_bytes(c->key, sizeof c->key);
    c->slots = xcalloc(SLOTS, sizeof *c->slots);
    c->round = 1;
    return c;
}

void auth_cache_free(struct auth_cache **c)
{
    if (*c == NULL)
        return;
    pthread_mutex_destroy(&(*c)->lock);
    free((*c)->slots);
    wipe((*c)->key, sizeof(*c)->key);
    free(*c);
    *c = NULL;
}

void auth_cache_key(const struct auth_cache *c, struct str text, uint8_t ret[static 32])
{
    hash_blake2b_keyed(c->key, text, ret);
}

static void drop_all(struct auth_cache *c)
{
    c->round++;
    c->count = 0;
}

static void follow(struct auth_cache *c, uint64_t generation)
{
    if (generation > c->generation) {
        drop_all(c);
        c->generation = generation;
    }
}

/* The entry's slot, or the empty one where it would go. */
static struct slot *find(struct auth_cache *c, const uint8_t key[static 32])
{
    size_t at = (key[0] | (size_t)key[1] << 8) % SLOTS;
    while (c->slots[at].round == c->round && !equal_constant_time(c->slots[at].entry.key, key, 32))
        at = (at + 1) % SLOTS;
    return &c->slots[at];
}

bool auth_cache_get(struct auth_cache *c, uint64_t generation, const uint8_t key[static 32],
                    struct auth_entry *ret)
{
    pthread_mutex_lock(&c->lock);
    follow(c, generation);
    struct slot *s = find(c, key);
    bool found = s->round == c->round;
    if (found)
        *ret = s->entry;
    pthread_mutex_unlock(&c->lock);
    return found;
}

bool auth_cache_touch(struct auth_cache *c, const uint8_t key[static 32], int64_t now_ms,
                      int64_t every_ms)
{
    pthread_mutex_lock(&c->lock);
    struct slot *s = find(c, key);
    /* Dropped meanwhile: written once too often rather than never. */
    bool due = s->round != c->round || now_ms - s->entry.used_at_ms > every_ms;
    if (due && s->round == c->round)
        s->entry.used_at_ms = now_ms;
    pthread_mutex_unlock(&c->lock);
    return due;
}

void auth_cache_put(struct auth_cache *c, uint64_t generation, const struct auth_entry *e)
{
    pthread_mutex_lock(&c->lock);
    follow(c, generation);
    /* Something changed since the row was read: it may be stale. */
    if (generation == c->generation) {
        struct slot *s = find(c, e->key);
        if (s->round != c->round && c->count++ == AUTH_CACHE_MAX) {
            drop_all(c);
            c->count = 1;
            s = find(c, e->key);
        }
        /* A use beside this one may have been noted since the row was read. */
        int64_t used_at_ms = s->round == c->round ? s->entry.used_at_ms : 0;
        s->round = c->round;
        s->entry = *e;
        if (used_at_ms > s->entry.used_at_ms)
            s->entry.used_at_ms = used_at_ms;
    }
    pthread_mutex_unlock(&c->lock);
}
