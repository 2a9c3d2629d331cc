/* The dispatcher on a real store, with a courier of our own in place of courier_client.c: it keeps
 * the orders until a test answers them. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "alloc.h"
#include "courier_dispatch.h"
#include "courier_flight.h"
#include "courier_spool.h"
#include "job_end.h"
#include "jobs_fixture.h"

#define UPLOAD                                                                                     \
    "\"upload\":{\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"endpoint\":\"https://s3.test\","  \
    "\"accessKeyId\":\"${secret.A}\",\"accessKeySecret\":\"${secret.A}\"}}"
#define WEBHOOK   "\"webhook\":{\"url\":\"https://h/\",\"headers\":{\"X\":\"${secret.A}\"}}"
#define JOB(more) "{\"engine\":\"ffmpeg\"," more "}"

enum { PATIENCE_MS = 20000, ORDERS_MAX = 64 };

struct courier {
    pthread_mutex_t lock;
    struct kept {
        enum order_kind kind;
        char job_id[ULID_LEN + 1], name[64], body[4096];
        uint64_t size;
        bool readable;
        courier_answered *answered;
        void *ctx;
    } kept[ORDERS_MAX];
    size_t count;
    bool gone;
};
static struct courier fake = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct courier_dispatch *dispatch;
static char spool[96];

enum err courier_send(struct courier *c, struct order *order, int data_fd,
                      courier_answered *answered, void *ctx)
{
    char first[6] = {0};
    pthread_mutex_lock(&c->lock);
    bool gone = c->gone || c->count == ORDERS_MAX;
    if (!gone) {
        struct kept *k = &c->kept[c->count++];
        *k = (struct kept){
            .kind = order->kind, .size = order->size_bytes, .answered = answered, .ctx = ctx};
        k->readable =
            data_fd >= 0 && pread(data_fd, first, 6, 0) == 6 && !memcmp(first, "output", 6);
        CHECK_OK(str_to_text(order->job_id, k->job_id, sizeof k->job_id));
        if (order->kind == ORDER_UPLOAD)
            CHECK_OK(str_to_text(order->object_name, k->name, sizeof k->name));
        else
            CHECK_OK(str_to_text(order->body, k->body, sizeof k->body));
    }
    pthread_mutex_unlock(&c->lock);
    return gone ? ERR_UNAVAILABLE : OK;
}

static void pause_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static size_t order_count(void)
{
    pthread_mutex_lock(&fake.lock);
    size_t count = fake.count;
    pthread_mutex_unlock(&fake.lock);
    return count;
}

/* Waits for the next order and takes it. */
static struct kept take(enum order_kind kind)
{
    int64_t until = clock_monotonic_ms() + PATIENCE_MS;
    struct kept k = {0};
    while (!order_count() && clock_monotonic_ms() < until)
        pause_ms(5);
    pthread_mutex_lock(&fake.lock);
    if (fake.count) {
        k = fake.kept[0];
        memmove(fake.kept, fake.kept + 1, --fake.count * sizeof k);
    }
    pthread_mutex_unlock(&fake.lock);
    CHECK_EQ(k.kind, kind);
    return k;
}

static void say(const struct kept *k, enum outcome outcome, enum err e, int64_t status)
{
    struct answer a = {.kind = ANSWER_DONE,
                       .outcome = outcome,
                       .err = e,
                       .status = status,
                       .message = STR("said so")};
    if (k->answered)
        k->answered(&a, k->ctx);
}

static bool wait_state(struct ulid id, enum job_state state)
{
    int64_t until = clock_monotonic_ms() + PATIENCE_MS;
    while (fixture_job(id).state != state && clock_monotonic_ms() < until)
        pause_ms(10);
    return fixture_job(id).state == state;
}

static bool wait_delivery(struct ulid id, enum delivery_kind kind, enum delivery_state state)
{
    int64_t until = clock_monotonic_ms() + PATIENCE_MS;
    while (fixture_delivery(id, kind).state != state && clock_monotonic_ms() < until)
        pause_ms(10);
    return fixture_delivery(id, kind).state == state;
}

