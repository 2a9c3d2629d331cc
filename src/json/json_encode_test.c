#include "json_encode.h"

#include <math.h>

#include "json_scan.h"
#include "test.h"

static void test_document(void)
{
    AUTO(buf) struct buf b = buf_make(4096);
    struct json_out o = json_out_make(&b);
    json_out_open(&o, '{');
    json_out_member_str(&o, "name", STR("a\"b"));
    json_out_member_int(&o, "n", -5);
    json_out_member_bool(&o, "yes", true);
    json_out_member_time(&o, "at", 1);
    json_out_member_time(&o, "never", 0);
    json_out_key(&o, "list");
    json_out_open(&o, '[');
    json_out_open(&o, '[');
    json_out_close(&o, ']');
    json_out_null(&o);
    json_out_null(&o);
    json_out_str(&o, STR("t"));
    json_out_raw(&o, STR("{\"raw\":1}"));
    json_out_bool(&o, false);
    json_out_close(&o, ']');
    json_out_key_str(&o, STR("k\n"));
    json_out_open(&o, '{');
    json_out_close(&o, '}');
    json_out_close(&o, '}');
    CHECK_OK(json_out_end(&o));
    CHECK_STR(buf_str(&b),
              "{\"name\":\"a\\\"b\",\"n\":-5,\"yes\":true,\"at\":\"1970-01-01T00:00:00.001Z\","
              "\"never\":null,\"list\":[[],null,null,\"t\",{\"raw\":1},false],\"k\\n\":{}}");
    CHECK_OK(json_valid(buf_str(&b), JSON_LIMITS_DEFAULT));
}

static void test_escapes(void)
{
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {{"", 0}, ""},
        {{"plain /text</script>", 20}, "plain /text</script>"},
        {{"\"\\\b\f\n\r\t", 7}, "\\\"\\\\\\b\\f\\n\\r\\t"},
        {{"\0\x01\x1f\x7f", 4}, "\\u0000\\u0001\\u001f\x7f"},
        {{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {{"a\xff", 2}, "a\xef\xbf\xbd"},
        {{"\xc3", 1}, "\xef\xbf\xbd"},
        {{"\xed\xa0\x80x", 4}, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx"},
        {{"0123456789abcdef\n0123456789abcdef\"", 34}, "0123456789abcdef\\n0123456789abcdef\\\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) struct buf b = buf_make(4096);
        CHECK_OK(json_escape(&b, cases[i].text));
        CHECK_STR(buf_str(&b), cases[i].want);
        CHECK_EQ(json_escaped_len(cases[i].text), strlen(cases[i].want));
    }
}

/* Whatever bytes go in, what comes out is a JSON string and has the promised length. */
static void test_escape_of_any_two_bytes_is_json(void)
{
    for (unsigned v = 0; v < 65536; v++) {
        char text[2] = {(char)(v >> 8), (char)v};
        AUTO(buf) struct buf b = buf_make(64);
        CHECK_OK(json_escape(&b, str_bytes(text, 2)));
        CHECK_EQ(b.len, json_escaped_len(str_bytes(text, 2)));
        AUTO(buf) struct buf quoted = buf_make(64);
        struct json_out o = json_out_make(&quoted);
        json_out_str(&o, str_bytes(text, 2));
        CHECK_OK(json_out_end(&o));
        bool nul = text[0] == 0 || text[1] == 0; /* written as \u0000, which we do not read */
        CHECK_ERR(json_valid(buf_str(&quoted), JSON_LIMITS_DEFAULT), nul ? ERR_JSON : OK);
    }
}

static void test_numbers_are_shortest(void)
{
    static const struct {
        double v;
        const char *want;
    } cases[] = {
        {0, "0"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100"},
        {-2.5, "-2.5"},
        {1e300, "1e+300"},
        {5e-324, "4.94065645841247e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {INFINITY, "null"},
        {NAN, "null"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) struct buf b = buf_make(64);
        struct json_out o = json_out_make(&b);
        json_out_number(&o, cases[i].v);
        CHECK_OK(json_out_end(&o));
        CHECK_STR(buf_str(&b), cases[i].want);
        if (isfinite(cases[i].v))
            CHECK(strtod(cases[i].want, NULL) == cases[i].v);
        CHECK_OK(json_valid(buf_str(&b), JSON_LIMITS_DEFAULT));
    }
}

static void test_integers_at_the_ends(void)
{
    AUTO(buf) struct buf b = buf_make(64);
    struct json_out o = json_out_make(&b);
    json_out_open(&o, '[');
    json_out_int(&o, INT64_MIN);
    json_out_int(&o, INT64_MAX);
    json_out_close(&o, ']');
    CHECK_STR(buf_str(&b), "[-9223372036854775808,9223372036854775807]");
}

static void test_full_buffer_is_an_error_that_sticks(void)
{
    for (size_t max = 1; max < 12; max++) {
        AUTO(buf) struct buf b = buf_make(max);
        struct json_out o = json_out_make(&b);
        json_out_open(&o, '[');
        json_out_str(&o, STR("12345678"));
        json_out_close(&o, ']');
        CHECK_ERR(json_out_end(&o), ERR_TOO_LARGE);
        json_out_int(&o, 1);
        CHECK_ERR(json_out_end(&o), ERR_TOO_LARGE);
    }
    AUTO(buf) struct buf b = buf_make(5);
    CHECK_ERR(json_escape(&b, STR("abcd\n")), ERR_TOO_LARGE);
    CHECK_EQ(b.len, 0);
}

int main(void)
{
    RUN(test_document);
    RUN(test_escapes);
    RUN(test_escape_of_any_two_bytes_is_json);
    RUN(test_numbers_are_shortest);
    RUN(test_integers_at_the_ends);
    RUN(test_full_buffer_is_an_error_that_sticks);
    return test_done();
}
