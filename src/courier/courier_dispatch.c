#include "courier_dispatch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "courier_flight.h"
#include "courier_spool.h"
#include "io.h"
#include "jobs.h"
#include "log.h"
#include "metric.h"

enum {
    IN_FLIGHT_DEFAULT = 16,
    TICK_MS = 1000,         /* leases are looked at this often */
    RETRY_MS = 1000,        /* after the store or the courier refused */
    TICKETS_MS = 60 * 1000, /* old one-time addresses are swept this often */
    SPOOL_MS = 3600 * 1000, /* and what is left over in the spool */
    EACH_MAX = 32,          /* of a team and kind, looked at in one round, with those in flight */
    BODY_MAX_BYTES = 256 * 1024, /* a job object: its error is the longest part */
};

struct courier_dispatch {
    struct store *store;
    struct vault *vault;
    int spool_folder;
    _Atomic int64_t keep_outputs_ms;
    size_t most[DELIVERY_WEBHOOK + 1]; /* in flight, by kind */
    pthread_t thread;
    pthread_mutex_t sending; /* held while `courier` is used; taken before `lock` */
    pthread_mutex_t lock;    /* the rest */
    pthread_cond_t changed;
    struct courier *courier;
    struct flight *flights;
    bool awake, stop;
    bool changing; /* the courier was taken away: that its orders are lost says nothing */
    /* of the thread alone */
    int64_t retry_at_ms, tickets_at_ms, spool_at_ms; /* monotonic */
    char served[ULID_LEN + 1];                       /* the team that had its turn last */
};

/* --- callbacks: from the answer thread and the store's writer --- */

static void signal_locked(struct courier_dispatch *d)
{
    d->awake = true;
    pthread_cond_signal(&d->changed);
}

static void on_answer(const struct answer *answer, void *ctx)
{
    struct flight *f = ctx;
    struct courier_dispatch *d = f->owner;
    if (answer->kind == ANSWER_HEAD)
        return;
    pthread_mutex_lock(&d->lock);
    if (answer->kind == ANSWER_PROGRESS)
        f->there = (uint64_t)answer->content_length;
    else
        flight_answer(f, answer, d->changing);
    signal_locked(d);
    pthread_mutex_unlock(&d->lock);
}

static void on_recorded(enum err result, void *ctx)
{
    struct flight *f = ctx;
    struct courier_dispatch *d = f->owner;
    pthread_mutex_lock(&d->lock);
    f->recorded = result;
    f->state = FLIGHT_RECORDED;
    signal_locked(d);
    pthread_mutex_unlock(&d->lock);
}

static enum err record_op(struct store_tx *tx, void *ctx)
{
    struct flight *f = ctx;
    return job_delivered_op(tx, &f->record);
}

/* --- the list --- */

static void unlink_flight(struct courier_dispatch *d, const struct flight *f)
{
    for (struct flight **at = &d->flights; *at; at = &(*at)->next) {
        if (*at == f) {
            *at = f->next;
            return;
        }
    }
}

static bool is_flying(struct courier_dispatch *d, const struct ulid *id)
{
    pthread_mutex_lock(&d->lock);
    const struct flight *f = d->flights;
    while (f && !str_equal(ulid_str(&f->delivery.id), ulid_str(id)))
        f = f->next;
    pthread_mutex_unlock(&d->lock);
    return f != NULL;
}

/* No team takes all the room there is: three quarters are one team's at most. And of those that the
 * courier died over one is under way at a time: so the one that kills it is found, and those that
 * were only near it are not taken for it. */
static bool may_fly(struct courier_dispatch *d, const struct delivery *due)
{
    size_t of_kind = 0, of_team = 0, suspects = 0, most = d->most[due->kind];
    pthread_mutex_lock(&d->lock);
    for (const struct flight *f = d->flights; f; f = f->next) {
        bool same_kind = f->delivery.kind == due->kind;
        of_kind += same_kind;
        of_team += same_kind && str_equal(ulid_str(&f->delivery.team_id), ulid_str(&due->team_id));
        suspects += f->delivery.lost > 0;
    }
    pthread_mutex_unlock(&d->lock);
    return of_kind < most && of_team < most - most / 4 && (due->lost == 0 || suspects == 0);
}

static bool has_room(struct courier_dispatch *d)
{
    size_t count = 0;
    pthread_mutex_lock(&d->lock);
    for (const struct flight *f = d->flights; f; f = f->next)
        count++;
    pthread_mutex_unlock(&d->lock);
    return count < d->most[DELIVERY_UPLOAD] + d->most[DELIVERY_WEBHOOK];
}

