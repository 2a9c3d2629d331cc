#include "store_restore.h"

#include "db_fault.h"
#include "store_font.h"
#include "store_kit.h"
#include "store_template.h"

static struct kit k;

static void add_token(const char *id, int64_t revoked_at_ms)
{
    const struct token t = {.id = str_from(id),
                            .team_id = k.team,
                            .name = STR("t"),
                            .names = STR("*"),
                            .created_at_ms = 1,
                            .revoked_at_ms = revoked_at_ms,
                            .created_by = STR("operator")};
    CHECK_OK(store_token_insert(&k.tx, &t));
}

static struct token token(const char *id)
{
    struct token t;
    CHECK_OK(store_token_get(&k.tx, str_from(id), &k.a, &t));
    return t;
}

static void test_all_tokens_are_void_until_they_are_approved(void)
{
    int64_t approved;
    add_token("aaaaaaaaaaaaaa", 0);
    add_token("bbbbbbbbbbbbbb", 0);
    add_token("cccccccccccccc", 7);
    CHECK_EQ(token("aaaaaaaaaaaaaa").suspended_at_ms, 0);
    CHECK_OK(store_restore_suspend_tokens(&k.tx, 50));
    CHECK_EQ(token("aaaaaaaaaaaaaa").suspended_at_ms, 50);
    CHECK_EQ(token("bbbbbbbbbbbbbb").suspended_at_ms, 50);
    CHECK_EQ(token("cccccccccccccc").suspended_at_ms, 0);
    CHECK_OK(store_restore_suspend_tokens(&k.tx, 60)); /* the first time stays */
    CHECK_EQ(token("aaaaaaaaaaaaaa").suspended_at_ms, 50);

    CHECK_ERR(store_token_approve(&k.tx, kit_id(&k.other), STR("aaaaaaaaaaaaaa"), &approved),
              ERR_NOT_FOUND);
    CHECK_ERR(store_token_approve(&k.tx, kit_id(&k.team), STR("zzzzzzzzzzzzzz"), &approved),
              ERR_NOT_FOUND);
    CHECK_OK(store_token_approve(&k.tx, kit_id(&k.other), STR_EMPTY, &approved));
    CHECK_EQ(approved, 0);
    CHECK_OK(store_token_approve(&k.tx, kit_id(&k.team), STR("aaaaaaaaaaaaaa"), &approved));
    CHECK_EQ(approved, 1);
    CHECK_EQ(token("aaaaaaaaaaaaaa").suspended_at_ms, 0);
    CHECK_EQ(token("bbbbbbbbbbbbbb").suspended_at_ms, 50);
    CHECK_ERR(store_token_approve(&k.tx, kit_id(&k.team), STR("cccccccccccccc"), &approved),
              ERR_CONFLICT);
    CHECK_OK(store_token_approve(&k.tx, kit_id(&k.team), STR_EMPTY, &approved));
    CHECK_EQ(approved, 1);
    CHECK_EQ(token("cccccccccccccc").revoked_at_ms, 7);
}

static void test_what_was_revoked_since_stays_revoked(void)
{
    struct store_known_token list[] = {{STR("aaaaaaaaaaaaaa"), 0, 0},
                                       {STR("bbbbbbbbbbbbbb"), 99, 98},
                                       {STR("cccccccccccccc"), 0, 0},
                                       {STR("eeeeeeeeeeeeee"), 0, 77}};
    struct store_known_tokens known = {.list = list, .count = 4};
    int64_t revoked, suspended;
    add_token("dddddddddddddd", 0); /* of which the old installation knows nothing any more */
    add_token("eeeeeeeeeeeeee", 0); /* which nobody has approved there */
    CHECK_OK(store_restore_apply_tokens(&k.tx, &known, 200, &revoked, &suspended));
    CHECK_EQ(revoked, 2);
    CHECK_EQ(suspended, 1);
    CHECK_EQ(token("eeeeeeeeeeeeee").suspended_at_ms, 77);
    CHECK_EQ(token("eeeeeeeeeeeeee").revoked_at_ms, 0);
    CHECK_EQ(token("aaaaaaaaaaaaaa").revoked_at_ms, 0);
    CHECK_EQ(token("bbbbbbbbbbbbbb").revoked_at_ms, 99);
    CHECK_EQ(token("cccccccccccccc").revoked_at_ms, 7); /* never good again */
    CHECK_EQ(token("dddddddddddddd").revoked_at_ms, 200);
    list[0].revoked_at_ms = 0; /* void in the backup, good there: it stays void, and is told */
    CHECK_OK(store_restore_suspend_tokens(&k.tx, 250));
    CHECK_OK(store_restore_apply_tokens(&k.tx, &known, 260, &revoked, &suspended));
    CHECK_EQ(revoked, 0);
    CHECK_EQ(suspended, 2);
    CHECK_EQ(token("aaaaaaaaaaaaaa").suspended_at_ms, 250);
    CHECK_EQ(token("eeeeeeeeeeeeee").suspended_at_ms, 77);
    known.count = 0;
    CHECK_OK(store_restore_apply_tokens(&k.tx, &known, 300, &revoked, &suspended));
    CHECK_EQ(revoked, 2);
    CHECK_EQ(suspended, 0);
    CHECK_EQ(token("aaaaaaaaaaaaaa").revoked_at_ms, 300);
}

