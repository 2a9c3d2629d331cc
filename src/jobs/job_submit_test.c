#include "jobs_fixture.h"

#define ENGINE    "\"engine\":\"ffmpeg\""
#define URL(text) "{" ENGINE ",\"webhook\":{\"url\":\"" text "\"}}"
#define UNKNOWN   "the secret does not exist, or this token may not use it"

static struct str only_message(const char *payload, const char *field)
{
    struct problems problems;
    struct job_prepared p = {0};
    CHECK_ERR(fixture_prepare(payload, &problems, &p), ERR_INVALID);
    CHECK_EQ(problems.count, 1);
    if (!problems.count)
        return STR_EMPTY;
    CHECK_STR(problems.list[0].field, field);
    return problems.list[0].message;
}

static void test_unknown_secret_is_refused_with_the_nearest_name(void)
{
    CHECK_STR(only_message(URL("https://h/${secret.TOKNE}"), "/webhook/url"),
              UNKNOWN "; did you mean TOKEN?");
    CHECK_STR(only_message(URL("https://h/${secret.token}"), "/webhook/url"),
              UNKNOWN "; did you mean TOKEN?");
    CHECK_STR(only_message(URL("https://h/${secret.SOMETHING_ELSE}"), "/webhook/url"), UNKNOWN);
}

static void test_no_suggestion_for_who_may_not_list_names(void)
{
    f.actor.may_list_names = false;
    CHECK_STR(only_message(URL("https://h/${secret.TOKNE}"), "/webhook/url"), UNKNOWN);
    f.actor.may_list_names = true;
}

static void test_names_outside_the_tokens_pattern_do_not_exist(void)
{
    f.actor.names = STR("prod/*");
    CHECK_STR(only_message(URL("https://h/${secret.TOKEN}"), "/webhook/url"), UNKNOWN);
    CHECK_STR(only_message(URL("https://h/${secret.prod/KEZ}"), "/webhook/url"),
              UNKNOWN "; did you mean prod/KEY?");
    struct problems problems;
    struct job_prepared p;
    CHECK_OK(fixture_prepare(URL("https://h/${secret.prod/KEY}"), &problems, &p));
    f.actor.names = STR("TOKEN");
    CHECK_OK(fixture_prepare(URL("https://h/${secret.TOKEN}"), &problems, &p));
    f.actor.names = STR("TOKE");
    CHECK_STR(only_message(URL("https://h/${secret.TOKEN}"), "/webhook/url"), UNKNOWN);
    f.actor.names = STR("");
    CHECK_STR(only_message(URL("https://h/${secret.TOKEN}"), "/webhook/url"), UNKNOWN);
    f.actor.names = STR("*");
}

static void test_versions_must_exist(void)
{
    struct problems problems;
    struct job_prepared p;
    CHECK_OK(fixture_prepare(URL("https://h/${secret.TOKEN@1}"), &problems, &p));
    CHECK_STR(only_message(URL("https://h/${secret.TOKEN@2}"), "/webhook/url"),
              "the secret has no such version");
}

static void test_other_teams_secrets_do_not_exist(void)
{
    struct ulid mine = f.team.id;
    struct team other = f.team;
    other.id = ulid_new();
    other.name = STR("other");
    CHECK_OK(store_write_wait(f.store, fixture_add_team, &other));
    f.actor.team_id = ulid_str(&other.id);
    CHECK_STR(only_message(URL("https://h/${secret.TOKEN}"), "/webhook/url"), UNKNOWN);
    f.actor.team_id = ulid_str(&f.team.id);
    CHECK(str_equal(ulid_str(&mine), f.actor.team_id));
}

static void test_each_bad_place_is_reported(void)
{
    struct problems problems;
    struct job_prepared p;
    CHECK_ERR(fixture_prepare("{" ENGINE ",\"webhook\":{\"url\":\"https://h/${secret.NONE}\","
                              "\"headers\":{\"A\":\"${secret.NONE}${secrets.TOKEN}\"}}}",
                              &problems, &p),
              ERR_INVALID);
    CHECK_EQ(problems.count, 2);
    CHECK_STR(problems.list[1].field, "/webhook/headers/A");
}

