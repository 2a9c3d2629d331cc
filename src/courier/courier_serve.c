#include "courier_serve.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "aead.h"
#include "alloc.h"
#include "errand.h"
#include "io.h"
#include "ipc.h"
#include "order_wire.h"

enum { PART_PAUSE_MS = 1000 };

/* On the heap: threads that are still running when courier_serve returns go on using it. */
struct office {
    struct courier_serve options;
    struct vault *vault;
    pthread_mutex_t answering; /* one message at a time */
    pthread_mutex_t lock;      /* what follows */
    pthread_cond_t changed;
    size_t deliveries, downloads, masks; /* deliveries: without downloads */
    size_t masking;                      /* of masks, those at work */
};

/* What one thread is given; it owns all of it. */
struct parcel {
    struct office *office;
    uint64_t id;
    struct arena arena;
    struct order_mapped bytes;
    struct order order;
    int data_fd;
};

static void parcel_free(struct parcel *e)
{
    order_mapped_auto(&e->bytes);
    arena_auto(&e->arena);
    io_close(&e->data_fd);
    free(e);
}

static enum err answer(struct office *o, const struct answer *a)
{
    AUTO(buf) struct buf message = buf_make(IPC_MESSAGE_MAX_BYTES);
    TRY(answer_encode(a, &message));
    pthread_mutex_lock(&o->answering);
    enum err err = ipc_send(o->options.api, buf_str(&message), NULL, 0);
    pthread_mutex_unlock(&o->answering);
    return err;
}

/* When the api process is gone nobody needs the answer, and the receive loop ends as well. */
static void answer_last(struct office *o, const struct answer *a)
{
    (void)!answer(o, a);
}

static enum err answer_head(void *ctx, const struct answer *a)
{
    return answer(ctx, a);
}

static size_t *counter(struct office *o, enum order_kind kind)
{
    return kind == ORDER_MASK ? &o->masks : kind == ORDER_DOWNLOAD ? &o->downloads : &o->deliveries;
}

static void leave(struct office *o, enum order_kind kind)
{
    pthread_mutex_lock(&o->lock);
    (*counter(o, kind))--;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

/* A mask is all computing: more at a time would only make each slower. Waits on the order's own
 * thread, so that other orders go on. */
static void mask_begin(struct office *o)
{
    pthread_mutex_lock(&o->lock);
    while (o->masking == COURIER_MASKS_MAX)
        pthread_cond_wait(&o->changed, &o->lock);
    o->masking++;
    pthread_mutex_unlock(&o->lock);
}

static void mask_end(struct office *o)
{
    pthread_mutex_lock(&o->lock);
    o->masking--;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

static bool enter(struct office *o, enum order_kind kind)
{
    bool let = true;
    pthread_mutex_lock(&o->lock);
    if (kind == ORDER_MASK)
        let = o->masks < COURIER_MASKS_MAX + COURIER_MASKS_WAITING_MAX;
    else
        let = o->deliveries + o->downloads < COURIER_THREADS_MAX &&
              (kind != ORDER_DOWNLOAD || o->downloads < COURIER_DOWNLOADS_MAX);
    if (let)
        (*counter(o, kind))++;
    pthread_mutex_unlock(&o->lock);
    return let;
}

static void *carry_out(void *ctx)
{
    struct parcel *e = ctx;
    struct office *o = e->office;
    enum order_kind kind = e->order.kind;
    struct guard_policy guard = o->options.guard;
    uint64_t part_bytes = o->options.upload_part_bytes;
    if (o->options.settings)
        o->options.settings(&guard, &part_bytes);
    struct errand run = {.order = &e->order,
                         .data_fd = e->data_fd,
                         .vault = o->vault,
                         .guard = &guard,
                         .ca_file = o->options.ca_file,
                         .part_bytes = part_bytes,
                         .pause_ms = PART_PAUSE_MS,
                         .head = answer_head,
                         .head_ctx = o};
    AUTO(errand_end) struct errand_end end = {0};
    if (kind == ORDER_MASK)
        mask_begin(o);
    errand_run(&run, &end);
    if (kind == ORDER_MASK)
        mask_end(o);
    struct answer a = {.id = e->id,
                       .kind = ANSWER_DONE,
                       .outcome = end.outcome,
                       .err = end.err,
                       .status = end.status,
                       .content_length = kind == ORDER_MASK ? end.consumed : -1,
                       .message = buf_str(&end.message)};
    parcel_free(e); /* first: a reader of the pipe sees its end before the answer */
    answer_last(o, &a);
    leave(o, kind);
    return NULL;
}

static enum err start(struct parcel *e)
{
    pthread_t thread;
    pthread_attr_t attributes;
    struct office *o = e->office;
    enum order_kind kind = e->order.kind;
    if (!enter(o, kind))
        return ERR_BUSY;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attributes, carry_out, e);
    pthread_attr_destroy(&attributes);
    if (failed)
        leave(o, kind);
    return failed ? ERR_BUSY : OK;
}

static enum err unpack(struct parcel *e, int memfd)
{
    TRY(order_wire_map(memfd, &e->bytes));
    TRY(order_decode(str_bytes(e->bytes.ptr, e->bytes.len), &e->arena, &e->order));
    return e->order.id == e->id ? OK : ERR_INVALID;
}

static void take_order(struct office *o, uint64_t id, int memfd, int data_fd)
{
    struct parcel *e = xcalloc(1, sizeof *e);
    *e = (struct parcel){.office = o, .id = id, .arena = arena_make(), .data_fd = data_fd};
    enum err err = unpack(e, memfd);
    if (err == OK)
        err = start(e);
    if (err == OK)
        return;
    parcel_free(e);
    struct answer a = {.id = id,
                       .kind = ANSWER_DONE,
                       .outcome = errand_outcome(err),
                       .err = err,
                       .content_length = -1,
                       .message = err == ERR_BUSY ? STR("too many deliveries are under way")
                                                  : STR("the order could not be read")};
    answer_last(o, &a);
}

static void serve(struct office *o)
{
    AUTO(buf) struct buf message = buf_make(IPC_MESSAGE_MAX_BYTES);
    for (;;) {
        int fds[ORDER_WIRE_FDS];
        uint64_t id;
        if (ipc_receive(o->options.api, &message, fds, ORDER_WIRE_FDS) != OK)
            return;
        if (order_wire_id(buf_str(&message), &id) == OK)
            take_order(o, id, fds[0], fds[1]);
        else
            io_close(&fds[1]);
        io_close(&fds[0]);
    }
}

/* True when nothing is under way any more. */
static bool drain(struct office *o)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += COURIER_DRAIN_MS / 1000;
    pthread_mutex_lock(&o->lock);
    int late = 0;
    while (o->deliveries + o->downloads + o->masks > 0 && !late)
        late = pthread_cond_timedwait(&o->changed, &o->lock, &until);
    bool idle = o->deliveries + o->downloads + o->masks == 0;
    pthread_mutex_unlock(&o->lock);
    return idle;
}

enum err courier_serve(const struct courier_serve *options)
{
    TRY(crypto_open());
    TRY(fetch_open());
    (void)secret_arena_open(SECRET_ARENA_BYTES);
    if (options->confine)
        options->confine();
    struct office *o = xcalloc(1, sizeof *o);
    o->options = *options;
    o->vault = vault_connect(options->vault);
    pthread_mutex_init(&o->answering, NULL);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
    serve(o);
    shutdown(options->api, SHUT_RDWR);
    if (drain(o)) {
        vault_free(&o->vault);
        free(o);
    }
    return OK;
}
