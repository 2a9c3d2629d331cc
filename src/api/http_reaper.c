/* Deadlines that the library does not have: a head that is not complete, a body that does not
 * move. One thread looks at every connection now and then and shuts down the socket of whoever is
 * late; the connection's own thread then sees the end and cleans up. A connection leaves the list
 * before its descriptor is closed, and both happen under the lock, so a descriptor number that was
 * given to someone else is never shut down. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "http_internal.h"
#include "io.h"
#include "limit.h"

enum { LINGER_TICK_MS = 20, DRAIN_PIECE_BYTES = 16 * 1024, DRAIN_PIECES_MAX = 64 };

void http_conn_enter(struct http_conn *c, enum http_conn_phase phase)
{
    atomic_store_explicit(&c->since_ms, clock_monotonic_ms(), memory_order_relaxed);
    atomic_store_explicit(&c->phase, phase, memory_order_release);
}

void http_reaper_add(struct http_reaper *reaper, struct http_conn *c)
{
    pthread_mutex_lock(&reaper->lock);
    c->next = reaper->conns;
    if (c->next)
        c->next->prev = c;
    else
        pthread_cond_signal(&reaper->wake);
    reaper->conns = c;
    pthread_mutex_unlock(&reaper->lock);
}

void http_reaper_remove(struct http_reaper *reaper, struct http_conn *c)
{
    pthread_mutex_lock(&reaper->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        reaper->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    pthread_mutex_unlock(&reaper->lock);
}

void http_reaper_linger(struct http_reaper *reaper, int fd)
{
    pthread_mutex_lock(&reaper->lock);
    if (reaper->lingering_count < HTTP_LINGER_MAX) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy >= 0) {
            size_t i = reaper->lingering_count++;
            reaper->lingering[i].fd = copy;
            reaper->lingering[i].until_ms = clock_monotonic_ms() + HTTP_LINGER_MS;
            pthread_cond_signal(&reaper->wake);
        }
    }
    pthread_mutex_unlock(&reaper->lock);
}

/* false: the peer has closed, or nothing more is to be had. */
static bool drain(int fd)
{
    char piece[DRAIN_PIECE_BYTES];
    for (int i = 0; i < DRAIN_PIECES_MAX; i++) {
        ssize_t n = recv(fd, piece, sizeof piece, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0)
            return false;
    }
    return true;
}

static void serve_lingering(struct http_reaper *reaper, int64_t now_ms)
{
    for (size_t i = 0; i < reaper->lingering_count;) {
        if (now_ms < reaper->lingering[i].until_ms && drain(reaper->lingering[i].fd)) {
            i++;
            continue;
        }
        io_close(&reaper->lingering[i].fd);
        reaper->lingering[i] = reaper->lingering[--reaper->lingering_count];
    }
}

/* A body must bring HTTP_BODY_PROGRESS_BYTES, or its rest, in each stretch of body_ms. */
static bool body_late(const struct http_reaper *reaper, struct http_conn *c, int64_t since_ms,
                      int64_t now_ms)
{
    uint64_t bytes = atomic_load_explicit(&c->body_bytes, memory_order_relaxed);
    uint64_t announced = atomic_load_explicit(&c->body_announced, memory_order_relaxed);
    if (c->mark_ms < since_ms) {
        c->mark_ms = since_ms;
        c->mark_bytes = 0;
    }
    if (now_ms - c->mark_ms < reaper->body_ms)
        return false;
    uint64_t rest = announced - c->mark_bytes;
    uint64_t wanted = rest < HTTP_BODY_PROGRESS_BYTES ? rest : HTTP_BODY_PROGRESS_BYTES;
    bool late = bytes - c->mark_bytes < wanted;
    c->mark_ms = now_ms;
    c->mark_bytes = bytes;
    return late;
}