static void test_refused_before_the_store_is_asked(void)
{
    static const struct {
        const char *payload;
        enum err want;
    } cases[] = {
        {"", ERR_JSON},
        {"{", ERR_JSON},
        {"{" ENGINE "," ENGINE "}", ERR_JSON},
        {"[]", ERR_INVALID},
        {"{\"template\":{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}}", ERR_NOT_FOUND},
        {"{" ENGINE ",\"tags\":\"${secret.TOKEN}\"}", ERR_INVALID},
        {"{" ENGINE ",\"settings\":{\"codec\":\"${secret.TOKEN}\"}}", ERR_INVALID},
        {"{" ENGINE ",\"fonts\":[\"${secret.TOKEN}\"]}", ERR_INVALID},
        {"{" ENGINE ",\"webhook\":{\"url\":\"https://h\",\"headers\":{\"${secret.TOKEN}\":\"\"}}}",
         ERR_INVALID},
        {URL("https://h/${secret.}"), ERR_INVALID},
        {URL("https://h/${secret.TOKEN"), ERR_INVALID},
        {URL("https://h/${ secret.TOKEN }"), ERR_INVALID},
        {URL("https://h/${SECRET.TOKEN}"), ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct problems problems;
        struct job_prepared p;
        CHECK_ERR(fixture_prepare(cases[i].payload, &problems, &p), cases[i].want);
    }
    AUTO(buf) struct buf big = buf_make(2 * JOB_PAYLOAD_MAX_BYTES);
    CHECK_OK(buf_put(&big, STR("{" ENGINE ",\"x\":\"")));
    while (big.len <= JOB_PAYLOAD_MAX_BYTES)
        CHECK_OK(buf_put(&big, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
    CHECK_OK(buf_put(&big, str_bytes("\"}", 3)));
    struct problems problems;
    struct job_prepared p;
    CHECK_ERR(fixture_prepare(big.ptr, &problems, &p), ERR_TOO_LARGE);
}

static const char whole[] =
    "{" ENGINE ", \"assets\":[{\"type\":\"text\",\"value\":\"${secret.TOKEN}\"},"
    "{\"type\":\"script\",\"value\":\"f('${secret.TOKEN}')\"},"
    "{\"type\":\"image\",\"src\":\"https://h/${secret.TOKEN}\"},"
    "{\"type\":\"text\",\"value\":\"$${secret.TOKEN} ${env.X}\"}],"
    "\"upload\":{\"prefix\":\"${secret.TOKEN}/\",\"params\":{\"region\":\"r\",\"bucket\":\"b\","
    "\"accessKeyId\":\"${secret.TOKEN}\",\"accessKeySecret\":\"${secrets.TOKEN}\"}},\"priority\":"
    "7}";

static void test_warnings_name_what_a_worker_sees_and_what_answers_show(void)
{
    struct problems problems;
    struct job_prepared p = {0};
    CHECK_OK(fixture_prepare(whole, &problems, &p));
    CHECK_EQ(p.warning_count, 3);
    CHECK_STR(p.warnings[0].field, "/assets/0/value");
    CHECK_STR(p.warnings[0].message, "the value will be painted and seen by the worker");
    CHECK_STR(p.warnings[1].field, "/assets/1/value");
    CHECK_STR(p.warnings[1].message, "the value will be run as a script and seen by the worker");
    CHECK_STR(p.warnings[2].field, "/upload/prefix");
    CHECK_STR(p.warnings[2].message, "this text comes back in answers as the reference");
    AUTO(buf) struct buf out = buf_make(65536);
    CHECK_OK(job_write_created(&p, &out));
    CHECK(str_search(buf_str(&out), STR("\"warnings\":[{\"field\":\"/assets/0/value\""), 0) <
          out.len);
}

static void test_row_is_what_was_submitted(void)
{
    struct ulid id = fixture_submit(whole);
    struct job job = fixture_job(id);
    CHECK_STR(job.payload, whole);
    CHECK_STR(job.engine, "ffmpeg");
    CHECK_EQ(job.state, JOB_QUEUED);
    CHECK_EQ(job.priority, 7);
    CHECK_EQ(job.total_assets, 4);
    CHECK_EQ(job.output_bytes, -1);
    CHECK_STR(job.submitted_by, "submitter0001");
    CHECK(str_starts(job.output_url, STR("https://s3.r.amazonaws.com/b/${secret.TOKEN}/")));
    CHECK(str_ends(job.output_url, STR(".mp4")));
    CHECK_EQ(fixture_audits(AUDIT_JOB_SUBMITTED, id), 1);
}

static void test_absent_members_are_empty_in_the_row(void)
{
    struct ulid id = fixture_submit("{\"template\":{\"id\":\"x\",\"src\":\"https://h/a.aep\","
                                    "\"composition\":\"c\"}}");
    struct job job = fixture_job(id);
    CHECK_STR(job.engine, "");
    CHECK_STR(job.tags, "");
    CHECK_STR(job.output_url, "");
    CHECK_STR(job.template_id, "x");
    struct job_lease l = fixture_lease();
    CHECK(l.found);
}

static void check_written(const struct buf *out, const char *want)
{
    bool found = str_search(buf_str(out), str_from(want), 0) < out->len;
    if (!found)
        printf("# no %s in %.*s\n", want, (int)out->len, out->ptr);
    CHECK(found);
}

static void test_job_object_has_the_contracts_members(void)
{
    struct job job = {.id = ulid_new(),
                      .state = JOB_ERROR,
                      .progress = 40,
                      .created_at_ms = 1795478400000,
                      .started_at_ms = 1795478401000,
                      .rendered_at_ms = 1795478402500,
                      .error_at_ms = 1795478403000,
                      .total_assets = 2,
                      .error = STR("no \"good\""),
                      .output_url = STR_EMPTY,
                      .template_id = STR_EMPTY};
    AUTO(buf) struct buf out = buf_make(65536);
    CHECK_OK(job_write_webhook(&job, &out));
    static const char *const want[] = {
        "\"status\":\"error\"",
        "\"state\":\"error\"",
        "\"error\":\"no \\\"good\\\"\"",
        "\"finishedAt\":null",
        "\"renderDuration\":1.5",
        "\"templateId\":null",
        "\"outputUrl\":null",
        "\"progress\":40",
        "\"totalAssets\":2",
        "\"createdAt\":\"2026-11-24T00:00:00.000Z\"",
        "\"updatedAt\":null",
    };
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        check_written(&out, want[i]);
    buf_reset(&out);
    CHECK_OK(job_write(&job, true, &out));
    CHECK_EQ(str_search(buf_str(&out), STR("stats"), 0), out.len);
    CHECK_EQ(str_search(buf_str(&out), STR("state\""), 0), out.len);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    fixture_start();
    fixture_secret("TOKEN", "not-a-real-value");
    fixture_secret("prod/KEY", "not-a-real-value-either");
    RUN(test_unknown_secret_is_refused_with_the_nearest_name);
    RUN(test_no_suggestion_for_who_may_not_list_names);
    RUN(test_names_outside_the_tokens_pattern_do_not_exist);
    RUN(test_versions_must_exist);
    RUN(test_other_teams_secrets_do_not_exist);
    RUN(test_each_bad_place_is_reported);
    RUN(test_refused_before_the_store_is_asked);
    RUN(test_warnings_name_what_a_worker_sees_and_what_answers_show);
    RUN(test_row_is_what_was_submitted);
    RUN(test_absent_members_are_empty_in_the_row);
    RUN(test_job_object_has_the_contracts_members);
    fixture_stop();
    return test_done();
}
