#include "jobs_fixture.h"

#define PLAIN   "{\"engine\":\"ffmpeg\"}"
#define WEBHOOK "{\"engine\":\"ffmpeg\",\"webhook\":{\"url\":\"https://h/\"}}"
#define UPLOAD                                                                                     \
    "{\"engine\":\"ffmpeg\",\"upload\":{\"params\":{\"region\":\"r\",\"bucket\":\"b\","            \
    "\"accessKeyId\":\"${secret.A}\",\"accessKeySecret\":\"${secret.A}\"}},"                       \
    "\"webhook\":{\"url\":\"https://h/\"}}"

static enum err beat(const struct job_lease *l, int64_t progress)
{
    struct job_beat b = {.lease_id = l->job.lease_id,
                         .token_id = f.worker.token_id,
                         .progress = progress,
                         .arena = &f.arena};
    return store_write_wait(f.store, job_beat_op, &b);
}

static enum err put_log(const struct job_lease *l, int64_t offset, struct str text,
                        int64_t consumed, int64_t *ret_accepted)
{
    struct job_log_chunk c = {.lease_id = l->job.lease_id,
                              .token_id = f.worker.token_id,
                              .offset = offset,
                              .consumed = consumed,
                              .text = text,
                              .arena = &f.arena};
    enum err e = store_write_wait(f.store, job_log_op, &c);
    *ret_accepted = c.ret_accepted;
    return e;
}

static enum err put_output(const struct job_lease *l, struct str lease_id)
{
    struct job_output o = {
        .job_id = ulid_str(&l->job.id), .lease_id = lease_id, .bytes = 9, .arena = &f.arena};
    return store_write_wait(f.store, job_output_op, &o);
}

static enum err finish(const struct job_lease *l, bool finished, const char *error)
{
    struct job_finish x = {.lease_id = l->job.lease_id,
                           .token_id = f.worker.token_id,
                           .job_id = STR_EMPTY,
                           .finished = finished,
                           .error = str_from(error),
                           .arena = &f.arena};
    return store_write_wait(f.store, job_finish_op, &x);
}

static struct job_sweep sweep(int64_t now_ms)
{
    struct job_sweep s = {.now_ms = now_ms, .arena = &f.arena};
    CHECK_OK(store_write_wait(f.store, job_sweep_op, &s));
    return s;
}

static enum err attempt(struct ulid job_id, enum delivery_kind kind, enum job_attempt outcome,
                        int64_t status)
{
    struct delivery d = fixture_delivery(job_id, kind);
    d.message = STR("said so");
    job_delivery_step(&d, outcome, status, clock_unix_ms());
    struct job job = fixture_job(job_id);
    struct ref_bundle used = {0};
    struct str missing;
    struct store_tx *tx = NULL;
    CHECK_OK(store_read_begin(f.store, &tx));
    CHECK_OK(job_bundle(tx, &job, kind == DELIVERY_UPLOAD ? JOB_PART_UPLOAD : JOB_PART_WEBHOOK,
                        STR_EMPTY, &f.arena, &used, &missing));
    store_read_end(f.store, &tx);
    struct job_delivered r = {.delivery = d,
                              .status_line = job_delivery_line(&d, &f.arena),
                              .used = &used,
                              .host = STR("h"),
                              .arena = &f.arena};
    return store_write_wait(f.store, job_delivered_op, &r);
}

static void test_beats_renew_and_report_progress(void)
{
    struct ulid id = fixture_submit(PLAIN);
    struct job_lease l = fixture_lease();
    CHECK_OK(beat(&l, 40));
    CHECK_EQ(fixture_job(id).progress, 40);
    CHECK_OK(beat(&l, -1));
    CHECK_EQ(fixture_job(id).progress, 40);
    CHECK_OK(beat(&l, 1000));
    CHECK_EQ(fixture_job(id).progress, 100);
    struct job job = fixture_job(id);
    CHECK_EQ(job.state, JOB_RENDERING);
    CHECK(job.started_at_ms > 0 && job.lease_expires_at_ms > clock_unix_ms() + 50000);
    struct actor other = f.worker;
    f.worker.token_id = STR("worker000002");
    CHECK_ERR(beat(&l, 1), ERR_LEASE_LOST);
    f.worker = other;
    CHECK_OK(finish(&l, false, "over"));
    CHECK_ERR(beat(&l, 1), ERR_LEASE_LOST);
}