/* --- recording --- */

/* The output is at its destination and the store says so: the spool's copy has done its work. */
static void drop_output(struct courier_dispatch *d, struct flight *f)
{
    if (f->delivery.kind == DELIVERY_UPLOAD && f->record.delivery.state == DELIVERY_DONE) {
        struct str name = job_spool_name(ulid_str(&f->delivery.job_id), &f->arena);
        (void)unlinkat(d->spool_folder, name.ptr, 0);
    }
    /* Above debug although this layer is below jobs: it runs in the api process and nobody else
     * learns of it there. */
    if (f->record.delivery.state == DELIVERY_FAILED)
        log_warn("delivery_failed", kv("job", ulid_str(&f->delivery.job_id)),
                 kv("kind", f->delivery.kind == DELIVERY_UPLOAD ? "upload" : "webhook"),
                 kv("status", f->status));
}

/* Next flight in `state`, taken out of that state under the lock; NULL: none. */
static struct flight *next_in(struct courier_dispatch *d, enum flight_state state, int64_t now_ms)
{
    pthread_mutex_lock(&d->lock);
    struct flight *f = d->flights;
    while (f && (f->state != state || f->record_after_ms > now_ms))
        f = f->next;
    if (f && state == FLIGHT_ANSWERED)
        f->state = FLIGHT_RECORDING;
    if (f && state == FLIGHT_RECORDED)
        unlink_flight(d, f);
    pthread_mutex_unlock(&d->lock);
    return f;
}

static void count_attempt(const struct flight *f)
{
    enum courier_result result = f->attempt == JOB_ATTEMPT_DONE      ? COURIER_RESULT_DONE
                                 : f->attempt == JOB_ATTEMPT_LOST    ? COURIER_RESULT_LOST
                                 : f->attempt == JOB_ATTEMPT_PUT_OFF ? COURIER_RESULT_PUT_OFF
                                                                     : COURIER_RESULT_RETRY;
    if (f->record.delivery.state == DELIVERY_FAILED)
        result = COURIER_RESULT_FAILED;
    size_t kind = f->delivery.kind == DELIVERY_WEBHOOK;
    metric_add(METRIC_DELIVERIES, kind * COURIER_RESULT_COUNT + result, 1);
}

static void put_back(struct courier_dispatch *d, struct flight *f)
{
    f->state = FLIGHT_ANSWERED;
    f->record_after_ms = clock_monotonic_ms() + RETRY_MS;
    pthread_mutex_lock(&d->lock);
    f->next = d->flights;
    d->flights = f;
    pthread_mutex_unlock(&d->lock);
}

/* What was sent is never sent again because the store was full: only its record is tried again,
 * unless we are stopping (then the delivery stays due) or the job was deleted meanwhile. */
static void settle_flights(struct courier_dispatch *d, bool stopping)
{
    struct flight *f;
    int64_t now = clock_monotonic_ms();
    while ((f = next_in(d, FLIGHT_ANSWERED, stopping ? INT64_MAX : now)) != NULL) {
        flight_settle(f, clock_unix_ms());
        store_write(d->store, record_op, on_recorded, f);
    }
    while ((f = next_in(d, FLIGHT_RECORDED, INT64_MAX)) != NULL) {
        if (f->recorded == OK) {
            count_attempt(f);
            drop_output(d, f);
        } else if (f->recorded != ERR_NOT_FOUND && !stopping) {
            put_back(d, f);
            continue;
        }
        flight_free(&f);
    }
}

/* How far uploads in parts are. What the store cannot take now is told with the next part. */
static void tell_progress(struct courier_dispatch *d)
{
    for (;;) {
        pthread_mutex_lock(&d->lock);
        struct flight *f = d->flights;
        while (f && (f->state != FLIGHT_SENT || f->told == f->there))
            f = f->next;
        if (f)
            f->told = f->there;
        pthread_mutex_unlock(&d->lock);
        if (!f)
            return;
        /* Flights are freed on this thread alone. */
        (void)!store_write_wait(d->store, flight_progress_op, f);
    }
}

/* --- sending --- */

static void add_flight(struct courier_dispatch *d, struct flight *f)
{
    pthread_mutex_lock(&d->lock);
    f->next = d->flights;
    d->flights = f;
    signal_locked(d);
    pthread_mutex_unlock(&d->lock);
}

