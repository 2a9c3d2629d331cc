/* Writing: one thread takes all that waits and commits it together. */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "alloc.h"
#include "clock.h"
#include "store_inner.h"

enum {
    GROUP_MAX = 256,            /* bounds how long the first of a group waits */
    LOG_PAGES_BUSY = 4000,      /* 16 MiB: the log is moved into the database even under load */
    LOG_PAGES_IDLE = 1000,      /* ... when there is nothing else to do */
    LOG_PAGES_TOO_MANY = 65536, /* 256 MiB: readers kept it from starting anew; they wait now */
    WIPE_AFTER_GROUPS = 64,     /* under load, deleted bytes leave the log after so many groups */
    WIPE_RETRY_FIRST_MS = 50,   /* a reader was in the way; doubles to ... */
    WIPE_RETRY_LAST_MS = 5000,  /* ... this: readers stand still for a moment at each try */
    /* SQLite moves records within a page and leaves copies behind, so after deletes the database is
     * written anew. A larger one would be busy with it for seconds. */
    COMPACT_MAX_BYTES = 64 * 1024 * 1024,
    COMPACT_QUIET_MS = 500,       /* after the last delete or the last attempt */
    COMPACT_PAUSE_FACTOR = 20,    /* times what it took: so much of the time at most goes into it */
    COMPACT_RETRY_LAST_MS = 60000 /* there was no room; doubles up to this */
};

struct request {
    store_op *op;
    store_done *done;
    void *ctx;
    struct request *next;
    enum err result;
    bool own_result; /* an error that does not rest on what the group did before it */
};

struct group {
    struct request *list[GROUP_MAX];
    size_t count;
};

/* What a statement's error means for those who share its transaction. */
static enum err shared_error(enum err e)
{
    return e == ERR_STORE_FULL ? e : ERR_UNAVAILABLE;
}

/* One operation in a savepoint. Returns an error only when the group is lost. */
static enum err run_one(struct store_tx *tx, struct request *r, bool alone_so_far)
{
    size_t records = tx->audit->count, counts = tx->audit->counts_count;
    unsigned touched = tx->touched;
    r->own_result = false;
    TRY(db_savepoint(tx->db));
    r->result = r->op(tx, r->ctx);
    if (db_suspect(tx->db) || !db_in_transaction(tx->db))
        return shared_error(r->result);
    if (r->result == OK)
        return db_release(tx->db);
    r->own_result = alone_so_far;
    tx->audit->count = records;
    tx->audit->counts_count = counts;
    tx->touched = touched;
    return db_rollback_to(tx->db);
}

static enum err run_all(struct store *s, struct store_tx *tx, const struct group *g)
{
    bool none = true;
    TRY(db_begin(tx->db));
    for (size_t i = 0; i < g->count; i++) {
        TRY(run_one(tx, g->list[i], none));
        none = none && g->list[i]->result != OK;
    }
    if (none) {
        db_rollback(tx->db);
        return OK;
    }
    pthread_mutex_lock(&s->lock);
    store_chain *chain = s->chain;
    void *chain_ctx = s->chain_ctx;
    pthread_mutex_unlock(&s->lock);
    TRY(store_audit_chain(tx, chain, chain_ctx));
    TRY(db_commit(tx->db));
    atomic_fetch_add(&s->commits, 1);
    return OK;
}

void store_wipe_soon(struct store *s)
{
    int64_t quiet = clock_monotonic_ms() + COMPACT_QUIET_MS;
    s->wipe_due = s->compact_due = true;
    if (s->compact_not_before_ms < quiet)
        s->compact_not_before_ms = quiet;
}

static void bump(struct store *s, unsigned touched)
{
    if (touched & TOUCHED_AUTH)
        atomic_fetch_add_explicit(&s->auth_generation, 1, memory_order_release);
    if (touched & TOUCHED_SECRETS)
        atomic_fetch_add_explicit(&s->secrets_generation, 1, memory_order_release);
    if (touched & TOUCHED_USES)
        atomic_fetch_add_explicit(&s->uses_generation, 1, memory_order_release);
    if (touched & TOUCHED_WIPE)
        store_wipe_soon(s);
}

/* After an error of the disk the connection's view of the file is worth nothing: a second fsync
 * may succeed without having written what the first one lost. */
static enum err fresh_writer(struct store *s)
{
    if (s->writer && db_suspect(s->writer))
        db_close(&s->writer);
    return s->writer ? OK : store_open_connection(s, true, &s->writer);
}