static void test_log_is_taken_by_offset(void)
{
    struct ulid id = fixture_submit(PLAIN);
    struct job_lease l = fixture_lease();
    int64_t accepted = -1;
    CHECK_OK(put_log(&l, 0, STR("one ***\n"), 12, &accepted));
    CHECK_EQ(accepted, 12);
    CHECK_OK(put_log(&l, 0, STR("one ***\n"), 12, &accepted)); /* a repeat */
    CHECK_EQ(accepted, 12);
    CHECK_OK(put_log(&l, 20, STR("gap\n"), 4, &accepted));
    CHECK_EQ(accepted, 12);
    CHECK_OK(put_log(&l, 5, STR("overlap\n"), 8, &accepted));
    CHECK_EQ(accepted, 12);
    CHECK_OK(put_log(&l, 12, STR("two\n"), 4, &accepted));
    CHECK_EQ(accepted, 16);
    CHECK_OK(put_log(&l, 16, STR(""), 0, &accepted));
    CHECK_EQ(accepted, 16);
    CHECK_STR(fixture_log(id), "one ***\ntwo\n");
    CHECK_EQ(fixture_job(id).log_bytes, 12);
    CHECK_OK(finish(&l, false, "over"));
    CHECK_ERR(put_log(&l, 16, STR("late\n"), 5, &accepted), ERR_LEASE_LOST);
}

static void test_log_past_its_limit_says_so_once(void)
{
    struct ulid id = fixture_submit(PLAIN);
    struct job_lease l = fixture_lease();
    AUTO(buf) struct buf chunk = buf_make(LOG_CHUNK_MAX_BYTES);
    int64_t at = 0;
    for (int i = 0; i < LOG_CHUNK_MAX_BYTES / 16; i++)
        CHECK_OK(buf_put(&chunk, STR("fifteen letters\n")));
    for (int i = 0; i < JOB_LOG_MAX_BYTES / LOG_CHUNK_MAX_BYTES; i++)
        CHECK_OK(put_log(&l, at, buf_str(&chunk), (int64_t)chunk.len, &at));
    CHECK_EQ(at, JOB_LOG_MAX_BYTES);
    CHECK_EQ(fixture_job(id).log_bytes, JOB_LOG_MAX_BYTES);
    CHECK_OK(put_log(&l, at, STR("more\n"), 5, &at));
    CHECK_OK(put_log(&l, at, STR("more\n"), 5, &at));
    CHECK_EQ(at, JOB_LOG_MAX_BYTES + 10);
    struct str log = fixture_log(id);
    struct str line = STR("\n[the log is longer than is kept; the rest is left out]\n");
    CHECK(str_ends(log, line));
    CHECK_EQ(log.len, JOB_LOG_MAX_BYTES + line.len);
    CHECK_OK(finish(&l, false, "over"));
}

static void test_log_can_be_ended(void)
{
    struct ulid id = fixture_submit(PLAIN);
    struct job_lease l = fixture_lease();
    int64_t at = 0;
    CHECK_OK(put_log(&l, 0, STR("one\n"), 4, &at));
    struct job_log_chunk c = {.lease_id = l.job.lease_id,
                              .token_id = f.worker.token_id,
                              .offset = 4,
                              .consumed = 10,
                              .text = STR("two\n"),
                              .end = STR("[no more]\n"),
                              .arena = &f.arena};
    CHECK_OK(store_write_wait(f.store, job_log_op, &c));
    CHECK_EQ(c.ret_accepted, 14);
    c.offset = 14;
    CHECK_OK(store_write_wait(f.store, job_log_op, &c));
    CHECK_OK(put_log(&l, 24, STR("three\n"), 6, &at));
    CHECK_EQ(at, 30);
    CHECK_STR(fixture_log(id), "one\ntwo\n[no more]\n");
    CHECK_OK(finish(&l, false, "over"));
}

static void test_finish_needs_the_output(void)
{
    struct ulid id = fixture_submit(PLAIN);
    struct job_lease l = fixture_lease();
    CHECK_ERR(finish(&l, true, ""), ERR_CONFLICT);
    CHECK_EQ(fixture_job(id).state, JOB_RENDERING);
    CHECK_ERR(put_output(&l, STR("01ARZ3NDEKTSV4RRFFQ69G5FAV")), ERR_LEASE_LOST);
    CHECK_ERR(put_output(&l, STR_EMPTY), ERR_LEASE_LOST);
    CHECK_OK(put_output(&l, l.job.lease_id));
    CHECK_OK(finish(&l, true, ""));
    struct job job = fixture_job(id);
    CHECK_EQ(job.state, JOB_FINISHED);
    CHECK_EQ(job.progress, 100);
    CHECK_EQ(job.output_bytes, 9);
    CHECK(job.finished_at_ms && job.rendered_at_ms && !job.error_at_ms);
    CHECK_ERR(finish(&l, true, ""), ERR_LEASE_LOST);
    CHECK_ERR(finish(&l, false, "x"), ERR_LEASE_LOST);
    CHECK_EQ(fixture_audits(AUDIT_JOB_ENDED, id), 1);
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, 0);
}

