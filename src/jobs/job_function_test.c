#include "job_function.h"

#include "test.h"

static struct str expanded(const char *job, struct buf *out)
{
    buf_reset(out);
    CHECK_OK(job_function_expand(str_from(job), out));
    return buf_str(out);
}

#define N(layers, more)                                                                            \
    "{\"type\":\"function\",\"params\":{\"layerName\":" layers "," more "},\"name\":\"nx:a\"}"

static void test_each_layer_is_one_asset_in_its_place(void)
{
    static const struct {
        const char *job, *want;
    } cases[] = {
        {"{\"assets\":[1, " N("[\"a\",\"b\"]", "\"x\":1") " ,2],\"z\":0}",
         "{\"assets\":[1, " N("\"a\"", "\"x\":1") "," N("\"b\"", "\"x\":1") " ,2],\"z\":0}"},
        {"{\"assets\":[" N("[ \"a\" ]", "\"x\":1") "]}",
         "{\"assets\":[" N("\"a\"", "\"x\":1") "]}"},
        {"{\"assets\":[" N("[\"a\",\"b\"]", "\"x\":1") "," N("[\"c\",\"d\"]", "\"x\":2") "]}",
         "{\"assets\":[" N("\"a\"", "\"x\":1") "," N("\"b\"", "\"x\":1") "," N(
             "\"c\"", "\"x\":2") "," N("\"d\"", "\"x\":2") "]}"},
        {"{\"\\u0061ssets\":[{\"t\\u0079pe\":\"functi\\u006fn\",\"params\":{\"layerNam\\u0065\":"
         "[\"a\",\"b\"]}}]}",
         "{\"\\u0061ssets\":[{\"t\\u0079pe\":\"functi\\u006fn\",\"params\":{\"layerNam\\u0065\":"
         "\"a\"}},{\"t\\u0079pe\":\"functi\\u006fn\",\"params\":{\"layerNam\\u0065\":\"b\"}}]}"},
    };
    AUTO(buf) struct buf out = buf_make(4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_STR(expanded(cases[i].job, &out), cases[i].want);
}

static void test_everything_else_stays_byte_for_byte(void)
{
    static const char *const same[] = {
        "{}",
        "{\"assets\":[]}",
        "{\"assets\":null}",
        "{\"assets\":[1,\"a\",null,[]]}",
        "{\"assets\":[{\"type\":\"text\",\"params\":{\"layerName\":[\"a\",\"b\"]}}]}",
        "{\"assets\":[" N("\"a\"", "\"x\":[1,2]") "]}",
        "{\"assets\":[" N("[]", "\"x\":1") "]}",
        "{\"assets\":[{\"type\":\"function\",\"layerName\":[\"a\"]}]}",
        "{\"assets\":[{\"type\":\"function\",\"params\":null}]}",
        "{\"other\":[" N("[\"a\",\"b\"]", "\"x\":1") "]}",
        "{\"assets\":[{\"type\":\"data\",\"value\":{\"type\":\"function\",\"params\":"
        "{\"layerName\":"
        "[\"a\",\"b\"]}}}]}",
    };
    AUTO(buf) struct buf out = buf_make(4096);
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        CHECK_STR(expanded(same[i], &out), same[i]);
}

static void test_sizes_are_those_of_the_expansion(void)
{
    static const char one[] = N("\"a\"", "\"x\":1");
    static const char assets[] = "[1," N("[\"a\",\"b\"]", "\"x\":1") ",\"abc\"]";
    size_t count, bytes;
    job_function_size(str_from(assets), &count, &bytes);
    CHECK_EQ(count, 4);
    CHECK_EQ(bytes, 1 + 2 * (sizeof one - 1) + 5);
}

static void test_the_maximum_holds(void)
{
    AUTO(buf) struct buf out = buf_make(100);
    CHECK_ERR(job_function_expand(STR("{\"assets\":[" N("[\"a\",\"b\"]", "\"x\":1") "]}"), &out),
              ERR_TOO_LARGE);
}

int main(void)
{
    RUN(test_each_layer_is_one_asset_in_its_place);
    RUN(test_everything_else_stays_byte_for_byte);
    RUN(test_sizes_are_those_of_the_expansion);
    RUN(test_the_maximum_holds);
    return test_done();
}
