/* Deliveries that are tried again because somebody asked, and those that the courier dies over. */
#include "alloc.h"
#include "clock.h"
#include "jobs_fixture.h"

#define UPLOAD                                                                                     \
    "\"upload\":{\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"endpoint\":\"https://s3.test\","  \
    "\"accessKeyId\":\"k\",\"accessKeySecret\":\"s\"}}"
#define WEBHOOK "\"webhook\":{\"url\":\"https://h/\"}"

static struct ulid rendered(const char *payload)
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
    CHECK_OK(store_write_wait(f.store, job_output_op, &o));
    CHECK_OK(store_write_wait(f.store, job_finish_op, &x));
    return id;
}

/* How an attempt ended that began when the delivery was as in `d`. */
static void end_attempt(struct delivery d, enum job_attempt how, int64_t status)
{
    d.message = STR("said so");
    job_delivery_step(&d, how, status, clock_unix_ms());
    struct job_delivered r = {
        .delivery = d, .status_line = job_delivery_line(&d, &f.arena), .arena = &f.arena};
    CHECK_OK(store_write_wait(f.store, job_delivered_op, &r));
}

static void attempt(struct ulid id, enum delivery_kind kind, enum job_attempt how, int64_t status)
{
    end_attempt(fixture_delivery(id, kind), how, status);
}

static enum err ask(struct ulid id, const struct actor *actor, bool there)
{
    struct job_redeliver r = {
        .actor = actor, .job_id = ulid_str(&id), .output_there = there, .arena = &f.arena};
    return store_write_wait(f.store, job_redeliver_op, &r);
}

static void test_a_failed_upload_opens_the_job_again(void)
{
    struct ulid id = rendered("{\"engine\":\"ffmpeg\"," UPLOAD "," WEBHOOK "}");
    CHECK_ERR(ask(id, &f.actor, true), ERR_CONFLICT); /* it was not even tried */
    attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_FAILED, 403);
    CHECK_EQ(fixture_job(id).state, JOB_ERROR);
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_DUE);
    CHECK_ERR(ask(id, &f.actor, false), ERR_GONE);
    CHECK_EQ(fixture_job(id).state, JOB_ERROR);
    CHECK_OK(ask(id, &f.actor, true));
    struct job job = fixture_job(id);
    CHECK_EQ(job.state, JOB_RENDERING);
    CHECK(job.error.len == 0 && job.error_at_ms == 0 && job.rendered_at_ms > 0);
    struct delivery d = fixture_delivery(id, DELIVERY_UPLOAD);
    CHECK(d.state == DELIVERY_DUE && d.attempts == 0 && d.lost == 0);
    /* What was to be told of the error is not true any more. */
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_DONE);
    CHECK_EQ(fixture_audits(AUDIT_DELIVERY_RETRIED, id), 1);
    attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_DONE, 200);
    job = fixture_job(id);
    CHECK(job.state == JOB_FINISHED && job.finished_at_ms > 0);
    CHECK_ERR(ask(id, &f.actor, true), ERR_CONFLICT);
}

/* It was under way when the job was opened again: its end must not make it due once more. */
static void test_a_webhook_that_was_taken_back_stays_so(void)
{
    struct ulid id = rendered("{\"engine\":\"ffmpeg\"," UPLOAD "," WEBHOOK "}");
    attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_FAILED, 403);
    struct delivery under_way = fixture_delivery(id, DELIVERY_WEBHOOK);
    CHECK_OK(ask(id, &f.actor, true));
    end_attempt(under_way, JOB_ATTEMPT_RETRY, 500);
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_DONE);
    CHECK_EQ(fixture_job(id).state, JOB_RENDERING);
    attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_DONE, 200);
    CHECK_EQ(fixture_job(id).state, JOB_FINISHED);
}

static void test_a_failed_webhook_leaves_the_job_as_it_is(void)
{
    struct ulid id = rendered("{\"engine\":\"ffmpeg\"," WEBHOOK "}");
    for (int i = 0; i < 4; i++)
        attempt(id, DELIVERY_WEBHOOK, JOB_ATTEMPT_RETRY, 500);
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_FAILED);
    struct ulid before = fixture_delivery(id, DELIVERY_WEBHOOK).id;
    CHECK_OK(ask(id, &f.actor, false)); /* no file is needed for that */
    struct delivery d = fixture_delivery(id, DELIVERY_WEBHOOK);
    CHECK(d.state == DELIVERY_DUE && d.attempts == 0);
    CHECK_STR(ulid_str(&d.id), before.text); /* the receiver knows it again by its id */
    CHECK_EQ(fixture_job(id).state, JOB_FINISHED);
}

