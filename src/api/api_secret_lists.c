#include "api_secret_lists.h"

#include <pthread.h>
#include <stdlib.h>

#include "alloc.h"
#include "limit.h"

enum { SLOTS = 2 * SECRET_LISTS_MAX };

struct entry { /* text NULL: empty */
    char team_id[ULID_LEN + 1];
    char pattern[TOKEN_PATTERN_MAX_BYTES + 1];
    char *text;
    size_t len;
    struct secret_lists_now made;
};

struct secret_lists {
    pthread_rwlock_t lock;
    uint64_t generation;
    size_t count, total_bytes;
    struct entry entries[SLOTS];
};

struct secret_lists *secret_lists_new(void)
{
    struct secret_lists *l = xcalloc(1, sizeof *l);
    ASSERT(pthread_rwlock_init(&l->lock, NULL) == 0);
    return l;
}

static void drop_all(struct secret_lists *l)
{
    for (size_t i = 0; i < SLOTS && l->count > 0; i++) {
        if (l->entries[i].text) {
            free(TAKE(l->entries[i].text));
            l->count--;
        }
    }
    l->total_bytes = 0;
}

void secret_lists_free(struct secret_lists **l)
{
    if (*l == NULL)
        return;
    drop_all(*l);
    pthread_rwlock_destroy(&(*l)->lock);
    free(*l);
    *l = NULL;
}

/* The list's entry, or the empty one where it would go. */
static struct entry *find(struct secret_lists *l, struct str team_id, struct str pattern)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a; keys are few and not chosen by a guest */
    for (size_t i = 0; i < team_id.len; i++)
        hash = (hash ^ (uint8_t)team_id.ptr[i]) * 1099511628211u;
    for (size_t i = 0; i < pattern.len; i++)
        hash = (hash ^ (uint8_t)pattern.ptr[i]) * 1099511628211u;
    size_t at = hash % SLOTS;
    while (l->entries[at].text &&
           (!str_is(team_id, l->entries[at].team_id) || !str_is(pattern, l->entries[at].pattern)))
        at = (at + 1) % SLOTS;
    return &l->entries[at];
}

static bool fresh(const struct entry *e, struct secret_lists_now now)
{
    return e->made.uses == now.uses || now.at_ms - e->made.at_ms < SECRET_LISTS_STALE_MS;
}

bool secret_lists_use(struct secret_lists *l, struct secret_lists_now now, struct str team_id,
                      struct str pattern, void (*use)(void *ctx, struct str list), void *ctx)
{
    pthread_rwlock_rdlock(&l->lock);
    const struct entry *e = find(l, team_id, pattern);
    bool found = l->generation == now.generation && e->text && fresh(e, now);
    if (found)
        use(ctx, str_bytes(e->text, e->len));
    pthread_rwlock_unlock(&l->lock);
    return found;
}

static void fill(struct secret_lists *l, struct entry *e, struct secret_lists_now now,
                 struct str list)
{
    if (e->text) {
        l->total_bytes -= e->len;
        free(TAKE(e->text));
        l->count--;
    }
    e->text = xmalloc(list.len + 1);
    memcpy(e->text, list.ptr, list.len);
    e->len = list.len;
    e->made = now;
    l->total_bytes += list.len;
    l->count++;
}

void secret_lists_put(struct secret_lists *l, struct secret_lists_now now, struct str team_id,
                      struct str pattern, struct str list)
{
    if (list.len > SECRET_LISTS_MAX_BYTES / 4)
        return;
    pthread_rwlock_wrlock(&l->lock);
    if (now.generation > l->generation) {
        drop_all(l);
        l->generation = now.generation;
    }
    if (l->count == SECRET_LISTS_MAX || l->total_bytes + list.len > SECRET_LISTS_MAX_BYTES)
        drop_all(l);
    struct entry *e = find(l, team_id, pattern);
    /* An older generation's list may already be stale. */
    if (now.generation == l->generation && (!e->text || !fresh(e, now)) &&
        str_to_text(team_id, e->team_id, sizeof e->team_id) == OK &&
        str_to_text(pattern, e->pattern, sizeof e->pattern) == OK)
        fill(l, e, now, list);
    pthread_rwlock_unlock(&l->lock);
}