static void test_errors_end_the_job_with_a_capped_text(void)
{
    struct ulid id = fixture_submit(WEBHOOK);
    struct job_lease l = fixture_lease();
    char text[JOB_ERROR_MAX_BYTES + 100];
    memset(text, 'e', sizeof text);
    text[sizeof text - 1] = '\0';
    CHECK_OK(finish(&l, false, text));
    struct job job = fixture_job(id);
    CHECK_EQ(job.state, JOB_ERROR);
    CHECK_EQ(job.error.len, JOB_ERROR_MAX_BYTES);
    CHECK(job.error_at_ms && !job.finished_at_ms);
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_DUE);
    struct job_finish system = {.job_id = ulid_str(&id), .error = STR("again"), .arena = &f.arena};
    CHECK_ERR(store_write_wait(f.store, job_finish_op, &system), ERR_CONFLICT);
}

static void test_silent_workers_lose_the_job_and_at_last_it_fails(void)
{
    struct ulid id = fixture_submit(WEBHOOK);
    int64_t accepted;
    for (int i = 1; i <= JOB_LEASES_MAX; i++) {
        struct job_lease l = fixture_lease();
        CHECK(l.found && str_equal(ulid_str(&l.job.id), ulid_str(&id)));
        CHECK_OK(put_log(&l, 0, STR("try\n"), 4, &accepted));
        CHECK_OK(put_output(&l, l.job.lease_id));
        CHECK_EQ(sweep(clock_unix_ms() + JOB_LEASE_MS / 2).ret_requeued, 0);
        struct job_sweep s = sweep(clock_unix_ms() + JOB_LEASE_MS + 1000);
        CHECK_EQ(s.ret_requeued, i < JOB_LEASES_MAX);
        CHECK_EQ(s.ret_failed, i == JOB_LEASES_MAX);
        CHECK_ERR(beat(&l, 1), ERR_LEASE_LOST);
        CHECK_ERR(put_output(&l, l.job.lease_id), ERR_LEASE_LOST);
        if (i < JOB_LEASES_MAX) {
            CHECK_EQ(fixture_job(id).state, JOB_QUEUED);
            CHECK_EQ(fixture_job(id).output_bytes, -1);
        }
    }
    CHECK(!fixture_lease().found);
    CHECK_EQ(fixture_job(id).state, JOB_ERROR);
    struct str log = fixture_log(id);
    CHECK(str_starts(log, STR("try\n\n[the worker went silent")) && str_ends(log, STR("try\n")));
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_DUE);
}

static void test_a_job_that_is_given_back_waits_and_never_fails_for_it(void)
{
    struct ulid id = fixture_submit(WEBHOOK);
    int64_t accepted;
    for (int i = 1; i <= JOB_LEASES_MAX + 2; i++) {
        struct job_lease l = fixture_lease();
        CHECK(l.found && str_equal(ulid_str(&l.job.id), ulid_str(&id)));
        CHECK_OK(put_log(&l, 0, STR("try\n"), 4, &accepted));
        CHECK_OK(put_output(&l, l.job.lease_id));
        struct job_finish back = {.lease_id = l.job.lease_id,
                                  .token_id = f.worker.token_id,
                                  .given_back = true,
                                  .arena = &f.arena};
        CHECK_OK(store_write_wait(f.store, job_finish_op, &back));
        CHECK_ERR(store_write_wait(f.store, job_finish_op, &back), ERR_LEASE_LOST);
        CHECK_ERR(finish(&l, true, ""), ERR_LEASE_LOST);
        CHECK_EQ(fixture_job(id).state, JOB_QUEUED);
        CHECK_EQ(fixture_job(id).output_bytes, -1);
        CHECK_EQ(fixture_job(id).lease_count, 0);
    }
    struct str log = fixture_log(id);
    CHECK(str_starts(log, STR("try\n\n[the worker was stopped and gave the job back]\n")));
    struct job_lease last = fixture_lease();
    CHECK_OK(finish(&last, false, "enough"));
}

static struct ulid rendered(void)
{
    struct ulid id = fixture_submit(UPLOAD);
    struct job_lease l = fixture_lease();
    CHECK_OK(put_output(&l, l.job.lease_id));
    CHECK_OK(finish(&l, true, ""));
    return id;
}