void store_count(struct store_tx *tx, enum metric m, size_t cell)
{
    ASSERT_WRITING(tx);
    struct audit_pending *p = tx->audit;
    p->counts = store_list_grow(&p->arena, p->counts, p->counts_count, &p->counts_capacity,
                                sizeof *p->counts);
    p->counts[p->counts_count++] = (struct count_entry){m, cell};
}

static void measure(const struct audit_pending *p, size_t operations, int64_t began_us)
{
    metric_observe(METRIC_STORE_COMMIT_SECONDS, (uint64_t)(clock_monotonic_us() - began_us));
    metric_observe(METRIC_STORE_GROUP_SIZE, operations);
    for (size_t i = 0; i < p->counts_count; i++)
        metric_add(p->counts[i].metric, p->counts[i].cell, 1);
}

static enum err commit_group(struct store *s, const struct group *g)
{
    int64_t began_us = clock_monotonic_us();
    TRY(fresh_writer(s));
    struct audit_pending audit = {.arena = arena_make()};
    struct store_tx tx = {.db = s->writer, .audit = &audit};
    enum err e = run_all(s, &tx, g);
    if (e == OK) {
        bump(s, tx.touched);
        measure(&audit, g->count, began_us);
    } else {
        db_rollback(s->writer);
    }
    arena_auto(&audit.arena);
    return e;
}

static void answer(struct store *s, struct group *g, enum err group_error)
{
    atomic_fetch_add(&s->operations, g->count);
    for (size_t i = 0; i < g->count; i++) {
        struct request *r = g->list[i];
        enum err e = group_error == OK || r->own_result ? r->result : group_error;
        r->done(e, r->ctx);
        free(r);
    }
}

static void run_group(struct store *s, struct group *g)
{
    for (size_t i = 0; i < g->count; i++)
        g->list[i]->own_result = false;
    enum err e = commit_group(s, g);
    /* What is too much together may fit one by one. */
    if (e == ERR_STORE_FULL && g->count > 1 && s->writer && !db_suspect(s->writer)) {
        for (size_t i = 0; i < g->count; i++) {
            struct group one = {.list = {g->list[i]}, .count = 1};
            e = commit_group(s, &one);
            atomic_store(&s->writable, e == OK);
            answer(s, &one, e);
        }
        return;
    }
    atomic_store(&s->writable, e == OK);
    if (e != OK)
        metric_add(METRIC_STORE_FAILED, 0, 1);
    answer(s, g, e);
}

/* A failure here costs nobody an answer: a suspect connection is replaced before the next group and
 * the rest is tried again. */
static void empty_log(struct store *s)
{
    enum err e = db_checkpoint(s->writer, true);
    if (e == ERR_AGAIN) {
        (void)!store_readers_pause(s);
        e = db_checkpoint(s->writer, true);
        store_readers_resume(s);
    }
    s->wipe_groups = 0;
    if (e == OK) {
        s->wipe_due = false;
        s->wipe_pause_ms = 0;
        return;
    }
    int64_t pause = s->wipe_pause_ms ? s->wipe_pause_ms * 2 : WIPE_RETRY_FIRST_MS;
    s->wipe_pause_ms = pause < WIPE_RETRY_LAST_MS ? pause : WIPE_RETRY_LAST_MS;
    s->wipe_not_before_ms = clock_monotonic_ms() + s->wipe_pause_ms;
}

