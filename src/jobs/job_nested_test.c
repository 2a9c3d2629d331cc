/* Families of jobs and batches: their ends, cancelling; each step is whole or not at all. */
#include "job_batch.h"
#include "job_cancel.h"
#include "job_nested.h"
#include "jobs_fixture.h"

#define T           "\"template\":{\"id\":\"x\",\"src\":\"https://h/a.aep\",\"composition\":\"c\"}"
#define N(assets)   "{\"type\":\"job\"," T ",\"assets\":[" assets "]}"
#define JOB(assets) "{" T ",\"webhook\":{\"url\":\"https://h\"},\"assets\":[" assets "]}"

enum { CALLS_MAX = 3000 };

/* --- helpers --- */

static struct job_prepared prepared(const char *payload)
{
    struct problems problems;
    struct job_prepared p = {.child_count = 0};
    CHECK_OK(fixture_prepare(payload, &problems, &p));
    return p;
}

static struct job_prepared submitted(const char *payload)
{
    struct job_prepared p = prepared(payload);
    CHECK_OK(store_write_wait(f.store, job_insert_op, &p));
    return p;
}

static enum err finish(struct str id, const char *error)
{
    struct job_finish by_system = {.job_id = id, .error = str_from(error), .arena = &f.arena};
    struct job_lease l = fixture_lease();
    CHECK(l.found && str_equal(ulid_str(&l.job.id), id));
    if (*error)
        return store_write_wait(f.store, job_finish_op, &by_system);
    struct job_output o = {.job_id = id, .lease_id = l.job.lease_id, .bytes = 1, .arena = &f.arena};
    struct job_finish done = {.lease_id = l.job.lease_id,
                              .token_id = f.worker.token_id,
                              .finished = true,
                              .arena = &f.arena};
    TRY(store_write_wait(f.store, job_output_op, &o));
    return store_write_wait(f.store, job_finish_op, &done);
}

static enum job_state state(const struct job_prepared *p)
{
    return fixture_job(p->job.id).state;
}

static enum err cancel(const struct ulid *ids, size_t count, bool running, size_t *ret_count)
{
    struct str list[8];
    for (size_t i = 0; i < count; i++)
        list[i] = ulid_str(&ids[i]);
    struct job_cancel c = {
        .actor = &f.actor, .ids = list, .id_count = count, .running = running, .arena = &f.arena};
    TRY(store_write_wait(f.store, job_cancel_op, &c));
    *ret_count = c.ret_count;
    for (size_t i = 0; i < c.ret_count; i++)
        CHECK_EQ(c.ret_jobs[i].state, JOB_CANCELLED);
    return OK;
}

static void drain(void)
{
    for (struct job_lease l = fixture_lease(); l.found; l = fixture_lease()) {
        struct job_finish end = {
            .job_id = ulid_str(&l.job.id), .error = STR("drained"), .arena = &f.arena};
        CHECK_OK(store_write_wait(f.store, job_finish_op, &end));
    }
}

/* --- rows --- */

static void test_rows_hold_the_bytes_of_their_asset(void)
{
    struct job_prepared p = submitted(JOB("{\"type\":\"text\",\"value\":1}," N(N("")) "," N("")));
    CHECK_EQ(p.child_count, 2);
    CHECK_EQ(p.nested_count, 3);
    struct job parent = fixture_job(p.job.id), child = fixture_job(p.children[0].job.id),
               deep = fixture_job(p.children[0].children[0].job.id);
    CHECK_EQ(parent.state, JOB_PENDING);
    CHECK_EQ(parent.waiting, 2);
    CHECK_EQ(parent.parent_id.len, 0);
    CHECK_EQ(child.state, JOB_PENDING);
    CHECK_EQ(child.waiting, 1);
    CHECK_EQ(child.parent_asset, 1);
    CHECK(str_equal(child.parent_id, ulid_str(&parent.id)));
    CHECK_STR(child.payload, N(N("")));
    CHECK_EQ(deep.state, JOB_QUEUED);
    CHECK_STR(deep.payload, N(""));
    CHECK(str_equal(deep.parent_id, ulid_str(&child.id)));
    CHECK_EQ(fixture_audits(AUDIT_JOB_SUBMITTED, deep.id), 1);
    struct store_tx *tx = NULL;
    struct job *family;
    size_t count;
    CHECK_OK(store_read_begin(f.store, &tx));
    CHECK_OK(job_nested_family(tx, &deep, &f.arena, &family, &count));
    store_read_end(f.store, &tx);
    CHECK_EQ(count, 4);
    CHECK(str_equal(ulid_str(&family[0].id), ulid_str(&parent.id)));
    drain();
}

/* --- ends --- */