static void test_an_old_folder_is_read(void)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_known_tokens known;
    CHECK_ERR(store_restore_known_tokens("/nonexistent", &a, &known), ERR_NOT_FOUND);
    CHECK_ERR(store_restore_known_tokens(k.folder, &a, &known), ERR_TAMPERED); /* no instance */
    CHECK_OK(store_instance_put(&k.tx, STR("01JDF0000000000000000000A0")));
    kit_commit(&k);
    CHECK_OK(store_restore_known_tokens(k.folder, &a, &known));
    CHECK_STR(known.instance_id, "01JDF0000000000000000000A0");
    CHECK_EQ(known.count, 5);
    CHECK_STR(known.list[1].id, "bbbbbbbbbbbbbb");
    CHECK_EQ(known.list[1].revoked_at_ms, 99);
    CHECK_STR(known.list[4].id, "eeeeeeeeeeeeee");
    CHECK_EQ(known.list[4].suspended_at_ms, 77);
}

/* Each call of the database failed once: never the older schema's answer, by which none is void. */
static void test_an_old_folder_that_cannot_be_read_calls_no_token_good(void)
{
    bool spent = true;
    for (unsigned n = 1; spent; n++) {
        AUTO(arena) struct arena a = arena_make();
        AUTOP(db) struct db *db = NULL;
        struct db_fault fault = {.driver = &db_sqlite_driver};
        struct db_options options = {.path = k.path, .fault = &fault};
        struct store_known_tokens known;
        CHECK_OK(db_open(&options, &db));
        db_fault_arm(&fault, n);
        enum err e = store_restore_read_tokens(db, &a, &known);
        spent = e != OK;
        if (spent)
            CHECK_ERR(e, ERR_UNAVAILABLE);
        else
            CHECK_EQ(known.list[4].suspended_at_ms, 77);
    }
}

static void test_an_old_folder_of_before_there_were_restores_is_read(void)
{
    AUTO(arena) struct arena a = arena_make();
    struct store_known_tokens known;
    CHECK_OK(db_script(k.db, "ALTER TABLE tokens DROP COLUMN suspended_at_ms"));
    kit_commit(&k);
    CHECK_OK(store_restore_known_tokens(k.folder, &a, &known));
    CHECK_EQ(known.count, 5);
    CHECK_EQ(known.list[1].revoked_at_ms, 99);
    CHECK_EQ(known.list[4].suspended_at_ms, 0);
}

static struct ulid add_job(enum job_state state, int64_t rendered_at_ms)
{
    struct job job = {.id = ulid_new(), .team_id = k.team, .payload = STR("{}")};
    CHECK_OK(store_job_insert(&k.tx, &job));
    job.state = state;
    job.rendered_at_ms = rendered_at_ms;
    if (state == JOB_RENDERING) {
        job.lease_id = STR("01JDF0000000000000000000L0");
        job.lease_expires_at_ms = INT64_MAX;
    }
    CHECK_OK(store_job_update(&k.tx, &job));
    return job.id;
}

static struct job job(const struct ulid *id)
{
    struct job j;
    CHECK_OK(store_job_any(&k.tx, ulid_str(id), false, &k.a, &j));
    return j;
}

