#include "store_kit.h"

static struct kit k;

static struct job make(struct ulid team)
{
    return (struct job){.id = ulid_new(),
                        .team_id = team,
                        .state = JOB_QUEUED,
                        .payload = STR("{\"template\":{}}"),
                        .output_url = STR("s3://bucket/x"),
                        .output_name = STR("x.mp4"),
                        .submitted_by = STR("tokentokento"),
                        .created_at_ms = 100,
                        .updated_at_ms = 100,
                        .output_bytes = -1};
}

static struct job add(struct ulid team, const char *tags, const char *engine, int64_t priority)
{
    struct job job = make(team);
    job.tags = str_from(tags);
    job.engine = str_from(engine);
    job.priority = priority;
    CHECK_OK(store_job_insert(&k.tx, &job));
    return job;
}

static struct lease_request asks(const char *engines, const char *tags)
{
    static struct ulid lease;
    lease = ulid_new();
    return (struct lease_request){.team_id = ulid_str(&k.team),
                                  .lease_id = ulid_str(&lease),
                                  .token_id = STR("workertoken1"),
                                  .worker = STR("node-1"),
                                  .engines = str_from(engines),
                                  .tags = str_from(tags),
                                  .now_ms = 1000,
                                  .lease_ms = 60};
}

static bool leases(const char *engines, const char *tags, const struct job *wanted)
{
    struct lease_request r = asks(engines, tags);
    struct job got;
    enum err e = store_job_lease(&k.tx, &r, &k.a, &got);
    if (!wanted)
        return e == ERR_NOT_FOUND;
    return e == OK && str_equal(ulid_str(&got.id), ulid_str(&wanted->id));
}

static void empty(void)
{
    CHECK_OK(db_script(k.db, "DELETE FROM jobs; DELETE FROM queue;"));
}

static void test_state_names(void)
{
    static const char *const names[] = {"queued",   "pending", "render:dorender",
                                        "finished", "error",   "manually_cancelled"};
    enum job_state s;
    for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
        CHECK_STR(str_from(job_state_name((enum job_state)i)), names[i]);
        CHECK(job_state_from(str_from(names[i]), &s));
        CHECK_EQ(s, i);
        CHECK_EQ(job_state_final(s), i >= JOB_FINISHED);
    }
    CHECK(!job_state_from(STR("render"), &s));
    CHECK(!job_state_from(STR_EMPTY, &s));
    CHECK(!job_state_from(STR("Queued"), &s));
}