static void test_upload_comes_before_the_end_and_the_webhook_after(void)
{
    struct ulid id = rendered();
    CHECK_EQ(fixture_job(id).state, JOB_RENDERING);
    CHECK_EQ(sweep(clock_unix_ms() + 10 * JOB_LEASE_MS).ret_requeued, 0);
    CHECK_EQ(fixture_delivery(id, DELIVERY_UPLOAD).state, DELIVERY_DUE);
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, 0);
    CHECK_OK(attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_RETRY, 503));
    CHECK_OK(attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_LOST, 0));
    CHECK_EQ(fixture_delivery(id, DELIVERY_UPLOAD).attempts, 1);
    CHECK_EQ(fixture_job(id).state, JOB_RENDERING);
    CHECK_OK(attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_DONE, 200));
    CHECK_EQ(fixture_job(id).state, JOB_FINISHED);
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_DUE);
    CHECK_EQ(fixture_audits(AUDIT_SECRET_USED, id), 6);
    CHECK_STR(fixture_log(id), "[upload: said so (attempt 1; tried again in 1 s)]\n"
                               "[upload: said so (attempt 1; tried again in 2 s)]\n"
                               "[upload: said so (attempt 2)]\n");
    CHECK_OK(attempt(id, DELIVERY_WEBHOOK, JOB_ATTEMPT_DONE, 200));
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_DONE);
    CHECK_EQ(fixture_job(id).state, JOB_FINISHED);
}

static void test_upload_that_fails_for_good_ends_the_job(void)
{
    struct ulid id = rendered();
    CHECK_OK(attempt(id, DELIVERY_UPLOAD, JOB_ATTEMPT_FAILED, 403));
    CHECK_EQ(fixture_job(id).state, JOB_ERROR);
    CHECK_STR(fixture_job(id).error, "said so");
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_DUE);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_DUE);
        CHECK_OK(attempt(id, DELIVERY_WEBHOOK, JOB_ATTEMPT_FAILED, 404));
    }
    CHECK_EQ(fixture_delivery(id, DELIVERY_WEBHOOK).state, DELIVERY_FAILED);
    CHECK_EQ(fixture_job(id).state, JOB_ERROR);
    CHECK_EQ(fixture_audits(AUDIT_JOB_ENDED, id), 1);
}

static void test_gaps_between_attempts(void)
{
    static const int64_t uploads[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
    static const int64_t webhooks[] = {1, 4, 16};
    struct delivery d = {.kind = DELIVERY_UPLOAD, .state = DELIVERY_DUE};
    for (size_t i = 0; i < ARRAY_LEN(uploads); i++) {
        job_delivery_step(&d, JOB_ATTEMPT_RETRY, 503, 1000);
        CHECK_EQ(d.next_at_ms, 1000 + uploads[i] * 1000);
        CHECK_EQ(d.state, DELIVERY_DUE);
    }
    int64_t waited_ms = 0;
    d = (struct delivery){.kind = DELIVERY_UPLOAD, .state = DELIVERY_DUE};
    while (d.state == DELIVERY_DUE) {
        job_delivery_step(&d, JOB_ATTEMPT_RETRY, 503, 0);
        waited_ms += d.next_at_ms;
    }
    CHECK_EQ(d.state, DELIVERY_FAILED);
    CHECK(waited_ms > 23 * 3600 * 1000 && waited_ms <= 24 * 3600 * 1000 + 600 * 1000);
    d = (struct delivery){.kind = DELIVERY_WEBHOOK, .state = DELIVERY_DUE};
    for (size_t i = 0; i < ARRAY_LEN(webhooks); i++) {
        job_delivery_step(&d, i ? JOB_ATTEMPT_RETRY : JOB_ATTEMPT_FAILED, i ? 0 : 404, 0);
        CHECK_EQ(d.next_at_ms, webhooks[i] * 1000);
        CHECK_EQ(d.state, DELIVERY_DUE);
    }
    job_delivery_step(&d, JOB_ATTEMPT_RETRY, 500, 0);
    CHECK_EQ(d.state, DELIVERY_FAILED);
    d = (struct delivery){.kind = DELIVERY_WEBHOOK, .state = DELIVERY_DUE};
    job_delivery_step(&d, JOB_ATTEMPT_FAILED, 0, 0); /* refused address: no answer will come */
    CHECK_EQ(d.state, DELIVERY_FAILED);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    fixture_start();
    fixture_secret("A", "not-a-real-value");
    RUN(test_beats_renew_and_report_progress);
    RUN(test_log_is_taken_by_offset);
    RUN(test_log_past_its_limit_says_so_once);
    RUN(test_log_can_be_ended);
    RUN(test_finish_needs_the_output);
    RUN(test_errors_end_the_job_with_a_capped_text);
    RUN(test_silent_workers_lose_the_job_and_at_last_it_fails);
    RUN(test_a_job_that_is_given_back_waits_and_never_fails_for_it);
    RUN(test_upload_comes_before_the_end_and_the_webhook_after);
    RUN(test_upload_that_fails_for_good_ends_the_job);
    RUN(test_gaps_between_attempts);
    fixture_stop();
    return test_done();
}