static void start(struct courier *courier, size_t most)
{
    struct courier_dispatch_options options = {.store = f.store,
                                               .spool_folder = spool,
                                               .courier = courier,
                                               .uploads_max = most,
                                               .webhooks_max = most};
    CHECK_OK(courier_dispatch_start(&options, &dispatch));
}

static struct str spool_path(struct ulid id)
{
    struct str name = job_spool_name(ulid_str(&id), &f.arena);
    return arena_printf(&f.arena, "%s/%.*s", spool, (int)name.len, name.ptr);
}

/* A job that a worker has rendered. */
static struct ulid rendered(const char *payload, bool with_file)
{
    struct ulid id = fixture_submit(payload);
    struct job_lease l = fixture_lease();
    struct job_output o = {
        .job_id = ulid_str(&id), .lease_id = l.job.lease_id, .bytes = 6, .arena = &f.arena};
    struct job_finish x = {.lease_id = l.job.lease_id,
                           .token_id = f.worker.token_id,
                           .finished = true,
                           .error = STR_EMPTY,
                           .job_id = STR_EMPTY,
                           .arena = &f.arena};
    if (with_file)
        CHECK_OK(io_replace_file(spool_path(id).ptr, STR("output"), 0600));
    CHECK_OK(store_write_wait(f.store, job_output_op, &o));
    CHECK_OK(store_write_wait(f.store, job_finish_op, &x));
    if (dispatch)
        courier_dispatch_wake(dispatch);
    return id;
}

static void test_upload_then_webhook(void)
{
    start(&fake, 0);
    struct ulid id = rendered(JOB(UPLOAD "," WEBHOOK), true);
    struct kept k = take(ORDER_UPLOAD);
    CHECK_STR(str_from(k.job_id), id.text);
    CHECK(str_ends(str_from(k.name), STR(".mp4")) && k.readable && k.size == 6);
    say(&k, OUTCOME_DONE, OK, 200);
    CHECK(wait_state(id, JOB_FINISHED));
    k = take(ORDER_WEBHOOK);
    CHECK(strstr(k.body, "\"state\":\"finished\"") != NULL);
    CHECK(access(spool_path(id).ptr, F_OK) != 0);
    say(&k, OUTCOME_DONE, OK, 204);
    CHECK(wait_delivery(id, DELIVERY_WEBHOOK, DELIVERY_DONE));
    CHECK_EQ(fixture_audits(AUDIT_SECRET_USED, id), 3);
    CHECK_STR(fixture_log(id), "[upload: said so (attempt 1)]\n[webhook: said so (attempt 1)]\n");
    courier_dispatch_stop(&dispatch);
    CHECK_EQ(order_count(), 0);
}

static void test_broken_uploads_are_tried_again(void)
{
    start(&fake, 0);
    struct ulid id = rendered(JOB(UPLOAD), true);
    struct kept k = take(ORDER_UPLOAD);
    say(&k, OUTCOME_RETRY, ERR_UPSTREAM, 503);
    k = take(ORDER_UPLOAD);
    CHECK_EQ(fixture_delivery(id, DELIVERY_UPLOAD).attempts, 1);
    say(&k, OUTCOME_FAILED, ERR_UPSTREAM, 403);
    CHECK(wait_state(id, JOB_ERROR));
    CHECK_STR(fixture_job(id).error, "said so");
    CHECK(access(spool_path(id).ptr, F_OK) == 0); /* the only copy there is */
    CHECK_EQ(unlink(spool_path(id).ptr), 0);
    courier_dispatch_stop(&dispatch);
}

static void test_a_courier_that_ends_costs_no_attempt(void)
{
    start(&fake, 0);
    struct ulid id = rendered(JOB(UPLOAD), true);
    struct kept k = take(ORDER_UPLOAD);
    courier_dispatch_set_courier(dispatch, NULL);
    say(&k, OUTCOME_RETRY, ERR_UNAVAILABLE, 0);
    pause_ms(2500);
    CHECK_EQ(order_count(), 0);
    CHECK_EQ(fixture_delivery(id, DELIVERY_UPLOAD).attempts, 0);
    CHECK_EQ(fixture_log(id).len, 0);
    fake.gone = true;
    courier_dispatch_set_courier(dispatch, &fake);
    pause_ms(50);
    pthread_mutex_lock(&fake.lock);
    fake.gone = false;
    pthread_mutex_unlock(&fake.lock);
    k = take(ORDER_UPLOAD);
    say(&k, OUTCOME_DONE, OK, 200);
    CHECK(wait_state(id, JOB_FINISHED));
    CHECK_EQ(fixture_delivery(id, DELIVERY_UPLOAD).attempts, 1);
    courier_dispatch_stop(&dispatch);
}

