#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "courier.h"
#include "io.h"
#include "ipc.h"
#include "limit.h"
#include "order_wire.h"

/* An order whose DONE has not come. */
struct pending {
    struct pending *next;
    uint64_t id;
    courier_answered *answered;
    void *ctx;
};

struct courier {
    int socket;
    pthread_t reader;
    pthread_mutex_t sending; /* one message at a time */
    pthread_mutex_t lock;    /* what follows; never held while `answered` runs */
    struct pending *orders;
    uint64_t last_id;
    bool gone;
};

/* The entry of an order; taken out of the list when `last`. NULL when there is none. */
static struct pending *find(struct courier *c, uint64_t id, bool last)
{
    pthread_mutex_lock(&c->lock);
    struct pending **at = &c->orders;
    while (*at && (*at)->id != id)
        at = &(*at)->next;
    struct pending *found = *at;
    if (found && last)
        *at = found->next;
    pthread_mutex_unlock(&c->lock);
    return found;
}

/* Only this thread takes entries out after they were sent, so one that stays in is still there. */
static void hand_over(struct courier *c, const struct answer *a)
{
    bool last = a->kind == ANSWER_DONE;
    struct pending *order = find(c, a->id, last);
    if (!order)
        return;
    order->answered(a, order->ctx);
    if (last)
        free(order);
}

static void end_all(struct courier *c)
{
    pthread_mutex_lock(&c->lock);
    c->gone = true;
    struct pending *orders = TAKE(c->orders);
    pthread_mutex_unlock(&c->lock);
    while (orders) {
        struct pending *order = orders;
        orders = order->next;
        struct answer a = {.id = order->id,
                           .kind = ANSWER_DONE,
                           .outcome = OUTCOME_RETRY,
                           .err = ERR_UNAVAILABLE,
                           .content_length = -1,
                           .message = STR("the courier process ended")};
        order->answered(&a, order->ctx);
        free(order);
    }
}

static void *read_answers(void *ctx)
{
    struct courier *c = ctx;
    AUTO(buf) struct buf message = buf_make(IPC_MESSAGE_MAX_BYTES);
    struct answer a;
    /* A message that is none means the other side is not our courier any more. */
    while (ipc_receive(c->socket, &message, NULL, 0) == OK &&
           answer_decode(buf_str(&message), &a) == OK)
        hand_over(c, &a);
    shutdown(c->socket, SHUT_RDWR);
    end_all(c);
    return NULL;
}

struct courier *courier_connect(int socket)
{
    struct courier *c = xcalloc(1, sizeof *c);
    c->socket = socket;
    pthread_mutex_init(&c->sending, NULL);
    pthread_mutex_init(&c->lock, NULL);
    ASSERT(pthread_create(&c->reader, NULL, read_answers, c) == 0);
    return c;
}

void courier_free(struct courier **courier)
{
    struct courier *c = TAKE(*courier);
    if (!c)
        return;
    shutdown(c->socket, SHUT_RDWR);
    pthread_join(c->reader, NULL);
    io_close(&c->socket);
    pthread_mutex_destroy(&c->sending);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static bool add(struct courier *c, struct order *order, courier_answered *answered, void *ctx)
{
    struct pending *p = xcalloc(1, sizeof *p);
    pthread_mutex_lock(&c->lock);
    bool gone = c->gone;
    if (!gone) {
        order->id = ++c->last_id;
        *p = (struct pending){c->orders, order->id, answered, ctx};
        c->orders = p;
    }
    pthread_mutex_unlock(&c->lock);
    if (gone)
        free(p);
    return !gone;
}

enum err courier_send(struct courier *c, struct order *order, int data_fd,
                      courier_answered *answered, void *ctx)
{
    if (!add(c, order, answered, ctx))
        return ERR_UNAVAILABLE;
    pthread_mutex_lock(&c->sending);
    enum err err = order_wire_send(c->socket, order, data_fd);
    pthread_mutex_unlock(&c->sending);
    if (err == OK)
        return OK;
    struct pending *order_again = find(c, order->id, true);
    if (!order_again) /* the reader saw the end first, and has told `answered` */
        return OK;
    free(order_again);
    return err == ERR_IO ? ERR_UNAVAILABLE : err;
}

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    enum err err;
    int64_t consumed;
};

static void wake(const struct answer *a, void *ctx)
{
    struct waiting *w = ctx;
    if (a->kind != ANSWER_DONE)
        return;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    w->err = a->outcome == OUTCOME_DONE ? OK : a->err;
    w->consumed = a->content_length;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* Whoever asks may be gone when the answer comes: the last of the two frees it. */
struct asked {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool answered, alive, given_up;
};

static void asked_free(struct asked *q)
{
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->changed);
    free(q);
}

static void on_asked(const struct answer *a, void *ctx)
{
    struct asked *q = ctx;
    pthread_mutex_lock(&q->lock);
    q->answered = true;
    q->alive = a->err != ERR_UNAVAILABLE; /* else it is the end of the courier that is told */
    bool given_up = q->given_up;
    pthread_cond_signal(&q->changed);
    pthread_mutex_unlock(&q->lock);
    if (given_up)
        asked_free(q);
}

static bool wait_for_answer(struct asked *q, int64_t within_ms)
{
    int64_t until_ms = clock_monotonic_ms() + within_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000L};
    int late = 0;
    pthread_mutex_lock(&q->lock);
    while (!q->answered && !late)
        late = pthread_cond_clockwait(&q->changed, &q->lock, CLOCK_MONOTONIC, &until);
    bool answered = q->answered, alive = q->answered && q->alive;
    q->given_up = !answered;
    pthread_mutex_unlock(&q->lock);
    if (answered)
        asked_free(q);
    return alive;
}

bool courier_answers(struct courier *c, int64_t within_ms)
{
    struct order none = {.kind = ORDER_MASK};
    struct asked *q = xcalloc(1, sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    if (!add(c, &none, on_asked, q)) {
        asked_free(q);
        return false;
    }
    pthread_mutex_lock(&c->sending);
    enum err e = order_wire_ask(c->socket, none.id);
    pthread_mutex_unlock(&c->sending);
    /* When it could not be sent the reader sees the end too, and tells on_asked. */
    struct pending *unsent = e == OK ? NULL : find(c, none.id, true);
    if (unsent) {
        free(unsent);
        asked_free(q);
        return false;
    }
    return wait_for_answer(q, within_ms);
}

static enum err read_back(int fd, struct buf *out)
{
    return lseek(fd, 0, SEEK_SET) == 0 ? io_read_all(fd, out) : ERR_IO;
}

enum err courier_mask(struct courier *c, const struct ref_bundle *all, struct str job_id,
                      struct str text, bool final, struct buf *out, size_t *ret_consumed)
{
    struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct order order = {
        .kind = ORDER_MASK, .job_id = job_id, .bundle = *all, .body = text, .final = final};
    AUTO(fd) int fd = memfd_create("masked", MFD_CLOEXEC);
    if (fd < 0)
        return ERR_LIMIT;
    TRY(courier_send(c, &order, fd, wake, &w));
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.changed, &w.lock);
    pthread_mutex_unlock(&w.lock);
    TRY(w.err);
    if (w.consumed < 0 || (uint64_t)w.consumed > text.len)
        return ERR_INTERNAL;
    TRY(read_back(fd, out));
    *ret_consumed = (size_t)w.consumed;
    return OK;
}