static void test_job_comes_back(void)
{
    k.tx.touched = 0;
    struct job job = add(k.team, "a,b", "ffmpeg", 3), got;
    CHECK_EQ(k.tx.touched, 0);
    CHECK_OK(store_job_get(&k.tx, ulid_str(&k.team), ulid_str(&job.id), true, &k.a, &got));
    CHECK_STR(got.payload, "{\"template\":{}}");
    CHECK_STR(got.output_url, "s3://bucket/x");
    CHECK_STR(got.output_name, "x.mp4");
    CHECK_STR(got.tags, "a,b");
    CHECK_STR(got.engine, "ffmpeg");
    CHECK_STR(got.submitted_by, "tokentokento");
    CHECK_EQ(got.priority, 3);
    CHECK_EQ(got.created_at_ms, 100);
    CHECK_EQ(got.output_bytes, -1);
    CHECK_EQ(got.state, JOB_QUEUED);
    CHECK_OK(store_job_get(&k.tx, ulid_str(&k.team), ulid_str(&job.id), false, &k.a, &got));
    CHECK_STR(got.payload, "");
    struct str other = ulid_str(&k.other);
    CHECK_ERR(store_job_get(&k.tx, other, ulid_str(&job.id), true, &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_job_any(&k.tx, STR("nothing"), true, &k.a, &got), ERR_NOT_FOUND);
    CHECK_OK(store_job_any(&k.tx, ulid_str(&job.id), true, &k.a, &got));
    CHECK_ERR(store_job_insert(&k.tx, &job), ERR_CONFLICT);
    job = make(ulid_new());
    CHECK_ERR(store_job_insert(&k.tx, &job), ERR_NOT_FOUND);
    job = got;
    job.team_id = k.other;
    CHECK_ERR(store_job_update(&k.tx, &job), ERR_NOT_FOUND);
    empty();
}

static void test_update_writes_every_changeable_column(void)
{
    struct job job = add(k.team, "", "", 0), got;
    job.state = JOB_ERROR;
    job.output_url = STR("u");
    job.progress = 1;
    job.updated_at_ms = 2;
    job.started_at_ms = 3;
    job.finished_at_ms = 4;
    job.error_at_ms = 5;
    job.rendered_at_ms = 6;
    job.error = STR("e");
    job.lease_id = STR("l");
    job.lease_expires_at_ms = 7;
    job.lease_count = 8;
    job.lease_token = STR("t");
    job.worker = STR("w");
    job.output_bytes = 9;
    job.log_bytes = 10;
    job.log_consumed = 11;
    CHECK_OK(store_job_update(&k.tx, &job));
    CHECK_OK(store_job_any(&k.tx, ulid_str(&job.id), false, &k.a, &got));
    CHECK_EQ(got.state, JOB_ERROR);
    CHECK_STR(got.output_url, "u");
    CHECK_EQ(got.progress, 1);
    CHECK_EQ(got.updated_at_ms, 2);
    CHECK_EQ(got.started_at_ms, 3);
    CHECK_EQ(got.finished_at_ms, 4);
    CHECK_EQ(got.error_at_ms, 5);
    CHECK_EQ(got.rendered_at_ms, 6);
    CHECK_STR(got.error, "e");
    CHECK_STR(got.lease_id, "l");
    CHECK_EQ(got.lease_expires_at_ms, 7);
    CHECK_EQ(got.lease_count, 8);
    CHECK_STR(got.lease_token, "t");
    CHECK_STR(got.worker, "w");
    CHECK_EQ(got.output_bytes, 9);
    CHECK_EQ(got.log_bytes, 10);
    CHECK_EQ(got.log_consumed, 11);
    empty();
}

static void test_lease_takes_the_job(void)
{
    struct job job = add(k.team, "", "", 0), got;
    struct lease_request r = asks("", "");
    CHECK_OK(store_job_lease(&k.tx, &r, &k.a, &got));
    CHECK_EQ(got.state, JOB_RENDERING);
    CHECK_STR(got.payload, "{\"template\":{}}");
    CHECK_EQ(got.lease_count, 1);
    CHECK_EQ(got.lease_expires_at_ms, 1060);
    CHECK_EQ(got.started_at_ms, 1000);
    CHECK_STR(got.worker, "node-1");
    r.lease_id = got.lease_id;
    CHECK(leases("", "", NULL));
    CHECK(str_equal(ulid_str(&got.id), ulid_str(&job.id)));
    struct str token = STR("workertoken1");
    CHECK_OK(store_job_leased(&k.tx, r.lease_id, token, 1059, &k.a, &got));
    CHECK_ERR(store_job_leased(&k.tx, r.lease_id, token, 1060, &k.a, &got), ERR_LEASE_LOST);
    CHECK_ERR(store_job_leased(&k.tx, r.lease_id, STR("x"), 1059, &k.a, &got), ERR_LEASE_LOST);
    CHECK_ERR(store_job_leased(&k.tx, STR("x"), token, 1059, &k.a, &got), ERR_LEASE_LOST);
    CHECK_ERR(store_job_leased(&k.tx, STR_EMPTY, token, 1059, &k.a, &got), ERR_LEASE_LOST);
    CHECK_ERR(store_job_leased(&k.tx, STR_EMPTY, STR_EMPTY, 0, &k.a, &got), ERR_LEASE_LOST);
    got.state = JOB_FINISHED;
    CHECK_OK(store_job_update(&k.tx, &got));
    CHECK_ERR(store_job_leased(&k.tx, r.lease_id, token, 1059, &k.a, &got), ERR_LEASE_LOST);
    empty();
}

static void test_next_is_highest_priority_then_oldest(void)
{
    struct job a = add(k.team, "", "", 0), b = add(k.team, "", "", 5);
    struct job c = add(k.team, "", "", 5), d = add(k.team, "", "", -5);
    struct job e = add(k.team, "", "", INT64_MIN), f = add(k.team, "", "", INT64_MAX);
    add(k.other, "", "", 99);
    CHECK(leases("", "", &f));
    CHECK(leases("", "", &b));
    CHECK(leases("", "", &c));
    CHECK(leases("", "", &a));
    CHECK(leases("", "", &d));
    CHECK(leases("", "", &e));
    CHECK(leases("", "", NULL));
    empty();
}

static void test_next_fits_engine_and_tags(void)
{
    const struct {
        const char *engine, *tags;      /* the job's */
        const char *engines, *selector; /* the worker's */
        bool fits;
    } cases[] = {
        {"", "", "", "", true},
        {"", "", "ae,ffmpeg", "", true},
        {"ffmpeg", "", "ae, ffmpeg", "", true},
        {"ffmpeg", "", "", "", false},
        {"ffmpeg", "", "ffmpeg2", "", false},
        {"ffmpeg", "", "FFMPEG", "", false},
        {"", "gpu", "", "", true},
        {"", "gpu,big", "", "big", true},
        {"", " gpu , big ", "", "x,big", true},
        {"", "gpu", "", "gp", false},
        {"", "gpu", "", "%", false},
        {"", "", "", "gpu", false},
        {"ae", "gpu", "ffmpeg", "gpu", false},
        {"ae", "gpu", "ffmpeg,ae", "cpu,gpu", true},
        {"", "gpu,gpu", "", "gpu,gpu", true},
        {"", "", "", " , ,", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct job job = add(k.team, cases[i].tags, cases[i].engine, 0);
        CHECK(leases(cases[i].engines, cases[i].selector, cases[i].fits ? &job : NULL));
        CHECK_EQ(kit_number(k.db, "SELECT COUNT(*) > 0 FROM queue"), !cases[i].fits);
        empty();
    }
}

static void test_job_queued_again_is_found_again(void)
{
    struct job job = add(k.team, "gpu", "ae", 0), got;
    struct lease_request r = asks("ae", "gpu");
    for (int64_t i = 1; i <= 3; i++) {
        CHECK_OK(store_job_lease(&k.tx, &r, &k.a, &got));
        CHECK_EQ(got.lease_count, i);
        got.state = JOB_QUEUED;
        k.tx.touched = 0;
        CHECK_OK(store_job_update(&k.tx, &got));
        CHECK_EQ(k.tx.touched, 0);
        CHECK_OK(store_job_update(&k.tx, &got)); /* no second row */
        CHECK_EQ(kit_number(k.db, "SELECT COUNT(*) FROM queue"), 2);
    }
    job.state = JOB_CANCELLED;
    CHECK_OK(store_job_update(&k.tx, &job));
    CHECK(leases("ae", "gpu", NULL));
    CHECK_EQ(kit_number(k.db, "SELECT COUNT(*) FROM queue"), 0);
    empty();
}

static void test_expired_leases_are_found(void)
{
    add(k.team, "", "", 0);
    add(k.other, "", "", 0);
    struct job got, *list;
    size_t count;
    struct lease_request r = asks("", "");
    CHECK_OK(store_job_lease(&k.tx, &r, &k.a, &got));
    CHECK_OK(store_job_expired(&k.tx, 1059, 10, &k.a, &list, &count));
    CHECK_EQ(count, 0);
    CHECK_OK(store_job_expired(&k.tx, 1060, 10, &k.a, &list, &count));
    CHECK_EQ(count, 1);
    CHECK_OK(store_job_expired(&k.tx, 1060, 0, &k.a, &list, &count));
    CHECK_EQ(count, 0);
    got.rendered_at_ms = 1050; /* what is left is ours to do */
    CHECK_OK(store_job_update(&k.tx, &got));
    CHECK_OK(store_job_expired(&k.tx, 9999, 10, &k.a, &list, &count));
    CHECK_EQ(count, 0);
    empty();
}

static struct str listed(struct job_query q)
{
    struct job *list;
    size_t count;
    q.team_id = ulid_str(&k.team);
    if (q.limit == 0)
        q.limit = 100;
    CHECK_OK(store_job_list(&k.tx, &q, &k.a, &list, &count));
    struct str all = STR_EMPTY;
    for (size_t i = 0; i < count; i++)
        all = arena_printf(&k.a, "%.*s%.*s", (int)all.len, all.ptr, (int)list[i].output_name.len,
                           list[i].output_name.ptr);
    return all;
}

static void test_list_filters_and_orders(void)
{
    const struct {
        const char *name, *tags;
        int64_t created_at_ms, priority;
        enum job_state state;
    } jobs[] = {
        {"a", "x", 10, 0, JOB_QUEUED},        {"b", "x,y", 20, 9, JOB_FINISHED},
        {"c", "y", 30, 0, JOB_ERROR},         {"d", "", 40, 5, JOB_QUEUED},
        {"e", "xy,%", 50, -1, JOB_RENDERING},
    };
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        struct job job = make(k.team);
        job.output_name = str_from(jobs[i].name);
        job.tags = str_from(jobs[i].tags);
        job.created_at_ms = jobs[i].created_at_ms;
        job.priority = jobs[i].priority;
        job.state = jobs[i].state;
        CHECK_OK(store_job_insert(&k.tx, &job));
    }
    add(k.other, "x", "", 0);
    const struct {
        struct job_query q;
        const char *wanted;
    } cases[] = {
        {{.sort = JOB_OLDEST_FIRST}, "abcde"},
        {{.sort = JOB_NEWEST_FIRST}, "edcba"},
        {{.sort = JOB_BY_PRIORITY}, "bdace"},
        {{.from = 1, .limit = 2}, "bc"},
        {{.from = 4, .limit = 2}, "e"},
        {{.from = 9, .limit = 2}, ""},
        {{.from = UINT64_MAX, .limit = UINT64_MAX}, ""},
        {{.from_ms = 20}, "bcde"},
        {{.to_ms = 20}, "ab"},
        {{.from_ms = 21, .to_ms = 40}, "cd"},
        {{.states = 1u << JOB_QUEUED}, "ad"},
        {{.states = 1u << JOB_QUEUED | 1u << JOB_ERROR}, "acd"},
        {{.exclude_states = 1u << JOB_QUEUED}, "bce"},
        {{.states = 1u << JOB_QUEUED, .exclude_states = 1u << JOB_QUEUED}, ""},
        {{.tags = STR("x")}, "ab"},
        {{.tags = STR("y,x")}, "abc"},
        {{.tags = STR("%")}, "e"},
        {{.tags = STR("_")}, ""},
        {{.tags = STR("x'")}, ""},
        {{.tags = STR("x,y"), .from = 1, .limit = 1}, "b"},
        {{.tags = STR("y"), .sort = JOB_NEWEST_FIRST}, "cb"},
        {{.tags = STR("x"), .states = 1u << JOB_FINISHED}, "b"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_STR(listed(cases[i].q), cases[i].wanted);
    CHECK_EQ(listed((struct job_query){.sort = JOB_RANDOM}).len, 5);
    CHECK_EQ(listed((struct job_query){.sort = JOB_RANDOM, .limit = 2}).len, 2);
    CHECK_EQ(listed((struct job_query){.sort = JOB_RANDOM, .tags = STR("x")}).len, 2);
    empty();
}

static void test_log_reads_across_chunks(void)
{
    struct job job = add(k.team, "", "", 0);
    struct str id = ulid_str(&job.id);
    CHECK_OK(store_log_append(&k.tx, id, 0, STR("hello ")));
    CHECK_OK(store_log_append(&k.tx, id, 6, STR("big ")));
    CHECK_OK(store_log_append(&k.tx, id, 10, STR_EMPTY));
    CHECK_OK(store_log_append(&k.tx, id, 10, STR("world")));
    CHECK_ERR(store_log_append(&k.tx, id, 10, STR("again")), ERR_CONFLICT);
    CHECK_ERR(store_log_append(&k.tx, STR("nothing"), 0, STR("x")), ERR_NOT_FOUND);
    const char all[] = "hello big world";
    for (size_t from = 0; from <= 16; from++) {
        for (size_t limit = 0; limit <= 16; limit++) {
            AUTO(buf) struct buf out = buf_make(100);
            CHECK_OK(store_log_read(&k.tx, id, (int64_t)from, limit, &out));
            CHECK(str_equal(buf_str(&out), str_slice(str_from(all), from, from + limit)));
        }
    }
    AUTO(buf) struct buf small = buf_make(4);
    CHECK_ERR(store_log_read(&k.tx, id, 0, 100, &small), ERR_TOO_LARGE);
    AUTO(buf) struct buf none = buf_make(4);
    CHECK_OK(store_log_read(&k.tx, STR("nothing"), 0, 100, &none));
    CHECK_EQ(none.len, 0);
    empty();
}

static void test_ticket_is_used_up(void)
{
    struct job job = add(k.team, "", "", 0);
    struct ticket t = {.hash = {9},
                       .kind = TICKET_ASSET_GET,
                       .team_id = k.team,
                       .job_id = job.id,
                       .lease_id = STR("lease"),
                       .pointer = STR("/assets/0"),
                       .expires_at_ms = 50,
                       .uses_left = 2},
                  got;
    CHECK_OK(store_ticket_insert(&k.tx, &t));
    CHECK_ERR(store_ticket_insert(&k.tx, &t), ERR_CONFLICT);
    uint8_t wrong[32] = {8};
    CHECK_ERR(store_ticket_take(&k.tx, wrong, 10, &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_ticket_take(&k.tx, t.hash, 50, &k.a, &got), ERR_GONE);
    CHECK_ERR(store_ticket_look(&k.tx, wrong, 10, &k.a, &got), ERR_NOT_FOUND);
    CHECK_ERR(store_ticket_look(&k.tx, t.hash, 50, &k.a, &got), ERR_GONE);
    CHECK_OK(store_ticket_look(&k.tx, t.hash, 10, &k.a, &got));
    CHECK_EQ(got.uses_left, 2);
    CHECK_OK(store_ticket_take(&k.tx, t.hash, 10, &k.a, &got));
    CHECK_EQ(got.kind, TICKET_ASSET_GET);
    CHECK_STR(got.pointer, "/assets/0");
    CHECK_STR(got.lease_id, "lease");
    CHECK(str_equal(ulid_str(&got.job_id), ulid_str(&job.id)));
    CHECK_EQ(got.uses_left, 1);
    CHECK_OK(store_ticket_take(&k.tx, t.hash, 10, &k.a, &got));
    CHECK_ERR(store_ticket_take(&k.tx, t.hash, 10, &k.a, &got), ERR_GONE);
    CHECK_OK(store_ticket_sweep(&k.tx, 60));
    CHECK_ERR(store_ticket_take(&k.tx, t.hash, 60, &k.a, &got), ERR_GONE);
    CHECK_OK(store_ticket_sweep(&k.tx, 51 + 24 * 3600 * 1000));
    CHECK_ERR(store_ticket_take(&k.tx, t.hash, 60, &k.a, &got), ERR_NOT_FOUND);
    empty();
}

static void test_deliveries_come_due(void)
{
    struct job job = add(k.team, "", "", 0);
    struct delivery hook = {.id = ulid_new(),
                            .job_id = job.id,
                            .team_id = k.team,
                            .kind = DELIVERY_WEBHOOK,
                            .state = DELIVERY_DUE,
                            .next_at_ms = 10};
    struct delivery upload = hook, *list;
    upload.id = ulid_new();
    upload.kind = DELIVERY_UPLOAD;
    upload.next_at_ms = 20;
    size_t count;
    int64_t next;
    CHECK_OK(store_delivery_next_at(&k.tx, &next));
    CHECK_EQ(next, INT64_MAX);
    k.tx.touched = 0;
    CHECK_OK(store_delivery_insert(&k.tx, &hook));
    CHECK_EQ(k.tx.touched, 0);
    CHECK_OK(store_delivery_insert(&k.tx, &upload));
    CHECK_OK(store_delivery_next_at(&k.tx, &next));
    CHECK_EQ(next, 10);
    CHECK_OK(store_delivery_due(&k.tx, 9, STR_EMPTY, 10, &k.a, &list, &count));
    CHECK_EQ(count, 0);
    CHECK_OK(store_delivery_due(&k.tx, 20, STR_EMPTY, 10, &k.a, &list, &count));
    CHECK_EQ(count, 2); /* kinds take turns, whichever was due first */
    CHECK_EQ(list[0].kind, DELIVERY_UPLOAD);
    CHECK_OK(store_delivery_due(&k.tx, 19, STR_EMPTY, 10, &k.a, &list, &count));
    CHECK_EQ(count, 1);
    CHECK_OK(store_delivery_of_job(&k.tx, ulid_str(&job.id), &k.a, &list, &count));
    CHECK_EQ(count, 2);
    CHECK_EQ(list[0].kind, DELIVERY_UPLOAD);
    hook.state = DELIVERY_DONE;
    hook.attempts = 2;
    hook.message = STR("200");
    CHECK_OK(store_delivery_update(&k.tx, &hook));
    CHECK_OK(store_delivery_next_at(&k.tx, &next));
    CHECK_EQ(next, 20);
    CHECK_OK(store_delivery_of_job(&k.tx, ulid_str(&job.id), &k.a, &list, &count));
    CHECK_EQ(list[1].state, DELIVERY_DONE);
    CHECK_EQ(list[1].attempts, 2);
    CHECK_STR(list[1].message, "200");
    upload.id = ulid_new();
    CHECK_ERR(store_delivery_update(&k.tx, &upload), ERR_NOT_FOUND);
    upload.job_id = ulid_new();
    CHECK_ERR(store_delivery_insert(&k.tx, &upload), ERR_NOT_FOUND);
    empty();
}

int main(void)
{
    kit_open(&k);
    RUN(test_state_names);
    RUN(test_job_comes_back);
    RUN(test_update_writes_every_changeable_column);
    RUN(test_lease_takes_the_job);
    RUN(test_next_is_highest_priority_then_oldest);
    RUN(test_next_fits_engine_and_tags);
    RUN(test_job_queued_again_is_found_again);
    RUN(test_expired_leases_are_found);
    RUN(test_list_filters_and_orders);
    RUN(test_log_reads_across_chunks);
    RUN(test_ticket_is_used_up);
    RUN(test_deliveries_come_due);
    kit_close(&k);
    return test_done();
}