static void test_it_goes_on_after_a_restart(void)
{
    struct ulid id = rendered(JOB(UPLOAD), true);
    start(&fake, 0);
    struct kept k = take(ORDER_UPLOAD);
    courier_dispatch_set_courier(dispatch, NULL);
    say(&k, OUTCOME_RETRY, ERR_UNAVAILABLE, 0);
    courier_dispatch_stop(&dispatch);
    CHECK_EQ(fixture_delivery(id, DELIVERY_UPLOAD).state, DELIVERY_DUE);
    start(&fake, 0);
    k = take(ORDER_UPLOAD);
    say(&k, OUTCOME_DONE, OK, 200);
    CHECK(wait_state(id, JOB_FINISHED));
    courier_dispatch_stop(&dispatch);
}

static void test_what_cannot_be_sent_fails_with_a_reason(void)
{
    struct ulid secret = fixture_secret("W", "not-a-real-value-w");
    struct ulid lost = rendered(JOB(UPLOAD), false);
    struct ulid gone = rendered(JOB("\"webhook\":{\"url\":\"https://h/${secret.W}\"}"), true);
    fixture_delete(secret);
    start(&fake, 0);
    CHECK(wait_state(lost, JOB_ERROR));
    CHECK_STR(fixture_job(lost).error,
              "the rendered file is not in the spool any more; submit the job again");
    CHECK(wait_delivery(gone, DELIVERY_WEBHOOK, DELIVERY_FAILED));
    CHECK_STR(fixture_delivery(gone, DELIVERY_WEBHOOK).message,
              "the secret W does not exist any more");
    CHECK_EQ(fixture_job(gone).state, JOB_FINISHED);
    CHECK_EQ(fixture_audits(AUDIT_SECRET_USED, gone), 0);
    CHECK_EQ(order_count(), 0);
    courier_dispatch_stop(&dispatch);
    CHECK_EQ(unlink(spool_path(gone).ptr), 0);
}

static enum err insert_rendered_op(struct store_tx *tx, void *ctx)
{
    struct job *job = ctx;
    TRY(store_job_insert(tx, job));
    return job_end_add_delivery(tx, job, DELIVERY_UPLOAD);
}

/* Nor must it hold up the deliveries of others. */
static void test_a_damaged_payload_fails_its_delivery(void)
{
    struct problems problems;
    struct job_prepared prepared = {0};
    CHECK_OK(fixture_prepare(JOB(UPLOAD), &problems, &prepared));
    prepared.job.payload = STR("{\"upload\":");
    prepared.job.state = JOB_RENDERING;
    prepared.job.rendered_at_ms = clock_unix_ms();
    CHECK_OK(store_write_wait(f.store, insert_rendered_op, &prepared.job));
    start(&fake, 0);
    CHECK(wait_state(prepared.job.id, JOB_ERROR));
    CHECK_STR(fixture_job(prepared.job.id).error, JOB_DAMAGED);
    courier_dispatch_stop(&dispatch);
}

static void test_no_more_than_the_limit_are_in_flight(void)
{
    struct ulid ids[5];
    for (int i = 0; i < 5; i++)
        ids[i] = rendered(JOB(UPLOAD), true);
    start(&fake, 2);
    struct kept k = take(ORDER_UPLOAD);
    pause_ms(1500);
    CHECK_EQ(order_count(), 1);
    for (int i = 0; i < 5; i++) {
        say(&k, OUTCOME_DONE, OK, 200);
        if (i < 4)
            k = take(ORDER_UPLOAD);
    }
    for (int i = 0; i < 5; i++)
        CHECK(wait_state(ids[i], JOB_FINISHED));
    courier_dispatch_stop(&dispatch);
}

