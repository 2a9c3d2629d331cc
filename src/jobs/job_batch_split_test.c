#include "job_batch.h"
#include "json_scan.h"
#include "test.h"

static enum err split(struct str body, struct arena *a, struct problems *problems,
                      struct str **ret_jobs, size_t *ret_count)
{
    problems_init(problems, a);
    return job_batch_split(body, a, problems, ret_jobs, ret_count);
}

static void test_jobs_are_cut_out_as_they_stand(void)
{
    static const struct {
        const char *body, *first, *last;
        size_t count;
    } cases[] = {
        {"{\"jobs\":[{\"a\":1}]}", "{\"a\":1}", "{\"a\":1}", 1},
        {" { \"x\" : [1, {}] , \"jobs\" : [ {\"a\":\"]},{\"} ,\n7 ] } ", "{\"a\":\"]},{\"}", "7",
         2},
        {"{\"j\\u006fbs\":[null,[1]]}", "null", "[1]", 2},
        {"{\"\\\\jobs\":1,\"jobs\":[\"\\\"\"]}", "\"\\\"\"", "\"\\\"\"", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct problems problems;
        struct str *jobs = NULL;
        size_t count = 0;
        CHECK_OK(split(str_from(cases[i].body), &a, &problems, &jobs, &count));
        CHECK_EQ(count, cases[i].count);
        if (count) {
            CHECK_STR(jobs[0], cases[i].first);
            CHECK_STR(jobs[count - 1], cases[i].last);
        }
    }
}

static void test_what_is_no_batch_is_refused(void)
{
    static const struct {
        const char *body;
        enum err want;
    } cases[] = {
        {"", ERR_JSON},
        {"{", ERR_JSON},
        {"{\"jobs\":[{}]", ERR_JSON},
        {"{\"jobs\":[{}]}}", ERR_JSON},
        {"{\"jobs\":[{}]}x", ERR_JSON},
        {"{\"jobs\":[{}],}", ERR_JSON},
        {"{\"jobs\":[{},]}", ERR_JSON},
        {"{\"jobs\":[,{}]}", ERR_JSON},
        {"{\"jobs\":[{}{}]}", ERR_JSON},
        {"{\"jobs\":[{}.5]}", ERR_JSON},
        {"{\"jobs\":[{} x]}", ERR_JSON},
        {"{\"jobs\":[{}],\"jobs\":[{}]}", ERR_JSON},
        {"{\"jobs\":[{}],\"j\\u006fbs\":[{}]}", ERR_JSON},
        {"{\"jobs\":[{}],\"a\":1,\"a\":2}", ERR_JSON},
        {"{\"j\\xobs\":[{}]}", ERR_JSON},
        {"{\"jobs\\", ERR_JSON},
        {"{\"jobs\":[{}],\"a\":\"\xff\"}", ERR_JSON},
        {"\xef\xbb\xbf{\"jobs\":[{}]}", ERR_JSON},
        {"[]", ERR_INVALID},
        {"7", ERR_INVALID},
        {"{}", ERR_INVALID},
        {"{\"jobs\":[]}", ERR_INVALID},
        {"{\"jobs\":null}", ERR_INVALID},
        {"{\"jobs\":{}}", ERR_INVALID},
        {"{\"Jobs\":[{}]}", ERR_INVALID},
        {"{\"a\":{\"jobs\":[{}]}}", ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct problems problems;
        struct str *jobs;
        size_t count;
        enum err e = split(str_from(cases[i].body), &a, &problems, &jobs, &count);
        if (e != cases[i].want)
            printf("# %s\n", cases[i].body);
        CHECK_ERR(e, cases[i].want);
        CHECK_EQ(problems.count, 1);
    }
}

static void check_count(size_t count, enum err want)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf body = buf_make(65536);
    struct problems problems;
    struct str *jobs;
    size_t found = 0;
    CHECK_OK(buf_put(&body, STR("{\"jobs\":[")));
    for (size_t i = 0; i < count; i++)
        CHECK_OK(buf_put(&body, i ? STR(",{}") : STR("{}")));
    CHECK_OK(buf_put(&body, STR("]}")));
    CHECK_ERR(split(buf_str(&body), &a, &problems, &jobs, &found), want);
    CHECK_EQ(found, want == OK ? count : 0);
}

static void test_jobs_at_the_limit_and_one_past_it(void)
{
    check_count(BATCH_JOBS_MAX, OK);
    check_count(BATCH_JOBS_MAX + 1, ERR_INVALID);
}

/* A batch may hold more values than one document: each job has that limit for itself. */
static void test_values_are_counted_for_each_job(void)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf body = buf_make(4 * 1024 * 1024);
    struct problems problems;
    struct str *jobs;
    size_t count = 0;
    CHECK_OK(buf_put(&body, STR("{\"jobs\":[")));
    for (size_t job = 0; job < 3; job++) {
        CHECK_OK(buf_put(&body, job ? STR(",[") : STR("[")));
        for (size_t i = 0; i < JSON_NODES_MAX - 1; i++)
            CHECK_OK(buf_put(&body, i ? STR(",1") : STR("1")));
        CHECK_OK(buf_put(&body, STR("]")));
    }
    CHECK_OK(buf_put(&body, STR("]}")));
    CHECK_OK(split(buf_str(&body), &a, &problems, &jobs, &count));
    CHECK_EQ(count, 3);
    for (size_t i = 0; i < count; i++)
        CHECK_OK(json_valid(jobs[i], JSON_LIMITS_DEFAULT));
}

int main(void)
{
    RUN(test_jobs_are_cut_out_as_they_stand);
    RUN(test_what_is_no_batch_is_refused);
    RUN(test_jobs_at_the_limit_and_one_past_it);
    RUN(test_values_are_counted_for_each_job);
    return test_done();
}