static void test_what_waits_is_due_at_once(void)
{
    struct ulid id = rendered("{\"engine\":\"ffmpeg\"," UPLOAD "}");
    for (int i = 0; i < 9; i++)
        attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_RETRY, 503);
    CHECK(fixture_delivery(id, DELIVERY_UPLOAD).next_at_ms > clock_unix_ms() + 60 * 1000);
    CHECK_OK(ask(id, &f.actor, true));
    struct delivery d = fixture_delivery(id, DELIVERY_UPLOAD);
    CHECK(d.next_at_ms <= clock_unix_ms() && d.attempts == 0);
    CHECK_EQ(fixture_job(id).state, JOB_RENDERING);
    attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_DONE, 200);
}

static void test_another_teams_job_is_not_there(void)
{
    struct ulid id = rendered("{\"engine\":\"ffmpeg\"," UPLOAD "}"), stranger = ulid_new();
    struct actor other = f.actor;
    attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_FAILED, 403);
    other.team_id = ulid_str(&stranger);
    CHECK_ERR(ask(id, &other, true), ERR_NOT_FOUND);
    CHECK_ERR(ask(stranger, &f.actor, true), ERR_NOT_FOUND);
    CHECK_EQ(fixture_delivery(id, DELIVERY_UPLOAD).state, DELIVERY_FAILED);
}

static void test_lost_attempts_are_counted_in_a_row(void)
{
    struct delivery d = {.kind = DELIVERY_UPLOAD, .state = DELIVERY_DUE};
    for (int i = 1; i < DELIVERY_LOST_MAX; i++) {
        job_delivery_step(&d, JOB_ATTEMPT_LOST, 0, 1000);
        CHECK(d.state == DELIVERY_DUE && d.lost == i && d.attempts == 0 && d.next_at_ms > 1000);
    }
    job_delivery_step(&d, JOB_ATTEMPT_PUT_OFF, 0, 1000);
    CHECK(d.state == DELIVERY_DUE && d.lost == 0 && d.attempts == 0);
    for (int i = 1; i < DELIVERY_LOST_MAX; i++)
        job_delivery_step(&d, JOB_ATTEMPT_LOST, 0, 1000);
    job_delivery_step(&d, JOB_ATTEMPT_RETRY, 503, 1000);
    CHECK(d.state == DELIVERY_DUE && d.lost == 0 && d.attempts == 1);
    for (int i = 0; i < DELIVERY_LOST_MAX; i++)
        job_delivery_step(&d, JOB_ATTEMPT_LOST, 0, 1000);
    CHECK(d.state == DELIVERY_FAILED && d.lost == DELIVERY_LOST_MAX && d.attempts == 1);
}

static void test_the_longest_gap_can_be_set(void)
{
    struct delivery d = {.kind = DELIVERY_UPLOAD, .state = DELIVERY_DUE, .attempts = 20};
    job_delivery_set_gap_max_ms(50);
    job_delivery_step(&d, JOB_ATTEMPT_RETRY, 503, 1000);
    CHECK_EQ(d.next_at_ms, 1050);
    job_delivery_set_gap_max_ms(UPLOAD_GAP_MAX_MS);
    job_delivery_step(&d, JOB_ATTEMPT_RETRY, 503, 1000);
    CHECK_EQ(d.next_at_ms, 1000 + UPLOAD_GAP_MAX_MS);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    fixture_start();
    RUN(test_a_failed_upload_opens_the_job_again);
    RUN(test_a_webhook_that_was_taken_back_stays_so);
    RUN(test_a_failed_webhook_leaves_the_job_as_it_is);
    RUN(test_what_waits_is_due_at_once);
    RUN(test_another_teams_job_is_not_there);
    RUN(test_lost_attempts_are_counted_in_a_row);
    RUN(test_the_longest_gap_can_be_set);
    fixture_stop();
    return test_done();
}