static void test_leases_that_ran_out_are_swept(void)
{
    struct ulid id = fixture_submit(JOB("\"x\":1"));
    CHECK(fixture_lease().found);
    int64_t now = clock_unix_ms();
    clock_set_for_tests(now + JOB_LEASE_MS + 1000);
    start(&fake, 0);
    CHECK(wait_state(id, JOB_QUEUED));
    courier_dispatch_stop(&dispatch);
    clock_set_for_tests(0);
    struct job_finish over = {.job_id = ulid_str(&id), .error = STR("over"), .arena = &f.arena};
    CHECK_OK(store_write_wait(f.store, job_finish_op, &over));
}

static void test_left_overs_go_from_the_spool_and_the_rest_stays(void)
{
    struct ulid done = rendered(JOB(UPLOAD), true), stranger = ulid_new();
    struct ulid waiting = fixture_submit(JOB("\"x\":1")), silent = fixture_submit(JOB("\"x\":1"));
    struct job_finish over = {.job_id = ulid_str(&silent), .error = STR("over"), .arena = &f.arena};
    CHECK_OK(store_write_wait(f.store, job_finish_op, &over));
    start(&fake, 0);
    struct kept k = take(ORDER_UPLOAD);
    say(&k, OUTCOME_DONE, OK, 200);
    CHECK(wait_state(done, JOB_FINISHED));
    courier_dispatch_stop(&dispatch);
    const struct ulid files[] = {done, stranger, silent, waiting};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        CHECK_OK(io_replace_file(spool_path(files[i]).ptr, STR("output"), 0600));
    struct str other = arena_printf(&f.arena, "%s.part", spool_path(stranger).ptr);
    CHECK_OK(io_replace_file(other.ptr, STR("output"), 0600));
    start(NULL, 0);
    int64_t until = clock_monotonic_ms() + PATIENCE_MS;
    while (access(spool_path(silent).ptr, F_OK) == 0 && clock_monotonic_ms() < until)
        pause_ms(10);
    courier_dispatch_stop(&dispatch);
    for (size_t i = 0; i < 3; i++)
        CHECK(access(spool_path(files[i]).ptr, F_OK) != 0);
    CHECK_EQ(unlink(spool_path(waiting).ptr), 0);
    CHECK_EQ(unlink(other.ptr), 0);
}

static void test_progress_of_an_upload_is_in_the_log(void)
{
    start(&fake, 0);
    struct ulid id = rendered(JOB(UPLOAD), true);
    struct kept k = take(ORDER_UPLOAD);
    const struct answer half = {.kind = ANSWER_PROGRESS, .content_length = 3};
    k.answered(&half, k.ctx);
    int64_t until = clock_monotonic_ms() + PATIENCE_MS;
    while (!fixture_log(id).len && clock_monotonic_ms() < until)
        pause_ms(5);
    CHECK_STR(fixture_log(id), "[upload: 50 % of 0.0 MiB are there]\n");
    say(&k, OUTCOME_DONE, OK, 200);
    CHECK(wait_state(id, JOB_FINISHED));
    courier_dispatch_stop(&dispatch);
}

/* Which of them kills the courier shows when they go one by one; the others get through. */
static void test_suspects_fly_alone_and_the_guilty_one_is_given_up(void)
{
    struct ulid ids[3];
    size_t guilty = 0;
    for (size_t i = 0; i < 3; i++)
        ids[i] = rendered(JOB(UPLOAD), true);
    start(&fake, 0);
    struct kept first[3];
    for (size_t i = 0; i < 3; i++)
        first[i] = take(ORDER_UPLOAD);
    for (size_t i = 0; i < 3; i++)
        say(&first[i], OUTCOME_RETRY, ERR_UNAVAILABLE, 0);
    for (int died = 1; died < DELIVERY_LOST_MAX;) {
        struct kept k = take(ORDER_UPLOAD);
        bool is_guilty = !strcmp(k.job_id, ids[guilty].text);
        pause_ms(20);
        CHECK_EQ(order_count(), 0); /* no other suspect beside it */
        if (is_guilty)
            say(&k, OUTCOME_RETRY, ERR_UNAVAILABLE, 0);
        else
            say(&k, OUTCOME_DONE, OK, 200);
        died += is_guilty;
        if (!k.answered)
            break;
    }
    CHECK(wait_state(ids[guilty], JOB_ERROR));
    CHECK_STR(fixture_job(ids[guilty]).error,
              "the sending process died before it had an answer, again and again");
    for (size_t i = 1; i < 3; i++) {
        if (fixture_job(ids[i]).state != JOB_FINISHED) {
            struct kept k = take(ORDER_UPLOAD);
            say(&k, OUTCOME_DONE, OK, 200);
        }
        CHECK(wait_state(ids[i], JOB_FINISHED));
    }
    courier_dispatch_stop(&dispatch);
    CHECK_EQ(unlink(spool_path(ids[guilty]).ptr), 0);
}