static void test_the_parent_is_queued_when_the_last_child_finished(void)
{
    struct job_prepared p = submitted(JOB(N(N("")) "," N("")));
    CHECK_OK(finish(ulid_str(&p.children[0].children[0].job.id), ""));
    CHECK_EQ(state(&p.children[0]), JOB_QUEUED);
    CHECK_OK(finish(ulid_str(&p.children[0].job.id), ""));
    CHECK_EQ(state(&p), JOB_PENDING);
    CHECK_EQ(fixture_job(p.job.id).waiting, 1);
    CHECK_OK(finish(ulid_str(&p.children[1].job.id), ""));
    CHECK_EQ(state(&p), JOB_QUEUED);
    CHECK_OK(finish(ulid_str(&p.job.id), ""));
    CHECK_EQ(state(&p), JOB_FINISHED);
    CHECK(!fixture_lease().found);
}

static void test_a_failure_goes_up_and_cancels_who_waits(void)
{
    struct job_prepared p = submitted(JOB(N(N("") "," N("")) "," N("")));
    const struct job_prepared *child = &p.children[0];
    CHECK_OK(finish(ulid_str(&child->children[0].job.id), "no such layer"));
    CHECK_EQ(state(&child->children[0]), JOB_ERROR);
    CHECK_EQ(state(&child->children[1]), JOB_CANCELLED);
    CHECK_EQ(state(child), JOB_ERROR);
    CHECK_EQ(state(&p), JOB_ERROR);
    CHECK_EQ(state(&p.children[1]), JOB_CANCELLED);
    struct str error = fixture_job(p.job.id).error;
    CHECK(str_starts(error, STR("the nested job ")) && str_ends(error, STR(": no such layer")));
    CHECK(str_search(error, ulid_str(&child->job.id), 0) < error.len);
    CHECK_EQ(fixture_delivery(p.job.id, DELIVERY_WEBHOOK).state, DELIVERY_DUE);
    CHECK_EQ(fixture_audits(AUDIT_JOB_CANCELLED, p.children[1].job.id), 1);
    CHECK_EQ(fixture_audits(AUDIT_JOB_ENDED, p.job.id), 1);
    CHECK(!fixture_lease().found);
}

/* --- cancelling --- */

static void test_cancelling_reaches_the_family(void)
{
    size_t count = 0;
    struct job_prepared p = submitted(JOB(N(N("")) "," N("")));
    CHECK_OK(cancel(&p.children[0].children[0].job.id, 1, false, &count));
    CHECK_EQ(count, 4);
    CHECK_EQ(fixture_delivery(p.job.id, DELIVERY_WEBHOOK).state, DELIVERY_DUE);
    CHECK_ERR(cancel(&p.job.id, 1, false, &count), ERR_CONFLICT);
    CHECK(!fixture_lease().found);
}

static void test_who_renders_is_cancelled_only_when_asked_for(void)
{
    size_t count = 0;
    struct job_prepared p = submitted(JOB(N("") "," N("")));
    struct job_lease l = fixture_lease();
    CHECK_ERR(cancel(&l.job.id, 1, false, &count), ERR_CONFLICT);
    struct job_beat beat = {.lease_id = l.job.lease_id,
                            .token_id = f.worker.token_id,
                            .progress = 5,
                            .arena = &f.arena};
    CHECK_OK(store_write_wait(f.store, job_beat_op, &beat));
    CHECK(!beat.ret_cancel);
    CHECK_OK(cancel(&p.job.id, 1, true, &count));
    CHECK_EQ(count, 3);
    CHECK_OK(store_write_wait(f.store, job_beat_op, &beat));
    CHECK(beat.ret_cancel);
    beat.token_id = STR("another");
    CHECK_ERR(store_write_wait(f.store, job_beat_op, &beat), ERR_LEASE_LOST);
    beat.lease_id = STR_EMPTY;
    CHECK_ERR(store_write_wait(f.store, job_beat_op, &beat), ERR_LEASE_LOST);
    CHECK_EQ(state(&p.children[0]), JOB_CANCELLED);
}

static void test_what_is_being_delivered_is_not_cancelled(void)
{
    size_t count = 0;
    static const char payload[] = "{\"engine\":\"ffmpeg\",\"upload\":{\"params\":{\"region\":\"r\","
                                  "\"bucket\":\"b\",\"accessKeyId\":\"k\","
                                  "\"accessKeySecret\":\"s\"}}}";
    struct job_prepared p = submitted(payload);
    CHECK_OK(finish(ulid_str(&p.job.id), ""));
    CHECK_EQ(state(&p), JOB_RENDERING);
    CHECK_ERR(cancel(&p.job.id, 1, true, &count), ERR_CONFLICT);
    CHECK_EQ(fixture_delivery(p.job.id, DELIVERY_UPLOAD).state, DELIVERY_DUE);
}