static bool is_wanted(void *ctx)
{
    struct store *s = ctx;
    pthread_mutex_lock(&s->lock);
    bool wanted = s->first != NULL;
    pthread_mutex_unlock(&s->lock);
    return wanted;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

/* Gives way to whoever comes to write. A failure changes nothing and is tried again. */
static void compact(struct store *s, bool (*give_up)(void *ctx))
{
    int64_t began = clock_monotonic_ms();
    enum err e = db_compact(s->writer, COMPACT_MAX_BYTES, give_up, s);
    int64_t now = clock_monotonic_ms(), pause = (now - began) * COMPACT_PAUSE_FACTOR;
    s->compact_due = e != OK;
    s->wipe_due = true; /* the log holds old pages, or what was written in vain */
    if (e != OK && e != ERR_AGAIN) {
        pause = s->compact_pause_ms ? s->compact_pause_ms * 2 : COMPACT_QUIET_MS;
        pause = pause < COMPACT_RETRY_LAST_MS ? pause : COMPACT_RETRY_LAST_MS;
    }
    s->compact_pause_ms = e == OK || e == ERR_AGAIN ? 0 : pause;
    s->compact_not_before_ms = now + (pause > COMPACT_QUIET_MS ? pause : COMPACT_QUIET_MS);
}

static void tidy(struct store *s, bool idle)
{
    if (idle && s->compact_due && s->writer && !db_suspect(s->writer) &&
        clock_monotonic_ms() >= s->compact_not_before_ms)
        compact(s, is_wanted);
    if (!s->writer || db_suspect(s->writer))
        return;
    int64_t pages = db_log_pages(s->writer);
    bool must = pages >= LOG_PAGES_TOO_MANY;
    if (s->wipe_due)
        must |= idle || ++s->wipe_groups >= WIPE_AFTER_GROUPS;
    if (must && clock_monotonic_ms() >= s->wipe_not_before_ms)
        empty_log(s);
    else if (pages >= (idle ? LOG_PAGES_IDLE : LOG_PAGES_BUSY))
        (void)!db_checkpoint(s->writer, false);
}

static void take(struct store *s, struct group *g)
{
    g->count = 0;
    while (s->first && g->count < GROUP_MAX) {
        g->list[g->count++] = s->first;
        s->first = s->first->next;
    }
    if (!s->first)
        s->last = &s->first;
}

/* With the lock held; it is let go for the upkeep. */
static void wait_for_work(struct store *s)
{
    pthread_mutex_unlock(&s->lock);
    tidy(s, true);
    pthread_mutex_lock(&s->lock);
    if (s->first || s->stopping)
        return;
    if (!s->wipe_due && !s->compact_due) {
        pthread_cond_wait(&s->wake, &s->lock);
        return;
    }
    int64_t soonest_ms = clock_monotonic_ms() + WIPE_RETRY_FIRST_MS;
    int64_t at_ms = s->wipe_due ? s->wipe_not_before_ms : s->compact_not_before_ms;
    if (s->compact_due && s->compact_not_before_ms < at_ms)
        at_ms = s->compact_not_before_ms;
    if (at_ms < soonest_ms) /* also when there is no writer that could do it */
        at_ms = soonest_ms;
    struct timespec until = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000L};
    (void)!pthread_cond_clockwait(&s->wake, &s->lock, CLOCK_MONOTONIC, &until);
}

static void *writer_main(void *ctx)
{
    struct store *s = ctx;
    struct group g;
    pthread_mutex_lock(&s->lock);
    while (s->first || !s->stopping) {
        if (!s->first) {
            wait_for_work(s);
            continue;
        }
        take(s, &g);
        pthread_mutex_unlock(&s->lock);
        run_group(s, &g);
        tidy(s, false);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    if (s->writer && !db_suspect(s->writer) && s->compact_due)
        compact(s, never);
    if (s->writer && !db_suspect(s->writer))
        (void)!db_checkpoint(s->writer, true);
    return NULL;
}

enum err store_writer_start(struct store *s)
{
    atomic_store(&s->writable, true);
    if (pthread_create(&s->thread, NULL, writer_main, s) != 0)
        return ERR_LIMIT;
    s->thread_runs = true;
    return OK;
}

void store_writer_stop(struct store *s)
{
    if (!s->thread_runs)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->thread_runs = false;
}

void store_set_chain(struct store *s, store_chain *chain, void *ctx)
{
    pthread_mutex_lock(&s->lock);
    s->chain = chain;
    s->chain_ctx = ctx;
    pthread_mutex_unlock(&s->lock);
}

void store_write(struct store *s, store_op *op, store_done *done, void *ctx)
{
    struct request *r = xmalloc(sizeof *r);
    *r = (struct request){.op = op, .done = done, .ctx = ctx};
    pthread_mutex_lock(&s->lock);
    ASSERT(!s->stopping);
    bool was_empty = !s->first;
    *s->last = r;
    s->last = &r->next;
    if (was_empty)
        pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

struct waiter {
    store_op *op;
    void *ctx;
    enum err result;
    sem_t done;
};

static enum err waiter_op(struct store_tx *tx, void *ctx)
{
    struct waiter *w = ctx;
    return w->op(tx, w->ctx);
}

static void waiter_done(enum err result, void *ctx)
{
    struct waiter *w = ctx;
    w->result = result;
    sem_post(&w->done);
}

enum err store_write_wait(struct store *s, store_op *op, void *ctx)
{
    ASSERT(!pthread_equal(pthread_self(), s->thread));
    struct waiter w = {.op = op, .ctx = ctx};
    ASSERT(sem_init(&w.done, 0, 0) == 0);
    store_write(s, waiter_op, waiter_done, &w);
    while (sem_wait(&w.done) != 0)
        ASSERT(errno == EINTR);
    sem_destroy(&w.done);
    return w.result;
}