static void sweep_now(int64_t keep_ms)
{
    int folder = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_OK(courier_spool_sweep(f.store, folder, keep_ms));
    CHECK_EQ(close(folder), 0);
}

static bool is_there(struct ulid id)
{
    return access(spool_path(id).ptr, F_OK) == 0;
}

static void test_outputs_are_kept_so_long(void)
{
    const int64_t day_ms = 24 * 3600 * 1000;
    struct ulid kept = rendered(JOB("\"x\":1"), true);
    int64_t now = clock_unix_ms();
    sweep_now(day_ms);
    CHECK(is_there(kept));
    clock_set_for_tests(now + 400 * day_ms);
    sweep_now(0);
    CHECK(is_there(kept));
    clock_set_for_tests(now + day_ms - 1000);
    sweep_now(day_ms);
    CHECK(is_there(kept));
    clock_set_for_tests(now + day_ms + 1000);
    sweep_now(day_ms);
    CHECK(!is_there(kept));
    clock_set_for_tests(0);
}

/* It runs on the store's thread, while the answer thread may put the last answer into the flight's
 * memory. */
static void test_progress_leaves_the_flights_memory_alone(void)
{
    struct delivery delivery = {.kind = DELIVERY_UPLOAD, .message = STR_EMPTY};
    AUTOP(flight) struct flight *flight = flight_new(NULL, &delivery);
    struct ulid id = fixture_submit(JOB(UPLOAD));
    flight->job.id = id;
    flight->size_bytes = 6;
    flight->told = 3;
    size_t before = flight->arena.used_bytes;
    CHECK_OK(store_write_wait(f.store, flight_progress_op, flight));
    CHECK_EQ(flight->arena.used_bytes, before);
    CHECK_STR(fixture_log(id), "[upload: 50 % of 0.0 MiB are there]\n");
}

static void test_spool_must_be_there(void)
{
    struct courier_dispatch *d = NULL;
    struct courier_dispatch_options options = {.store = f.store, .spool_folder = "/nowhere/at/all"};
    CHECK_ERR(courier_dispatch_start(&options, &d), ERR_IO);
    courier_dispatch_stop(&d);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    fixture_start();
    fixture_secret("A", "not-a-real-value");
    snprintf(spool, sizeof spool, "%s-spool", f.folder);
    CHECK_EQ(mkdir(spool, 0700), 0);
    RUN(test_upload_then_webhook);
    RUN(test_broken_uploads_are_tried_again);
    RUN(test_a_courier_that_ends_costs_no_attempt);
    RUN(test_it_goes_on_after_a_restart);
    RUN(test_what_cannot_be_sent_fails_with_a_reason);
    RUN(test_a_damaged_payload_fails_its_delivery);
    RUN(test_no_more_than_the_limit_are_in_flight);
    RUN(test_progress_of_an_upload_is_in_the_log);
    RUN(test_suspects_fly_alone_and_the_guilty_one_is_given_up);
    RUN(test_outputs_are_kept_so_long);
    RUN(test_leases_that_ran_out_are_swept);
    RUN(test_left_overs_go_from_the_spool_and_the_rest_stays);
    RUN(test_progress_leaves_the_flights_memory_alone);
    RUN(test_spool_must_be_there);
    CHECK_EQ(rmdir(spool), 0);
    fixture_stop();
    return test_done();
}