/* ERR_BUSY: there is no courier now. */
static enum err send_order(struct courier_dispatch *d, struct flight *f, struct order *order,
                           int fd)
{
    enum err e = ERR_UNAVAILABLE;
    f->state = FLIGHT_SENT;
    f->sent = true;
    pthread_mutex_lock(&d->sending);
    if (d->courier) {
        add_flight(d, f); /* before: the answer may be faster than the return */
        e = courier_send(d->courier, order, fd, on_answer, f);
        if (e != OK) {
            pthread_mutex_lock(&d->lock);
            unlink_flight(d, f);
            pthread_mutex_unlock(&d->lock);
        }
    }
    pthread_mutex_unlock(&d->sending);
    return e == ERR_UNAVAILABLE ? ERR_BUSY : e;
}

static enum err launch(struct courier_dispatch *d, struct store_tx *tx,
                       const struct delivery *delivery)
{
    AUTOP(flight) struct flight *f = flight_new(d, delivery);
    AUTO(buf) struct buf body = buf_make(BODY_MAX_BYTES);
    AUTO(fd) int fd = -1;
    struct order order;
    f->state = FLIGHT_SENT;
    TRY(flight_load(f, tx));
    if (f->state != FLIGHT_ANSWERED)
        TRY(flight_order(f, d->vault, d->spool_folder, &body, &order, &fd));
    if (f->state == FLIGHT_ANSWERED) {
        add_flight(d, TAKE(f));
        return OK;
    }
    TRY(send_order(d, f, &order, fd));
    (void)TAKE(f); /* the list has it */
    return OK;
}

static enum err launch_due(struct courier_dispatch *d, struct store_tx *tx, struct arena *a)
{
    struct delivery *due;
    size_t count;
    enum err first = OK;
    if (!has_room(d))
        return OK;
    TRY(store_delivery_due(tx, clock_unix_ms(), str_from(d->served), EACH_MAX, a, &due, &count));
    for (size_t i = 0; i < count; i++) {
        if (!may_fly(d, &due[i]) || is_flying(d, &due[i].id))
            continue;
        memcpy(d->served, due[i].team_id.text, sizeof d->served);
        enum err e = launch(d, tx, &due[i]);
        if (e == ERR_BUSY)
            return e; /* no courier: the others would fare the same */
        first = first == OK ? e : first;
    }
    return first;
}

/* --- time --- */

/* An idle second only reads. */
static enum err is_sweep_due(struct courier_dispatch *d, struct arena *a, bool *ret)
{
    struct store_tx *tx = NULL;
    struct job *expired;
    size_t count;
    TRY(store_read_begin(d->store, &tx));
    enum err e = store_job_expired(tx, clock_unix_ms(), 1, a, &expired, &count);
    store_read_end(d->store, &tx);
    *ret = e == OK && (count > 0 || clock_monotonic_ms() >= d->tickets_at_ms);
    return e;
}

static enum err sweep(struct courier_dispatch *d)
{
    AUTO(arena) struct arena a = arena_make();
    struct job_sweep s = {.now_ms = clock_unix_ms(), .arena = &a};
    bool due;
    TRY(is_sweep_due(d, &a, &due));
    if (!due)
        return OK;
    TRY(store_write_wait(d->store, job_sweep_op, &s));
    d->tickets_at_ms = clock_monotonic_ms() + TICKETS_MS;
    metric_add(METRIC_LEASES_EXPIRED, 0, s.ret_requeued);
    metric_add(METRIC_LEASES_EXPIRED, 1, s.ret_failed);
    if (s.ret_requeued || s.ret_failed)
        log_warn("leases_ran_out", kv("requeued", s.ret_requeued), kv("failed", s.ret_failed));
    return OK;
}

static enum err sweep_spool(struct courier_dispatch *d)
{
    if (clock_monotonic_ms() < d->spool_at_ms)
        return OK;
    d->spool_at_ms = clock_monotonic_ms() + SPOOL_MS;
    return courier_spool_sweep(d->store, d->spool_folder, d->keep_outputs_ms);
}

/* One round: *ret_next_at_ms is when (wall clock) the next delivery is due. */
static enum err round_once(struct courier_dispatch *d, int64_t *ret_next_at_ms)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_tx *tx = NULL;
    enum err swept = sweep(d);
    if (swept == OK)
        swept = sweep_spool(d);
    TRY(store_read_begin(d->store, &tx));
    enum err e = OK;
    if (clock_monotonic_ms() >= d->retry_at_ms)
        e = launch_due(d, tx, &a);
    enum err next = store_delivery_next_at(tx, ret_next_at_ms);
    store_read_end(d->store, &tx);
    TRY(swept);
    return e == OK ? next : e;
}

