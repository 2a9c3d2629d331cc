#include "secret.h"

#include <pthread.h>
#include <sys/mman.h>

#include "alloc.h"
#include "limit.h"

/* The arena is one mapping cut into blocks; each block starts with its size and whether it is
 * free. First fit, neighbours merged on free: there are few secrets at a time and they live
 * briefly, so nothing cleverer is worth its lines. */
struct block {
    size_t size; /* of the whole block, header included */
    size_t used; /* 0: free */
};

struct secret {
    struct block block; /* must be first */
    size_t len, capacity;
    char bytes[];
};

enum { ALIGN = 64 };

static struct {
    pthread_mutex_t lock;
    char *base;
    size_t size, used;
    struct secret_arena_report report;
} arena = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void open_locked(size_t size_bytes)
{
    if (arena.base)
        return;
    size_t size = (size_bytes + 4095) & ~(size_t)4095;
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(base != MAP_FAILED);
    arena.base = base;
    arena.size = size;
    arena.report = (struct secret_arena_report){
        /* On fault: a page is locked when it is first used, and costs nothing before. */
        .locked = mlock2(base, size, MLOCK_ONFAULT) == 0,
        .undumpable = madvise(base, size, MADV_DONTDUMP) == 0,
        .wiped_on_fork = madvise(base, size, MADV_WIPEONFORK) == 0,
        .size_bytes = size,
    };
    struct block *first = base;
    *first = (struct block){.size = size, .used = 0};
}

struct secret_arena_report secret_arena_open(size_t size_bytes)
{
    pthread_mutex_lock(&arena.lock);
    open_locked(size_bytes);
    struct secret_arena_report report = arena.report;
    pthread_mutex_unlock(&arena.lock);
    return report;
}

void secret_arena_forget(void)
{
    if (arena.base)
        munmap(arena.base, arena.size);
    arena.base = NULL;
    arena.size = arena.used = 0;
}

/* UNSAFE: block sizes are multiples of ALIGN and sum to the arena's size, so the pointer is a
 * block header or the end of the arena. */
static struct block *next_block(struct block *b)
{
    return (struct block *)(void *)((char *)b + b->size);
}

static struct block *arena_end(void)
{
    return (struct block *)(void *)(arena.base + arena.size);
}

static struct block *take_block(size_t need)
{
    for (struct block *b = (struct block *)(void *)arena.base; b < arena_end(); b = next_block(b)) {
        /* A fork wipes the arena to zero: a block without a size means a child came here. */
        ASSERT(b->size != 0);
        while (!b->used && next_block(b) < arena_end() && !next_block(b)->used)
            b->size += next_block(b)->size;
        if (b->used || b->size < need)
            continue;
        if (b->size - need >= 2 * (size_t)ALIGN) {
            struct block rest = {.size = b->size - need, .used = 0};
            b->size = need;
            *next_block(b) = rest;
        }
        b->used = 1;
        return b;
    }
    return NULL;
}

enum err secret_new_empty(size_t capacity_bytes, struct secret **ret)
{
    size_t need;
    if (!CHECKED_ADD(capacity_bytes, sizeof(struct secret) + ALIGN - 1, &need))
        return ERR_LIMIT;
    need &= ~(size_t)(ALIGN - 1);
    pthread_mutex_lock(&arena.lock);
    open_locked(SECRET_ARENA_BYTES);
    struct block *b = take_block(need);
    if (b)
        arena.used += b->size;
    pthread_mutex_unlock(&arena.lock);
    if (!b)
        return ERR_LIMIT;
    struct secret *s = (struct secret *)(void *)b;
    s->len = 0;
    s->capacity = capacity_bytes;
    *ret = s;
    return OK;
}

enum err secret_new(struct str bytes, struct secret **ret)
{
    struct secret *s = NULL;
    TRY(secret_new_empty(bytes.len, &s));
    if (bytes.len)
        memcpy(s->bytes, bytes.ptr, bytes.len);
    s->len = bytes.len;
    *ret = s;
    return OK;
}

enum err secret_append(struct secret *s, struct str bytes)
{
    if (bytes.len > s->capacity - s->len)
        return ERR_TOO_LARGE;
    if (bytes.len)
        memcpy(s->bytes + s->len, bytes.ptr, bytes.len);
    s->len += bytes.len;
    return OK;
}

size_t secret_len(const struct secret *s)
{
    return s->len;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    return a->len == b->len && equal_constant_time(a->bytes, b->bytes, a->len);
}

struct str secret_reveal(const struct secret *s)
{
    return (struct str){s->bytes, s->len};
}

void secret_free(struct secret **s)
{
    struct secret *gone = TAKE(*s);
    if (!gone)
        return;
    wipe(gone->bytes, gone->capacity);
    gone->len = gone->capacity = 0;
    pthread_mutex_lock(&arena.lock);
    arena.used -= gone->block.size;
    gone->block.used = 0;
    pthread_mutex_unlock(&arena.lock);
}

void secret_autop(struct secret **s)
{
    secret_free(s);
}

size_t secret_arena_used(void)
{
    pthread_mutex_lock(&arena.lock);
    size_t used = arena.used;
    pthread_mutex_unlock(&arena.lock);
    return used;
}
