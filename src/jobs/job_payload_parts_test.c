/* Joins, nested jobs, and where the parts of a payload stand in its bytes. */
#include "job_payload.h"
#include "job_payload_kit.h"
#include "test.h"

/* A nested job's problems stand where it does in what was submitted. */
static void test_joins_and_nested_jobs_have_rules_of_their_own(void)
{
    static const struct {
        enum job_payload_of of;
        const char *payload, *field; /* NULL: accepted */
    } cases[] = {
        {JOB_PAYLOAD_JOIN, "{}", "/at/assets"},
        {JOB_PAYLOAD_JOIN, "{\"assets\":[]}", "/at/assets"},
        {JOB_PAYLOAD_JOIN, "{\"assets\":[{\"type\":\"audio\",\"src\":\"https://h\"}]}",
         "/at/assets/0/type"},
        {JOB_PAYLOAD_JOIN, "{\"assets\":[{\"type\":\"video\"}]}", "/at/assets/0/src"},
        {JOB_PAYLOAD_JOIN, "{\"assets\":[{\"type\":\"job\"}],\"settings\":{\"preset\":\"mp4\"}}",
         NULL},
        {JOB_PAYLOAD_JOIN, "{\"assets\":[{\"type\":\"job\"}],\"settings\":{\"preset\":\"gif\"}}",
         "/at/settings/preset"},
        {JOB_PAYLOAD_JOIN, "{\"assets\":[{\"type\":\"job\"}],\"settings\":{\"codec\":\"png\"}}",
         "/at/settings"},
        {JOB_PAYLOAD_NESTED, "{" T "}", NULL},
        {JOB_PAYLOAD_NESTED, "{}", "/at/template"},
        {JOB_PAYLOAD_NESTED, "7", "/at"},
        {JOB_PAYLOAD_NESTED, "{\"template\":{}}", "/at/template/id"},
        {JOB_PAYLOAD_NESTED, U(""), "/at/upload"},
        {JOB_PAYLOAD_NESTED, W("\"url\":\"https://h\""), "/at/webhook"},
        {JOB_PAYLOAD_NESTED, S("\"type\":\"aep\""), "/at/settings/type"},
        {JOB_PAYLOAD_NESTED, A("{\"type\":\"text\"}"), "/at/assets/0/value"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct problems problems;
        struct job_payload p = {.template_id = STR_EMPTY};
        problems_init(&problems, &a);
        enum err e = job_payload_read(str_from(cases[i].payload), cases[i].of, STR("/at"), &a,
                                      &problems, &p);
        CHECK_ERR(e, cases[i].field ? ERR_INVALID : OK);
        if (cases[i].field && problems.count)
            CHECK_STR(problems.list[0].field, cases[i].field);
    }
}

static void test_nested_jobs_are_listed_with_their_bytes(void)
{
    AUTO(arena) struct arena a = arena_make();
    struct problems problems;
    struct job_payload p = {.template_id = STR_EMPTY};
    struct job_parts parts;
    static const char payload[] =
        A("{\"type\":\"text\",\"value\":1},{\"type\":\"job\",\"a\":[7]}, {\"type\":\"j\\u006fb\"}");
    problems_init(&problems, &a);
    CHECK_OK(job_payload_read(str_from(payload), JOB_PAYLOAD_RENDER, STR_EMPTY, &a, &problems, &p));
    CHECK_EQ(p.assets.job_count, 2);
    CHECK_STR(p.assets.jobs[0].raw, "{\"type\":\"job\",\"a\":[7]}");
    CHECK_EQ(p.assets.jobs[0].index, 1);
    CHECK_EQ(p.assets.jobs[1].index, 2);
    CHECK_OK(job_parts_find(str_from(payload), &a, &parts));
    CHECK(!parts.assets[0].job && parts.assets[1].job && parts.assets[2].job);
    size_t seven = (size_t)(strchr(payload, '7') - payload);
    CHECK(job_parts_nested(&parts, seven) && !job_parts_exposes(&parts, seven));
    size_t one = (size_t)(strstr(payload, ":1}") - payload);
    CHECK(!job_parts_nested(&parts, one) && job_parts_exposes(&parts, one));
}

/* Keys are found whatever way they are written, and the places are those of the bytes. */
static void test_parts_are_found_by_their_bytes(void)
{
    AUTO(arena) struct arena a = arena_make();
    struct job_parts parts;
    static const char payload[] =
        "{\"\\u0075pload\": {\"a\":1} , \"template\":{\"src\":\"S\"},\"webhook\":{},\n"
        "\"assets\":[{\"type\":\"text\"}, {\"src\":\"X\",\"params\":{\"headers\":{\"k\":\"v\"}}}]}";
    CHECK_OK(job_parts_find(str_from(payload), &a, &parts));
    CHECK_STR(parts.upload, "{\"a\":1}");
    CHECK_STR(parts.webhook, "{}");
    CHECK_STR(parts.template_src, "\"S\"");
    CHECK_EQ(parts.asset_count, 2);
    CHECK(!parts.assets[0].src.ptr && !parts.assets[0].headers.ptr);
    CHECK_STR(parts.assets[1].src, "\"X\"");
    CHECK_STR(parts.assets[1].headers, "{\"k\":\"v\"}");
    CHECK(!job_parts_exposes(&parts, (size_t)(strstr(payload, "\"X\"") - payload)));
    CHECK(!job_parts_exposes(&parts, (size_t)(strstr(payload, "\"v\"") - payload)));
    CHECK(!job_parts_exposes(&parts, (size_t)(strstr(payload, "\"S\"") - payload)));
    CHECK(!job_parts_exposes(&parts, (size_t)(strstr(payload, "\"a\"") - payload)));
    CHECK(job_parts_exposes(&parts, (size_t)(strstr(payload, "text") - payload)));
}

int main(void)
{
    RUN(test_joins_and_nested_jobs_have_rules_of_their_own);
    RUN(test_nested_jobs_are_listed_with_their_bytes);
    RUN(test_parts_are_found_by_their_bytes);
    return test_done();
}
