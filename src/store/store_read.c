/* Reading: a pool of connections, each with a snapshot of its own while it is out. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "alloc.h"
#include "store_inner.h"

/* More than that are closed when they come back: each costs some 100 KiB. */
enum { READERS_KEPT = 8, PAUSE_MAX_MS = 200 };

static void reader_free(struct store_tx *tx)
{
    db_close(&tx->db);
    free(tx);
}

static void left(struct store *s)
{
    pthread_mutex_lock(&s->read_lock);
    if (--s->reading == 0)
        pthread_cond_broadcast(&s->read_change);
    pthread_mutex_unlock(&s->read_lock);
}

static struct store_tx *enter(struct store *s)
{
    pthread_mutex_lock(&s->read_lock);
    while (s->paused)
        pthread_cond_wait(&s->read_change, &s->read_lock);
    s->reading++;
    struct store_tx *tx = s->spare;
    if (tx) {
        s->spare = tx->next;
        s->spare_count--;
    }
    pthread_mutex_unlock(&s->read_lock);
    return tx;
}

/* BEGIN alone does not fix the snapshot; the first read does. */
static enum err take_snapshot(struct db *db)
{
    static const char touch[] = "SELECT version FROM schema_version";
    TRY(db_begin(db));
    AUTOP(db_stmt) struct db_stmt *q = NULL;
    TRY(db_prepare(db, touch, &q));
    return db_row(q);
}

enum err store_read_begin(struct store *s, struct store_tx **ret)
{
    struct store_tx *tx = enter(s);
    enum err e = OK;
    if (!tx) {
        tx = xcalloc(1, sizeof *tx);
        e = store_open_connection(s, false, &tx->db);
    }
    if (e == OK)
        e = take_snapshot(tx->db);
    if (e != OK) {
        reader_free(tx);
        left(s);
        return e;
    }
    *ret = tx;
    return OK;
}

void store_read_end(struct store *s, struct store_tx **handle)
{
    struct store_tx *tx = *handle;
    if (!tx)
        return;
    *handle = NULL;
    db_rollback(tx->db);
    bool keep = !db_suspect(tx->db);
    pthread_mutex_lock(&s->read_lock);
    keep = keep && s->spare_count < READERS_KEPT;
    if (keep) {
        tx->next = s->spare;
        s->spare = tx;
        s->spare_count++;
    }
    pthread_mutex_unlock(&s->read_lock);
    if (!keep)
        reader_free(tx);
    left(s);
}

void store_readers_close(struct store *s)
{
    ASSERT(s->reading == 0);
    while (s->spare) {
        struct store_tx *tx = s->spare;
        s->spare = tx->next;
        reader_free(tx);
    }
}

bool store_readers_pause(struct store *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PAUSE_MAX_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&s->read_lock);
    s->paused = true;
    int rc = 0;
    while (s->reading > 0 && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&s->read_change, &s->read_lock, &until);
    bool alone = s->reading == 0;
    pthread_mutex_unlock(&s->read_lock);
    return alone;
}

void store_readers_resume(struct store *s)
{
    pthread_mutex_lock(&s->read_lock);
    s->paused = false;
    pthread_cond_broadcast(&s->read_change);
    pthread_mutex_unlock(&s->read_lock);
}