/* Until something changed, a delivery is due, or the next full second. */
static void wait_for_work(struct courier_dispatch *d, int64_t next_at_ms)
{
    int64_t wait_ms = next_at_ms - clock_unix_ms();
    if (wait_ms <= 0 || wait_ms > TICK_MS) /* what is overdue is in flight or waits for room */
        wait_ms = TICK_MS;
    int64_t until = clock_monotonic_ms() + wait_ms + 1;
    struct timespec t = {.tv_sec = until / 1000, .tv_nsec = (until % 1000) * 1000000};
    pthread_mutex_lock(&d->lock);
    while (!d->awake && !d->stop && pthread_cond_timedwait(&d->changed, &d->lock, &t) != ETIMEDOUT)
        ;
    d->awake = false;
    pthread_mutex_unlock(&d->lock);
}

static bool stopping(struct courier_dispatch *d)
{
    pthread_mutex_lock(&d->lock);
    bool stop = d->stop;
    pthread_mutex_unlock(&d->lock);
    return stop;
}

static bool none_left(struct courier_dispatch *d)
{
    pthread_mutex_lock(&d->lock);
    bool none = d->flights == NULL;
    pthread_mutex_unlock(&d->lock);
    return none;
}

static void drain(struct courier_dispatch *d)
{
    struct timespec t;
    settle_flights(d, true);
    while (!none_left(d)) {
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_sec++;
        pthread_mutex_lock(&d->lock);
        while (!d->awake && pthread_cond_timedwait(&d->changed, &d->lock, &t) != ETIMEDOUT)
            ;
        d->awake = false;
        pthread_mutex_unlock(&d->lock);
        settle_flights(d, true);
    }
}

static void *run(void *ctx)
{
    struct courier_dispatch *d = ctx;
    bool failing = false;
    while (!stopping(d)) {
        int64_t next_at_ms = INT64_MAX;
        tell_progress(d);
        settle_flights(d, false);
        enum err e = round_once(d, &next_at_ms);
        if (e != OK)
            d->retry_at_ms = clock_monotonic_ms() + RETRY_MS;
        if (e != OK && !failing)
            log_warn("deliveries_wait", kv("reason", err_code(e)));
        failing = e != OK;
        wait_for_work(d, next_at_ms);
    }
    drain(d);
    return NULL;
}

/* --- the outside --- */

enum err courier_dispatch_start(const struct courier_dispatch_options *options,
                                struct courier_dispatch **ret)
{
    int spool = open(options->spool_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool < 0)
        return ERR_IO;
    struct courier_dispatch *d = xcalloc(1, sizeof *d);
    pthread_condattr_t monotonic;
    d->store = options->store;
    d->spool_folder = spool;
    d->courier = options->courier;
    d->vault = options->vault;
    atomic_init(&d->keep_outputs_ms, options->keep_outputs_ms);
    d->most[DELIVERY_UPLOAD] = options->uploads_max ? options->uploads_max : IN_FLIGHT_DEFAULT;
    d->most[DELIVERY_WEBHOOK] = options->webhooks_max ? options->webhooks_max : IN_FLIGHT_DEFAULT;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->sending, NULL);
    if (pthread_create(&d->thread, NULL, run, d) != 0) {
        io_close(&d->spool_folder);
        free(d);
        return ERR_IO;
    }
    *ret = d;
    return OK;
}

void courier_dispatch_set_courier(struct courier_dispatch *d, struct courier *courier)
{
    pthread_mutex_lock(&d->sending);
    d->courier = courier;
    pthread_mutex_lock(&d->lock);
    d->changing = courier == NULL;
    pthread_mutex_unlock(&d->lock);
    pthread_mutex_unlock(&d->sending);
    courier_dispatch_wake(d);
}

void courier_dispatch_set_keep_outputs(struct courier_dispatch *d, int64_t ms)
{
    atomic_store(&d->keep_outputs_ms, ms);
}

void courier_dispatch_wake(struct courier_dispatch *d)
{
    pthread_mutex_lock(&d->lock);
    signal_locked(d);
    pthread_mutex_unlock(&d->lock);
}

void courier_dispatch_stop(struct courier_dispatch **d)
{
    if (!*d)
        return;
    pthread_mutex_lock(&(*d)->lock);
    (*d)->stop = true;
    signal_locked(*d);
    pthread_mutex_unlock(&(*d)->lock);
    pthread_join((*d)->thread, NULL);
    pthread_cond_destroy(&(*d)->changed);
    pthread_mutex_destroy(&(*d)->lock);
    pthread_mutex_destroy(&(*d)->sending);
    io_close(&(*d)->spool_folder);
    free(*d);
    *d = NULL;
}
