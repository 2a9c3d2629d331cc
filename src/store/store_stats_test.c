#include "store_stats.h"

#include "clock.h"
#include "store_job.h"
#include "store_kit.h"

static struct kit k;

static struct job add(struct ulid team, const char *tags)
{
    int64_t now = clock_unix_ms();
    struct job job = {.id = ulid_new(),
                      .team_id = team,
                      .state = JOB_QUEUED,
                      .payload = STR("{\"template\":{}}"),
                      .output_url = STR("s3://bucket/x"),
                      .output_name = STR("x.mp4"),
                      .submitted_by = STR("tokentokento"),
                      .tags = str_from(tags),
                      .created_at_ms = now,
                      .updated_at_ms = now,
                      .output_bytes = -1};
    CHECK_OK(store_job_insert(&k.tx, &job));
    return job;
}

static void deliver(const struct job *job, enum delivery_kind kind, enum delivery_state state)
{
    struct delivery d = {.id = ulid_new(),
                         .job_id = job->id,
                         .team_id = job->team_id,
                         .kind = kind,
                         .state = state,
                         .message = STR_EMPTY};
    CHECK_OK(store_delivery_insert(&k.tx, &d));
}

static void test_an_empty_store_counts_nothing(void)
{
    struct store_stats s = {.queued = 9};
    CHECK_OK(store_stats(&k.tx, &s));
    CHECK(s.queued == 0 && s.rendering == 0 && s.oldest_queued_ms == 0);
    CHECK(s.uploads_waiting == 0 && s.webhooks_waiting == 0);
}

static void test_jobs_and_deliveries_of_all_teams(void)
{
    struct store_stats s;
    struct ulid lease = ulid_new();
    struct job first = add(k.team, "a,b,c"), got;
    struct job second = add(k.other, "");
    CHECK_OK(store_stats(&k.tx, &s));
    CHECK_EQ(s.queued, 2); /* whatever tags they have */
    CHECK_EQ(s.oldest_queued_ms, ulid_time_ms(&first.id));
    struct lease_request r = {.team_id = ulid_str(&k.team),
                              .lease_id = ulid_str(&lease),
                              .token_id = STR("workertoken1"),
                              .worker = STR("node-1"),
                              .engines = STR_EMPTY,
                              .tags = STR_EMPTY,
                              .now_ms = clock_unix_ms(),
                              .lease_ms = 1000};
    CHECK_OK(store_job_lease(&k.tx, &r, &k.a, &got));
    CHECK_OK(store_stats(&k.tx, &s));
    CHECK_EQ(s.queued, 1);
    CHECK_EQ(s.rendering, 1);
    CHECK_EQ(s.oldest_queued_ms, ulid_time_ms(&second.id));
    deliver(&first, DELIVERY_UPLOAD, DELIVERY_DUE);
    deliver(&first, DELIVERY_WEBHOOK, DELIVERY_DUE);
    deliver(&second, DELIVERY_WEBHOOK, DELIVERY_DUE);
    deliver(&second, DELIVERY_UPLOAD, DELIVERY_DONE);
    deliver(&second, DELIVERY_UPLOAD, DELIVERY_FAILED);
    CHECK_OK(store_stats(&k.tx, &s));
    CHECK_EQ(s.uploads_waiting, 1);
    CHECK_EQ(s.webhooks_waiting, 2);
}

int main(void)
{
    kit_open(&k);
    RUN(test_an_empty_store_counts_nothing);
    RUN(test_jobs_and_deliveries_of_all_teams);
    kit_close(&k);
    return test_done();
}