static void test_jobs_that_were_open_end_and_nothing_is_sent_twice(void)
{
    struct ulid queued = add_job(JOB_QUEUED, 0), pending = add_job(JOB_PENDING, 0);
    struct ulid rendering = add_job(JOB_RENDERING, 0), rendered = add_job(JOB_RENDERING, 8);
    struct ulid finished = add_job(JOB_FINISHED, 8);
    struct delivery due = {.id = ulid_new(),
                           .job_id = rendered,
                           .team_id = k.team,
                           .kind = DELIVERY_UPLOAD,
                           .state = DELIVERY_DUE,
                           .message = STR_EMPTY};
    struct store_restore_jobs j = {.now_ms = 500, .error = STR("look")};
    const struct ulid *open[] = {&queued, &pending, &rendering, &rendered};
    int64_t next;
    CHECK_OK(store_delivery_insert(&k.tx, &due));
    CHECK_OK(store_restore_jobs(&k.tx, &j));
    CHECK_EQ(j.ret_jobs, 4);
    CHECK_EQ(j.ret_deliveries, 1);
    for (size_t i = 0; i < ARRAY_LEN(open); i++) {
        struct job now = job(open[i]);
        CHECK(now.state == JOB_ERROR && now.error_at_ms == 500 && now.lease_id.len == 0);
        CHECK_STR(now.error, "look");
    }
    CHECK_EQ(job(&rendered).rendered_at_ms, 8); /* so that its upload can be taken up again */
    CHECK(job(&finished).state == JOB_FINISHED && job(&finished).error.len == 0);
    CHECK_EQ(kit_number(k.db, "SELECT COUNT(*) FROM queue"), 0);
    CHECK_OK(store_delivery_next_at(&k.tx, &next));
    CHECK(next == INT64_MAX);
}

static void test_jobs_may_go_on(void)
{
    struct ulid queued = add_job(JOB_QUEUED, 0), rendering = add_job(JOB_RENDERING, 0);
    struct ulid rendered = add_job(JOB_RENDERING, 8);
    struct store_restore_jobs j = {.go_on = true, .now_ms = 600};
    struct job *expired;
    size_t count;
    CHECK_OK(store_restore_jobs(&k.tx, &j));
    CHECK_EQ(j.ret_jobs, 1);
    CHECK_EQ(job(&queued).state, JOB_QUEUED);
    CHECK(job(&rendered).lease_expires_at_ms == INT64_MAX);
    CHECK_OK(store_job_expired(&k.tx, 600, 10, &k.a, &expired, &count));
    CHECK_EQ(count, 1);
    CHECK(str_equal(ulid_str(&expired[0].id), ulid_str(&rendering)));
}

static bool has_none(void *ctx, struct str name)
{
    (void)name;
    return *(bool *)ctx;
}

static void test_templates_and_fonts_without_their_file(void)
{
    bool there = true;
    struct template_row t = {.id = ulid_new(),
                             .team_id = k.team,
                             .display_name = STR("t"),
                             .status = TEMPLATE_UPLOADED,
                             .file = STR("01JDF0000000000000000000F0"),
                             .bytes = 5};
    struct template_row elsewhere = {.id = ulid_new(),
                                     .team_id = k.team,
                                     .display_name = STR("e"),
                                     .status = TEMPLATE_UPLOADED,
                                     .src = STR("https://x.test/a.aep")};
    struct font_row font = {
        .id = ulid_new(), .team_id = k.team, .family_name = STR("F"), .file_name = STR("f.ttf")};
    struct store_restore_files f = {.has = has_none, .ctx = &there, .now_ms = 9};
    struct template_row now;
    CHECK_OK(store_template_insert(&k.tx, &t));
    CHECK_OK(store_template_insert(&k.tx, &elsewhere));
    CHECK_OK(store_font_insert(&k.tx, &font));
    CHECK_OK(store_restore_files(&k.tx, &k.a, &f));
    CHECK(f.ret_templates == 0 && f.ret_fonts == 0);
    there = false;
    CHECK_OK(store_restore_files(&k.tx, &k.a, &f));
    CHECK(f.ret_templates == 1 && f.ret_fonts == 1);
    CHECK_OK(store_template_any(&k.tx, ulid_str(&t.id), &k.a, &now));
    CHECK(now.status == TEMPLATE_ERROR && now.file.len == 0 && now.error.len > 0);
    CHECK_OK(store_template_any(&k.tx, ulid_str(&elsewhere.id), &k.a, &now));
    CHECK_EQ(now.status, TEMPLATE_UPLOADED);
    CHECK_ERR(store_font_get(&k.tx, kit_id(&k.team), ulid_str(&font.id), &k.a, &font),
              ERR_NOT_FOUND);
}

int main(void)
{
    kit_open(&k);
    RUN(test_all_tokens_are_void_until_they_are_approved);
    RUN(test_what_was_revoked_since_stays_revoked);
    RUN(test_an_old_folder_is_read);
    RUN(test_an_old_folder_that_cannot_be_read_calls_no_token_good);
    RUN(test_jobs_that_were_open_end_and_nothing_is_sent_twice);
    RUN(test_jobs_may_go_on);
    RUN(test_templates_and_fonts_without_their_file);
    RUN(test_an_old_folder_of_before_there_were_restores_is_read); /* the last: it takes a column */
    kit_close(&k);
    return test_done();
}