/* Each job is exposed for what stands in itself. */
static void test_exposure_is_each_jobs_own(void)
{
    fixture_secret("S", "not-a-real-value");
    struct job_prepared p =
        submitted(JOB(N("{\"type\":\"text\",\"value\":\"${secret.S}\"}") "," N("")));
    CHECK(!fixture_job(p.job.id).exposes);
    CHECK(fixture_job(p.children[0].job.id).exposes);
    CHECK(!fixture_job(p.children[1].job.id).exposes);
    CHECK_EQ(p.refs.count, 0);
    CHECK_EQ(p.children[0].refs.count, 1);
    CHECK_STR(p.children[0].refs.refs[0].pointer, "/assets/0/assets/0/value");
    drain();
}

static void test_several_are_all_or_nothing(void)
{
    size_t count = 0;
    struct job_prepared a = submitted(JOB("")), b = submitted(JOB("")), c = submitted(JOB(""));
    struct ulid unknown = ulid_new();
    CHECK_OK(finish(ulid_str(&a.job.id), ""));
    CHECK_ERR(cancel((struct ulid[]){b.job.id, unknown}, 2, false, &count), ERR_NOT_FOUND);
    CHECK_ERR(cancel((struct ulid[]){b.job.id, a.job.id}, 2, false, &count), ERR_CONFLICT);
    CHECK_ERR(cancel((struct ulid[]){a.job.id, unknown}, 2, false, &count), ERR_NOT_FOUND);
    CHECK_EQ(state(&b), JOB_QUEUED);
    CHECK_OK(cancel((struct ulid[]){b.job.id, c.job.id}, 2, false, &count));
    CHECK_EQ(count, 2);
}

/* --- whole or not at all --- */

static size_t jobs_there(void)
{
    for (;;) {
        struct store_tx *tx = NULL;
        struct job *list;
        size_t count;
        struct job_query q = {.team_id = ulid_str(&f.team.id), .limit = 1000};
        if (store_read_begin(f.store, &tx) != OK)
            continue;
        enum err e = store_job_list(tx, &q, &f.arena, &list, &count);
        store_read_end(f.store, &tx);
        if (e == OK)
            return count;
    }
}

static bool prepare_batch(struct job_batch *b)
{
    static const struct str jobs[] = {
        {JOB(N("")), sizeof JOB(N("")) - 1}, {"{}", 2}, {JOB(""), sizeof JOB("") - 1}};
    struct problems problems;
    struct store_tx *tx = NULL;
    *b = (struct job_batch){.actor = &f.actor, .arena = &f.arena};
    problems_init(&problems, &f.arena);
    if (store_read_begin(f.store, &tx) != OK)
        return false;
    enum err e = job_batch_prepare(tx, jobs, ARRAY_LEN(jobs), &problems, b);
    store_read_end(f.store, &tx);
    return e == OK;
}

static bool live(void)
{
    struct job_batch b;
    bool failed = !prepare_batch(&b);
    if (failed)
        CHECK(prepare_batch(&b));
    CHECK_EQ(b.good_count, 2);
    if (store_write_wait(f.store, job_batch_insert_op, &b) != OK) {
        failed = true;
        CHECK_EQ(jobs_there(), 0);
        CHECK_OK(store_write_wait(f.store, job_batch_insert_op, &b));
    }
    CHECK_EQ(jobs_there(), 3);
    struct job_batch_cancel c = {.actor = &f.actor, .id = ulid_str(&b.batch.id), .arena = &f.arena};
    if (store_write_wait(f.store, job_batch_cancel_op, &c) != OK) {
        failed = true;
        CHECK_OK(store_write_wait(f.store, job_batch_cancel_op, &c));
    }
    CHECK_EQ(c.ret_cancelled_count, 3);
    CHECK_EQ(c.ret_count, 2);
    CHECK(c.ret_outcomes[0].cancelled && c.ret_outcomes[1].cancelled);
    return failed;
}

static void test_a_batch_is_whole_or_not_at_all(void)
{
    int failures = 0, quiet = 0;
    for (unsigned n = 1; n <= CALLS_MAX && quiet < 40; n++) {
        bool failed = true;
        if (fixture_open(n) == OK) {
            failed = live();
            failures += failed;
        }
        quiet = failed ? 0 : quiet + 1;
        fixture_close();
    }
    printf("# %d calls failed\n", failures);
    CHECK(failures > 40);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    fixture_start();
    RUN(test_rows_hold_the_bytes_of_their_asset);
    RUN(test_the_parent_is_queued_when_the_last_child_finished);
    RUN(test_a_failure_goes_up_and_cancels_who_waits);
    RUN(test_cancelling_reaches_the_family);
    RUN(test_who_renders_is_cancelled_only_when_asked_for);
    RUN(test_what_is_being_delivered_is_not_cancelled);
    RUN(test_exposure_is_each_jobs_own);
    RUN(test_several_are_all_or_nothing);
    fixture_close();
    RUN(test_a_batch_is_whole_or_not_at_all);
    fixture_end();
    return test_done();
}