static bool at_its_end(const struct http_conn *c)
{
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A peer that sent its request and its end in one piece: the library waits for an event that does
 * not come again. Looked at once or twice in the beginning of a rest. */
static bool half_closed(const struct http_reaper *reaper, const struct http_conn *c,
                        int64_t rest_ms)
{
    return rest_ms >= reaper->tick_ms && rest_ms < 3 * reaper->tick_ms && at_its_end(c);
}

/* The same in the middle of a body: what comes after such an end is nothing, and until then nobody
 * else could use the address. Not before the body has stood still for two looks: its last bytes may
 * be on their way through the library. */
static bool body_ended(struct http_conn *c)
{
    uint64_t bytes = atomic_load_explicit(&c->body_bytes, memory_order_relaxed);
    c->still = bytes == c->seen_bytes ? c->still + 1 : 0;
    c->seen_bytes = bytes;
    bool whole = bytes == atomic_load_explicit(&c->body_announced, memory_order_relaxed);
    return c->still >= 2 && !whole && at_its_end(c);
}

static bool is_late(const struct http_reaper *reaper, struct http_conn *c, int64_t now_ms)
{
    int phase = atomic_load_explicit(&c->phase, memory_order_acquire);
    int64_t since_ms = atomic_load_explicit(&c->since_ms, memory_order_relaxed);
    switch (phase) {
    case HTTP_CONN_IDLE:
        return now_ms - since_ms > reaper->idle_ms || half_closed(reaper, c, now_ms - since_ms);
    case HTTP_CONN_HEAD:
        return now_ms - since_ms > reaper->head_ms;
    case HTTP_CONN_BODY:
        return body_late(reaper, c, since_ms, now_ms) || body_ended(c);
    default:
        return false;
    }
}

static void wait_for_work(struct http_reaper *reaper)
{
    if (!reaper->conns && !reaper->lingering_count) {
        pthread_cond_wait(&reaper->wake, &reaper->lock);
        return;
    }
    int64_t wait_ms = reaper->lingering_count ? LINGER_TICK_MS : reaper->tick_ms;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (wait_ms % 1000) * 1000000;
    until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&reaper->wake, &reaper->lock, &until);
}

static void *reaper_main(void *ctx)
{
    struct http_reaper *reaper = ctx;
    int64_t looked_ms = 0;
    pthread_mutex_lock(&reaper->lock);
    while (!reaper->stop) {
        int64_t now_ms = clock_monotonic_ms();
        serve_lingering(reaper, now_ms);
        if (now_ms - looked_ms >= reaper->tick_ms) {
            looked_ms = now_ms;
            for (struct http_conn *c = reaper->conns; c; c = c->next)
                if (is_late(reaper, c, now_ms))
                    shutdown(c->fd, SHUT_RDWR);
        }
        wait_for_work(reaper);
    }
    serve_lingering(reaper, INT64_MAX);
    pthread_mutex_unlock(&reaper->lock);
    return NULL;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

enum err http_reaper_start(struct http_reaper *reaper)
{
    enum { TICK_MIN_MS = 20, TICK_MAX_MS = 1000 };
    int64_t tick = least(least(reaper->head_ms, reaper->body_ms), reaper->idle_ms) / 8;
    reaper->tick_ms = tick < TICK_MIN_MS ? TICK_MIN_MS : least(tick, TICK_MAX_MS);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&reaper->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&reaper->lock, NULL);
    reaper->running = pthread_create(&reaper->thread, NULL, reaper_main, reaper) == 0;
    return reaper->running ? OK : ERR_LIMIT;
}

void http_reaper_hurry(struct http_reaper *reaper)
{
    pthread_mutex_lock(&reaper->lock);
    reaper->head_ms = reaper->body_ms = reaper->idle_ms = -1;
    reaper->tick_ms = LINGER_TICK_MS;
    pthread_cond_signal(&reaper->wake);
    pthread_mutex_unlock(&reaper->lock);
}

void http_reaper_stop(struct http_reaper *reaper)
{
    if (!reaper->running)
        return;
    pthread_mutex_lock(&reaper->lock);
    reaper->stop = true;
    pthread_cond_signal(&reaper->wake);
    pthread_mutex_unlock(&reaper->lock);
    pthread_join(reaper->thread, NULL);
    pthread_cond_destroy(&reaper->wake);
    pthread_mutex_destroy(&reaper->lock);
    reaper->running = false;
}
