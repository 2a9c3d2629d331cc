#include "job_stock.h"

#include "job_stock_read.h"
#include "test.h"

#define SRC    "\"src\":\"https://h/t.aep\""
#define JOB(x) "{\"template\":{\"id\":\"x\"," SRC ",\"composition\":\"c\"}" x "}"
#define ONE(x) JOB(",\"assets\":[{" x "}]")

static struct arena arena;

static struct str why(const char *payload, const struct template_row *stored)
{
    struct str text = STR("?");
    bool mogrt;
    CHECK_OK(job_stock_cannot(str_from(payload), stored, &arena, &text, &mogrt));
    return text;
}

static void test_what_can_be_said(void)
{
    static const char *const good[] = {
        JOB(""),
        JOB(",\"assets\":[]"),
        ONE("\"type\":\"text\",\"layerName\":\"a\",\"value\":\"v\""),
        ONE("\"type\":\"data\",\"layerIndex\":1,\"property\":\"p\",\"value\":0"),
        ONE("\"type\":\"image\",\"layerName\":\"a\",\"src\":\"https://h/\""),
        ONE("\"type\":\"static\",\"src\":\"https://h/\""),
        ONE("\"type\":\"script\",\"value\":\"x\""),
        ONE("\"type\":\"job\",\"layerName\":\"a\",\"template\":{\"id\":\"y\"}"),
        JOB(",\"settings\":{\"type\":\"image\",\"frames\":5}"),
        JOB(",\"settings\":{\"type\":\"image\",\"frames\":[5,5]}"),
        JOB(",\"settings\":{\"type\":\"video\",\"frames\":[5,9]}"),
        "{\"template\":{\"id\":\"x\",\"src\":\"https://h/T.MOGRT?x\"},\"assets\":[{\"type\":"
        "\"essential\",\"layerName\":\"n\",\"value\":1}]}",
        "{\"template\":{\"id\":\"x\",\"type\":\"mogrt\",\"src\":\"${secret.T}\"}}",
        "{\"template\":{\"id\":\"x\",\"src\":\"https://h/t.zip\",\"composition\":\"c\","
        "\"decompressed\":\"a/b.aep\"}}",
        "{\"template\":{\"id\":\"x\",\"src\":\"${secret.T}\",\"composition\":\"c\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK_STR(why(good[i], NULL), "");
}

static void test_what_cannot(void)
{
    static const struct {
        const char *payload, *why;
    } bad[] = {
        {"{}", "has no template"},
        {"{\"template\":null}", "has no template"},
        {"{\"template\":{\"id\":\"x\",\"composition\":\"c\"}}", "has no template"},
        {"{\"template\":{\"id\":\"x\",\"src\":\"\",\"composition\":\"c\"}}", "has no template"},
        {"{\"template\":{\"id\":\"x\"," SRC "}}", "names no composition"},
        {"{\"template\":{\"id\":\"x\"," SRC ",\"composition\":\"\"}}", "names no composition"},
        {"{\"template\":{\"id\":\"x\"," SRC ",\"composition\":null}}", "names no composition"},
        {ONE("\"type\":\"text\",\"value\":\"v\""), "has an asset without a layerName"},
        {ONE("\"type\":\"text\",\"layerName\":\"\",\"value\":\"v\""),
         "has an asset without a layerName"},
        {ONE("\"type\":\"video\",\"src\":\"https://h/\""), "has an asset without a layerName"},
        {ONE("\"type\":\"job\",\"template\":{\"id\":\"y\"}"), "has an asset without a layerName"},
        {ONE("\"type\":\"data\",\"layerName\":\"a\",\"value\":1"),
         "has a data asset without a property"},
        {ONE("\"type\":\"function\",\"name\":\"nx:layer-remove\""), "has a function asset"},
        {ONE("\"type\":\"script\",\"value\":{\"a\":1}"), "has a script that is no text"},
        {ONE("\"type\":\"essential\",\"layerName\":\"a\",\"value\":1"),
         "has an essential asset, and its template is no mogrt"},
        {"{\"template\":{\"id\":\"x\",\"src\":\"https://h/t.mogrt\"},\"assets\":[{\"type\":"
         "\"essential\",\"layerName\":\"${secret.A}\",\"value\":1}]}",
         "has an essential asset without a plain layerName"},
        {JOB(",\"settings\":{\"type\":\"aep\"}"), "makes a project, not a file that is rendered"},
        {JOB(",\"settings\":{\"type\":\"image\",\"frames\":[1,2]}"), "makes more than one image"},
        {"{\"template\":{\"id\":\"x\",\"src\":\"https://h/t.zip\",\"composition\":\"c\"}}",
         "has a zip as its template, and template.decompressed does not say which project in it"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_STR(why(bad[i].payload, NULL), bad[i].why);
}

static void test_a_stored_template_is_what_its_row_says(void)
{
    struct template_row row = {.type = TEMPLATE_MOGRT};
    CHECK_STR(why("{\"template\":{\"id\":\"x\"}}", &row), "");
    row.type = TEMPLATE_AEP;
    CHECK_STR(why("{\"template\":{\"id\":\"x\"}}", &row), "names no composition");
    CHECK_STR(why("{\"template\":{\"id\":\"x\",\"composition\":\"c\"}}", &row), "");
    row.type = TEMPLATE_ZIP;
    CHECK(why("{\"template\":{\"id\":\"x\",\"composition\":\"c\"}}", &row).len > 0);
}

static void test_extensions_of_addresses(void)
{
    static const struct {
        const char *src, *extension;
    } cases[] = {
        {"\"https://h/a.png\"", ".png"},
        {"\"https://h/a.PNG?b.c\"", ".PNG"},
        {"\"https://h/a.tar.gz#x\"", ".gz"},
        {"\"https://h/a?x=b.png\"", ""},
        {"\"https://h/a.${secret.X}\"", ""},
        {"\"https://h/${secret.X}.mov\"", ".mov"},
        {"\"https://h/a.\"", ""},
        {"\"https://h/a.b/c\"", ""},
        {"\"https://h/a.123456789\"", ""},
        {"\"https://h/a.p\\u006eg\"", ""},
        {"\"${secret.X}\"", ""},
        {"\"\"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_STR(job_stock_extension(str_from(cases[i].src), &arena), cases[i].extension);
}

static void test_states(void)
{
    enum job_stock_word word;
    CHECK(job_stock_word_from(STR("render:dorender"), &word) && word == STOCK_ALIVE);
    CHECK(job_stock_word_from(STR("started"), &word) && word == STOCK_ALIVE);
    CHECK(job_stock_word_from(STR("queued"), &word) && word == STOCK_QUEUED);
    CHECK(job_stock_word_from(STR("finished"), &word) && word == STOCK_FINISHED);
    CHECK(job_stock_word_from(STR("error"), &word) && word == STOCK_ERROR);
    static const char *const none[] = {"", "Finished", "render", "finished ", "done", "pending"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        CHECK(!job_stock_word_from(str_from(none[i]), &word));
}

static void test_where_logs_are(void)
{
    enum job_stock_log where;
    CHECK(job_stock_log_from(STR("off"), &where) && where == JOB_STOCK_LOG_OFF);
    CHECK(job_stock_log_from(STR("temp"), &where) && where == JOB_STOCK_LOG_TEMP);
    CHECK(job_stock_log_from(STR("project"), &where) && where == JOB_STOCK_LOG_PROJECT);
    CHECK(!job_stock_log_from(STR(""), &where) && !job_stock_log_from(STR("Temp"), &where));
}

#define FARM(t, x) "{\"template\":{" SRC ",\"composition\":\"c\"" t "}" x "}"

static void test_jobs_of_the_farm_become_ours(void)
{
    static const struct {
        const char *v1, *v2;
    } cases[] = {
        {FARM("", ""), "{\"template\":{\"id\":\"v1\"," SRC ",\"composition\":\"c\"}}"},
        {FARM(",\"id\":\"y\"", ",\"uid\":\"u\",\"tags\":\"a\",\"priority\":2,\"assets\":[ 1 ]"),
         "{\"template\":{" SRC ",\"composition\":\"c\",\"id\":\"y\"},\"assets\":[ 1 ],"
         "\"tags\":\"a\",\"priority\":2}"},
        {FARM(",\"id\":null,\"outputExt\":\"mov\"", ",\"actions\":{\"postrender\":[]}"),
         "{\"template\":{\"id\":\"v1\"," SRC ",\"composition\":\"c\",\"outputExt\":\"mov\"},"
         "\"settings\":{\"type\":\"video\",\"codec\":\"video_prores_422\"}}"},
        {FARM(",\"outputExt\":\"jpeg\",\"frameStart\":7,\"frameEnd\":7", ""),
         "{\"template\":{\"id\":\"v1\"," SRC ",\"composition\":\"c\",\"outputExt\":\"jpeg\","
         "\"frameStart\":7,\"frameEnd\":7},\"settings\":{\"type\":\"image\",\"codec\":"
         "\"image_jpeg\",\"frames\":7}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct problems problems;
        struct str payload = STR("?");
        problems_init(&problems, &arena);
        CHECK_OK(job_stock_accept(str_from(cases[i].v1), &arena, &problems, &payload));
        CHECK_STR(payload, cases[i].v2);
    }
}

static void test_what_is_no_job_of_the_farm(void)
{
    static const struct {
        const char *v1, *field;
    } cases[] = {
        {"{}", "template"},
        {"{\"template\":{}}", "/template/src"},
        {"{\"template\":{" SRC "}}", "/template/composition"},
        {FARM(",\"outputExt\":\"avi\"", ""), "/template/outputExt"},
        {FARM(",\"outputExt\":\"png\"", ""), "/template/frameStart"},
        {FARM(",\"outputExt\":\"png\",\"frameStart\":1,\"frameEnd\":2", ""),
         "/template/frameStart"},
        {FARM("", ",\"assets\":{}"), "assets"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct problems problems;
        struct str payload;
        problems_init(&problems, &arena);
        CHECK_ERR(job_stock_accept(str_from(cases[i].v1), &arena, &problems, &payload),
                  ERR_INVALID);
        CHECK(problems.count > 0);
        if (problems.count)
            CHECK_STR(problems.list[0].field, cases[i].field);
    }
}

static void test_actions_are_found(void)
{
    CHECK(!job_stock_has_actions(STR("{}")));
    CHECK(!job_stock_has_actions(STR("{\"actions\":null}")));
    CHECK(!job_stock_has_actions(STR("{\"actions\":{}}")));
    CHECK(!job_stock_has_actions(STR("{\"actions\":{\"prerender\":[],\"x\":[]}}")));
    CHECK(job_stock_has_actions(STR("{\"actions\":{\"prerender\":[],\"x\":[{}]}}")));
    CHECK(!job_stock_has_actions(STR("{\"actions\":[1]}"))); /* refused later, with its place */
    CHECK(!job_stock_has_actions(STR("[")));
}

static void test_which_workers_take_a_mogrt(void)
{
    static const struct {
        const char *agent;
        bool takes;
    } cases[] = {{"nexrender-api/1.62.0 nexrender-worker/1.62.2", true},
                 {"nexrender-worker/1.0", true},
                 {"nexrender-worker/1.62.0-beta node", true},
                 {"nexrender-api/1.62.0 nexrender-worker/1.63.0", false},
                 {"nexrender-worker/1.100.1", false},
                 {"nexrender-worker/2.0.0", false},
                 {"nexrender-worker/1", false},
                 {"nexrender-worker/", false},
                 {"nexrender-worker/1.99999999999999999999", false},
                 {"nexrender-api/1.62.0", false},
                 {"", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_EQ(job_stock_takes_mogrt(str_from(cases[i].agent)), cases[i].takes);
    job_stock_set_mogrt(true);
    CHECK(job_stock_takes_mogrt(STR_EMPTY));
    job_stock_set_mogrt(false);
}

int main(void)
{
    arena = arena_make();
    RUN(test_what_can_be_said);
    RUN(test_what_cannot);
    RUN(test_a_stored_template_is_what_its_row_says);
    RUN(test_extensions_of_addresses);
    RUN(test_states);
    RUN(test_where_logs_are);
    RUN(test_jobs_of_the_farm_become_ours);
    RUN(test_what_is_no_job_of_the_farm);
    RUN(test_actions_are_found);
    RUN(test_which_workers_take_a_mogrt);
    arena_auto(&arena);
    return test_done();
}
