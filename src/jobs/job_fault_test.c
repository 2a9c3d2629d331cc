/* A job's whole life on a store whose n-th database call fails once, for every n: after a failure
 * everything stands as before, and the same step then works. */
#include "jobs_fixture.h"

enum { CALLS_MAX = 4000 };

static const char payload[] =
    "{\"engine\":\"ffmpeg\",\"assets\":[{\"type\":\"image\",\"src\":\"https://h/${secret.A}\"},"
    "{\"type\":\"text\",\"value\":\"${secret.A}\"}],"
    "\"upload\":{\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"${secret.A}\","
    "\"accessKeySecret\":\"${secret.A}\"}},\"webhook\":{\"url\":\"https://h/${secret.A}\"}}";

struct life {
    struct job_prepared prepared;
    struct job_lease lease;
    struct job_log_chunk log;
    struct job_output output;
    struct job_finish finish;
    struct job_delivered upload;
    bool failed; /* some step did once */
};

struct look { /* all that must not change when a step fails */
    enum job_state state;
    int64_t log_bytes, lease_count, output_bytes, attempts;
    size_t audits, deliveries;
    bool there;
};

/* Reads fail too, when it is their turn: asked again they work. */
static enum err look_at(struct ulid id, struct look *ret)
{
    struct store_tx *tx = NULL;
    struct job job;
    struct audit_row *rows;
    struct delivery *list;
    *ret = (struct look){0};
    TRY(store_read_begin(f.store, &tx));
    enum err e = store_job_any(tx, ulid_str(&id), false, &f.arena, &job);
    if (e == OK) {
        ret->there = true;
        ret->state = job.state;
        ret->log_bytes = job.log_bytes;
        ret->lease_count = job.lease_count;
        ret->output_bytes = job.output_bytes;
    }
    e = e == ERR_NOT_FOUND ? OK : e;
    if (e == OK)
        e = store_audit_list(tx, ulid_str(&f.team.id), 0, 1000, &f.arena, &rows, &ret->audits);
    if (e == OK)
        e = store_delivery_of_job(tx, ulid_str(&id), &f.arena, &list, &ret->deliveries);
    for (size_t i = 0; e == OK && i < ret->deliveries; i++)
        ret->attempts += list[i].attempts;
    store_read_end(f.store, &tx);
    return e;
}

static struct look look(struct ulid id)
{
    struct look l;
    enum err e = look_at(id, &l);
    if (e != OK)
        e = look_at(id, &l);
    CHECK_OK(e);
    return l;
}

static bool same(const struct look *a, const struct look *b)
{
    return a->there == b->there && a->state == b->state && a->log_bytes == b->log_bytes &&
           a->lease_count == b->lease_count && a->output_bytes == b->output_bytes &&
           a->attempts == b->attempts && a->audits == b->audits && a->deliveries == b->deliveries;
}

static void step(struct life *life, store_op *op, void *ctx)
{
    struct ulid id = life->prepared.job.id;
    struct look before = look(id);
    if (store_write_wait(f.store, op, ctx) != OK) {
        struct look after = look(id);
        life->failed = true;
        CHECK(same(&before, &after));
        CHECK_OK(store_write_wait(f.store, op, ctx));
    }
    struct look now = look(id);
    CHECK(!same(&before, &now));
}

static void prepare_upload(struct life *life)
{
    struct delivery d = {0};
    for (int i = 0; i < 2 && d.state == 0; i++) {
        struct store_tx *tx = NULL;
        struct delivery *list;
        size_t count;
        if (store_read_begin(f.store, &tx) != OK)
            continue;
        if (store_delivery_of_job(tx, ulid_str(&life->prepared.job.id), &f.arena, &list, &count) ==
                OK &&
            count == 1)
            d = list[0];
        store_read_end(f.store, &tx);
    }
    CHECK_EQ(d.kind, DELIVERY_UPLOAD);
    d.message = STR("said so");
    job_delivery_step(&d, JOB_ATTEMPT_DONE, 200, clock_unix_ms());
    life->upload.delivery = d;
    life->upload.status_line = job_delivery_line(&d, &f.arena);
}

static bool submit(struct life *life)
{
    struct problems problems;
    struct store_tx *tx = NULL;
    problems_init(&problems, &f.arena);
    if (store_read_begin(f.store, &tx) != OK)
        return false;
    enum err e = job_prepare(tx, &f.actor, JOB_KIND_RENDER, str_from(payload), &f.arena, &problems,
                             &life->prepared);
    store_read_end(f.store, &tx);
    return e == OK;
}

static void live(struct life *life)
{
    struct arena *a = &f.arena;
    if (!submit(life)) {
        life->failed = true;
        CHECK(submit(life));
    }
    struct str id = ulid_str(&life->prepared.job.id);
    step(life, job_insert_op, &life->prepared);
    life->lease = (struct job_lease){.actor = &f.worker,
                                     .worker = STR("n"),
                                     .engines = STR("ffmpeg"),
                                     .tags = STR_EMPTY,
                                     .base_url = STR("http://h"),
                                     .arena = a};
    step(life, job_lease_op, &life->lease);
    CHECK(life->lease.found);
    struct str lease = life->lease.job.lease_id, token = f.worker.token_id;
    life->log = (struct job_log_chunk){lease, token, 0, 4, STR("log\n"), STR_EMPTY, a, 0};
    step(life, job_log_op, &life->log);
    life->output = (struct job_output){id, lease, 9, a};
    step(life, job_output_op, &life->output);
    life->finish = (struct job_finish){
        .lease_id = lease, .token_id = token, .finished = true, .error = STR_EMPTY, .arena = a};
    step(life, job_finish_op, &life->finish);
    prepare_upload(life);
    life->upload.arena = a;
    life->upload.host = STR("h");
    life->upload.used = &life->lease.exposed;
    step(life, job_delivered_op, &life->upload);
    struct look end = look(life->prepared.job.id);
    CHECK_EQ(end.state, JOB_FINISHED);
    CHECK_EQ(end.deliveries, 2);
    CHECK_EQ(end.audits, 5); /* submitted, leased, exposed, used, ended */
}

static void test_each_step_is_whole_or_not_at_all(void)
{
    int failures = 0, quiet = 0;
    for (unsigned n = 1; n <= CALLS_MAX && quiet < 40; n++) {
        struct life life = {0};
        bool opened = fixture_open(n) == OK;
        if (opened) {
            fixture_secret("A", "not-a-real-value");
            if (test_failures_here_ == 0)
                live(&life);
        }
        failures += life.failed;
        quiet = !opened || life.failed ? 0 : quiet + 1;
        fixture_close();
    }
    printf("# %d calls failed within the life\n", failures);
    CHECK(failures > 50);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    fixture_prepare_team();
    RUN(test_each_step_is_whole_or_not_at_all);
    fixture_end();
    return test_done();
}
