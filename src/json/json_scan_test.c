#include "json_scan.h"

#include "alloc.h"
#include "json_oracle.h"
#include "test.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct str accepted[] = {
    TEXT("{}"),
    TEXT("[]"),
    TEXT("null"),
    TEXT(" \t\r\n[ 1 , 2 ]\r\n\t "),
    TEXT("\"\""),
    TEXT("\"a\\u0041\\ud83d\\ude00\\/\\\"\\\\\\b\\f\\n\\r\\t\""),
    TEXT(
        "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
    TEXT("\"\x7f\""),
    TEXT("[0,-0,0.5,-1.25e+10,1E5,1e-400,123456789012345678]"),
    TEXT("{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}}}"),
    TEXT("{\"a\":1,\"A\":2,\"\":3,\"b\":4}"),
    TEXT("[true,false,null,\"${secret.A}\"]"),
    TEXT("[1.7976931348623157e308,-1.7976931348623158e308]"),
    TEXT("[0e999999999999,0.000e400,1e-99999999999999999999]"),
    TEXT("[0.00000000000000000000001e320]"),
    TEXT("\"0123456789abcde\\n0123456789abcdef0123456789abcdef\""),
};

struct refusal {
    struct str text;
    size_t offset;
    const char *why;
};

static const struct refusal refused[] = {
    {TEXT(""), 0, "the text ends too early"},
    {TEXT("  "), 2, "the text ends too early"},
    {TEXT("\xef\xbb\xbf{}"), 0, "unexpected character"},
    {TEXT("{"), 1, "the text ends too early"},
    {TEXT("["), 1, "the text ends too early"},
    {TEXT("[1"), 2, "the text ends too early"},
    {TEXT("[1,]"), 3, "unexpected character"},
    {TEXT("[,1]"), 1, "unexpected character"},
    {TEXT("[1 2]"), 3, "unexpected character"},
    {TEXT("[1}"), 2, "unexpected character"},
    {TEXT("{]"), 1, "unexpected character"},
    {TEXT("{\"a\"}"), 4, "unexpected character"},
    {TEXT("{\"a\":}"), 5, "unexpected character"},
    {TEXT("{\"a\":1,}"), 7, "unexpected character"},
    {TEXT("{\"a\" 1}"), 5, "unexpected character"},
    {TEXT("{a:1}"), 1, "unexpected character"},
    {TEXT("{1:1}"), 1, "unexpected character"},
    {TEXT("{'a':1}"), 1, "unexpected character"},
    {TEXT("{\"a\":1 \"b\":2}"), 7, "unexpected character"},
    {TEXT("{} {}"), 3, "more text follows the document"},
    {TEXT("1 2"), 2, "more text follows the document"},
    {TEXT("{}\0"), 2, "more text follows the document"},
    {TEXT("]"), 0, "unexpected character"},
    {TEXT("tru"), 0, "unknown word"},
    {TEXT("True"), 0, "unexpected character"},
    {TEXT("nulL"), 0, "unknown word"},
    {TEXT("NaN"), 0, "unexpected character"},
    {TEXT("Infinity"), 0, "unexpected character"},
    {TEXT("// c\n1"), 0, "unexpected character"},
    {TEXT("\v1"), 0, "unexpected character"},
    {TEXT("\xc2\xa0"
          "1"),
     0, "unexpected character"},
    {TEXT("01"), 1, "more text follows the document"},
    {TEXT("[01]"), 2, "unexpected character"},
    {TEXT("-"), 0, "malformed number"},
    {TEXT("[-a]"), 1, "malformed number"},
    {TEXT("+1"), 0, "unexpected character"},
    {TEXT(".5"), 0, "unexpected character"},
    {TEXT("1."), 0, "malformed number"},
    {TEXT("1.e5"), 0, "malformed number"},
    {TEXT("1e"), 0, "malformed number"},
    {TEXT("1e+"), 0, "malformed number"},
    {TEXT("0x10"), 1, "more text follows the document"},
    {TEXT("1e400"), 0, "a number is out of range"},
    {TEXT("-1e400"), 0, "a number is out of range"},
    {TEXT("1e309"), 0, "a number is out of range"},
    {TEXT("1.7976931348623159e308"), 0, "a number is out of range"},
    {TEXT("1e99999999999999999999999999"), 0, "a number is out of range"},
    {TEXT("0.00001e320"), 0, "a number is out of range"},
    {TEXT("\""), 1, "the text ends inside a string"},
    {TEXT("\"abc"), 4, "the text ends inside a string"},
    {TEXT("\"\\"), 1, "the text ends inside a string"},
    {TEXT("\"\\\""), 3, "the text ends inside a string"},
    {TEXT("\"\\a\""), 1, "unknown escape"},
    {TEXT("\"\\0\""), 1, "unknown escape"},
    {TEXT("\"\\'\""), 1, "unknown escape"},
    {TEXT("\"\\u12\""), 1, "\\u is not followed by four hexadecimal digits"},
    {TEXT("\"\\u12g4\""), 1, "\\u is not followed by four hexadecimal digits"},
    {TEXT("\"\\U0041\""), 1, "unknown escape"},
    {TEXT("\"\\u0000\""), 1, "\\u0000 is not accepted"},
    {TEXT("{\"a\\u0000b\":1}"), 3, "\\u0000 is not accepted"},
    {TEXT("\"\\ud800\""), 1, "a surrogate stands alone"},
    {TEXT("\"\\udc00\""), 1, "a surrogate stands alone"},
    {TEXT("\"\\ud800\\ud800\""), 1, "a surrogate stands alone"},
    {TEXT("\"\\ud800\\n\""), 1, "a surrogate stands alone"},
    {TEXT("\"\\ud83d\\u0041\""), 1, "a surrogate stands alone"},
    {TEXT("\"\n\""), 1, "a control character stands in a string"},
    {TEXT("\"a\0b\""), 2, "a control character stands in a string"},
    {TEXT("\"0123456789abcdef\x1f\""), 17, "a control character stands in a string"},
    {TEXT("\"\xff\""), 1, "invalid UTF-8"},
    {TEXT("\"\x80\""), 1, "invalid UTF-8"},
    {TEXT("\"\xc0\x80\""), 1, "invalid UTF-8"},
    {TEXT("\"\xc1\xbf\""), 1, "invalid UTF-8"},
    {TEXT("\"\xe0\x9f\xbf\""), 1, "invalid UTF-8"},
    {TEXT("\"\xed\xa0\x80\""), 1, "invalid UTF-8"},
    {TEXT("\"\xf0\x8f\xbf\xbf\""), 1, "invalid UTF-8"},
    {TEXT("\"\xf4\x90\x80\x80\""), 1, "invalid UTF-8"},
    {TEXT("\"\xc2\""), 1, "invalid UTF-8"},
    {TEXT("\"\xe2\x82"), 1, "invalid UTF-8"},
    {TEXT("\"0123456789abcdef0123456789abcd\xe2\x82\""), 31, "invalid UTF-8"},
    {TEXT("{\"a\":1,\"a\":2}"), 7, "duplicate key"},
    {TEXT("{\"a\":1,\"\\u0061\":2}"), 7, "duplicate key"},
    {TEXT("{\"\\u0061\":1,\"a\":2}"), 12, "duplicate key"},
    {TEXT("{\"\\n\":1,\"\\u000A\":2}"), 8, "duplicate key"},
    {TEXT("{\"\":1,\"\":2}"), 6, "duplicate key"},
    {TEXT("{\"a\":{\"x\":1,\"y\":2},\"b\":[],\"a\":3}"), 26, "duplicate key"},
    {TEXT("[{\"a\":1},{\"b\":1,\"b\":2}]"), 16, "duplicate key"},
};

static struct json_scan *run(struct str text, struct json_limits limits, enum err *ret_err)
{
    struct json_scan *scan = json_scan_new(text, limits);
    struct json_token token;
    do
        *ret_err = json_scan_next(scan, &token);
    while (*ret_err == OK && token.type != JSON_END);
    return scan;
}

static void test_documents_are_accepted(void)
{
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        CHECK_OK(json_valid(accepted[i], JSON_LIMITS_DEFAULT));
        CHECK_EQ(json_opinion_of_jansson(accepted[i]), JSON_ACCEPTED);
    }
}

static void test_documents_are_refused_with_reason_and_position(void)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        enum err e;
        AUTOP(json_scan)
        struct json_scan *scan = run(refused[i].text, JSON_LIMITS_DEFAULT, &e);
        struct json_token token;
        CHECK_ERR(e, ERR_JSON);
        CHECK_STR(str_from(json_scan_why(scan)), refused[i].why);
        if (json_scan_offset(scan) != refused[i].offset)
            printf("# refused[%zu]\n", i);
        CHECK_EQ(json_scan_offset(scan), refused[i].offset);
        CHECK_ERR(json_scan_next(scan, &token), ERR_JSON); /* it stays failed */
        CHECK_EQ(json_scan_offset(scan), refused[i].offset);
        CHECK(json_opinion_of_jansson(refused[i].text) != JSON_ACCEPTED);
    }
}

/* Every prefix and every changed byte of a rich document: the same verdict as the oracle's. The
 * copies have exactly the text's size, so that the sanitizer sees a read past the end. */
static void test_oracle_agrees_on_flips_and_truncations(void)
{
    static const struct str sample =
        TEXT("{\"a\\u0062\\ud83d\\ude00\":[1,-2.5e+3,true,null,\"\xe2\x82\xac\\n\"],"
             " \"upload\":{\"k\":\"${secret.A}\",\"empty\":{},\"list\":[[],[{}]]}}");
    for (size_t len = 0; len <= sample.len; len++) {
        char *copy = xmalloc(len + 1);
        memcpy(copy, sample.ptr, len);
        CHECK(json_oracle_agrees(str_bytes(copy, len)));
        free(copy);
    }
    for (size_t at = 0; at < sample.len; at++) {
        for (int byte = 0; byte < 256; byte++) {
            AUTO(mem) char *copy = xmalloc(sample.len);
            memcpy(copy, sample.ptr, sample.len);
            copy[at] = (char)byte;
            bool agrees = json_oracle_agrees(str_bytes(copy, sample.len));
            if (!agrees)
                printf("# byte %zu as %d\n", at, byte);
            CHECK(agrees);
        }
    }
}

static void test_oracle_difference_big_integers_are_kept(void)
{
    struct str big =
        STR("[9223372036854775808,-9223372036854775809,123456789012345678901234567890]");
    CHECK_OK(json_valid(big, JSON_LIMITS_DEFAULT));
    CHECK_EQ(json_opinion_of_jansson(big), JSON_NOT_COMPARED);
}

static void test_tokens_have_positions_and_depth(void)
{
    static const struct {
        enum json_token_type type;
        size_t begin, end;
        unsigned depth;
        const char *raw;
        bool escaped, dollar;
    } want[] = {
        {JSON_OBJECT_BEGIN, 0, 1, 0, "", false, false},
        {JSON_KEY, 2, 7, 1, "a\\n", true, false},
        {JSON_ARRAY_BEGIN, 9, 10, 1, "", false, false},
        {JSON_NUMBER, 10, 14, 2, "-1e2", false, false},
        {JSON_STRING, 15, 19, 2, "$x", false, true},
        {JSON_OBJECT_BEGIN, 20, 21, 2, "", false, false},
        {JSON_OBJECT_END, 21, 22, 2, "", false, false},
        {JSON_ARRAY_END, 22, 23, 1, "", false, false},
        {JSON_KEY, 24, 27, 1, "$", false, true},
        {JSON_TRUE, 28, 32, 1, "", false, false},
        {JSON_OBJECT_END, 32, 33, 0, "", false, false},
        {JSON_END, 34, 34, 0, "", false, false},
        {JSON_END, 34, 34, 0, "", false, false},
    };
    struct str text = STR("{ \"a\\n\": [-1e2,\"$x\",{}],\"$\":true} ");
    AUTOP(json_scan) struct json_scan *scan = json_scan_new(text, JSON_LIMITS_DEFAULT);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        struct json_token t = {0};
        CHECK_OK(json_scan_next(scan, &t));
        CHECK_EQ(t.type, want[i].type);
        CHECK_EQ(t.begin, want[i].begin);
        CHECK_EQ(t.end, want[i].end);
        CHECK_EQ(t.depth, want[i].depth);
        CHECK_EQ(t.escaped, want[i].escaped);
        CHECK_EQ(t.dollar, want[i].dollar);
        CHECK_STR(t.raw, want[i].raw);
    }
}

/* Strings of each length around the 16-byte steps, with a special byte at each place. */
static void test_string_steps_find_every_byte(void)
{
    for (size_t len = 0; len < 70; len++) {
        for (size_t at = 0; at < len; at++) {
            char *text = xmalloc(len + 2);
            struct json_token t;
            memset(text, 'x', len + 2);
            text[0] = text[len + 1] = '"';
            text[1 + at] = '$';
            struct json_scan *scan = json_scan_new(str_bytes(text, len + 2), JSON_LIMITS_DEFAULT);
            CHECK_OK(json_scan_next(scan, &t));
            CHECK(t.dollar && !t.escaped && t.raw.len == len);
            json_scan_free(&scan);
            text[1 + at] = '\x01';
            scan = json_scan_new(str_bytes(text, len + 2), JSON_LIMITS_DEFAULT);
            CHECK_ERR(json_scan_next(scan, &t), ERR_JSON);
            CHECK_EQ(json_scan_offset(scan), 1 + at);
            json_scan_free(&scan);
            free(text);
        }
    }
    /* A '$' behind the closing quote is not the string's. */
    struct json_token t;
    AUTOP(json_scan)
    struct json_scan *scan =
        json_scan_new(STR("[\"abc\",\"$\"              ]"), JSON_LIMITS_DEFAULT);
    CHECK_OK(json_scan_next(scan, &t));
    CHECK_OK(json_scan_next(scan, &t));
    CHECK(!t.dollar);
}

static void fill(struct buf *b, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        CHECK_OK(buf_put(b, str_from(text)));
}

static void test_depth_limit(void)
{
    for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        AUTO(buf) struct buf b = buf_make(1 << 20);
        fill(&b, "[", depth);
        fill(&b, "]", depth);
        CHECK_ERR(json_valid(buf_str(&b), JSON_LIMITS_DEFAULT),
                  depth <= JSON_DEPTH_MAX ? OK : ERR_JSON);
    }
    AUTO(buf) struct buf b = buf_make(1 << 20);
    enum err e;
    fill(&b, "{\"a\":", 100000);
    AUTOP(json_scan) struct json_scan *scan = run(buf_str(&b), JSON_LIMITS_DEFAULT, &e);
    CHECK_STR(str_from(json_scan_why(scan)), "nested too deeply");
}

static void test_value_limit(void)
{
    struct json_limits three = {4, 3};
    CHECK_OK(json_valid(STR("[1,2]"), three));
    CHECK_ERR(json_valid(STR("[1,2,3]"), three), ERR_JSON);
    CHECK_ERR(json_valid(STR("{\"a\":[{}],\"b\":0}"), three), ERR_JSON);
    AUTO(buf) struct buf b = buf_make(64 << 20);
    enum err e;
    fill(&b, "[", 1);
    fill(&b, "\"\",", 10 * 1000 * 1000);
    AUTOP(json_scan) struct json_scan *scan = run(buf_str(&b), JSON_LIMITS_DEFAULT, &e);
    CHECK_STR(str_from(json_scan_why(scan)), "too many values");
    CHECK_EQ(json_scan_offset(scan), 1 + 3 * (JSON_NODES_MAX - 1));
}

static void test_duplicates_in_large_objects(void)
{
    enum { KEYS = 5000 };
    for (size_t again = 0; again <= KEYS; again += 250) {
        AUTO(buf) struct buf b = buf_make(1 << 20);
        CHECK_OK(buf_put(&b, STR("[{\"k1\":0},{")));
        for (size_t i = 0; i < KEYS; i++)
            CHECK_OK(buf_printf(&b, "\"k%zu\":{\"k%zu\":0},", i, i));
        CHECK_OK(buf_printf(&b, "\"\\u006b%zu\":0}]", again));
        CHECK_ERR(json_valid(buf_str(&b), JSON_LIMITS_DEFAULT), again < KEYS ? ERR_JSON : OK);
    }
}

static void test_duplicates_around_the_change_to_hashing(void)
{
    for (size_t keys = 1; keys < 40; keys++) {
        for (size_t again = 0; again <= keys; again++) {
            AUTO(buf) struct buf b = buf_make(1 << 20);
            CHECK_OK(buf_put(&b, STR("{")));
            for (size_t i = 0; i < keys; i++)
                CHECK_OK(buf_printf(&b, "\"%zu\":0,", i));
            CHECK_OK(buf_printf(&b, "\"%zu\":0}", again));
            CHECK_ERR(json_valid(buf_str(&b), JSON_LIMITS_DEFAULT), again < keys ? ERR_JSON : OK);
        }
    }
}

static void test_skip_passes_over_a_value(void)
{
    AUTOP(json_scan)
    struct json_scan *scan =
        json_scan_new(STR("{\"a\":[1,{\"b\":[]}],\"c\":2}"), JSON_LIMITS_DEFAULT);
    struct json_token t;
    size_t end = 0;
    CHECK_OK(json_scan_next(scan, &t));
    CHECK_OK(json_scan_next(scan, &t));
    CHECK_OK(json_scan_next(scan, &t));
    CHECK_OK(json_scan_skip(scan, &t, &end));
    CHECK_EQ(end, 17);
    CHECK_OK(json_scan_next(scan, &t));
    CHECK_STR(t.raw, "c");
    CHECK_OK(json_scan_next(scan, &t));
    CHECK_OK(json_scan_skip(scan, &t, &end));
    CHECK_EQ(end, 23);
    AUTOP(json_scan)
    struct json_scan *cut = json_scan_new(STR("[[1,2"), JSON_LIMITS_DEFAULT);
    CHECK_OK(json_scan_next(cut, &t));
    CHECK_ERR(json_scan_skip(cut, &t, &end), ERR_JSON);
}

static void test_unescape(void)
{
    AUTO(buf) struct buf b = buf_make(64);
    CHECK_OK(json_unescape(STR("a\\u00e9\\n\\/\\u20AC\\ud83d\\ude00\\\"z"), &b));
    CHECK_STR(buf_str(&b), "a\xc3\xa9\n/\xe2\x82\xac\xf0\x9f\x98\x80\"z");
    AUTO(buf) struct buf small = buf_make(3);
    CHECK_OK(json_unescape(STR("\\u0041\\u0042\\u0043"), &small)); /* what counts is the result */
    CHECK_ERR(json_unescape(STR("d"), &small), ERR_TOO_LARGE);
    CHECK_STR(buf_str(&small), "ABC");
}

int main(void)
{
    RUN(test_documents_are_accepted);
    RUN(test_documents_are_refused_with_reason_and_position);
    RUN(test_oracle_agrees_on_flips_and_truncations);
    RUN(test_oracle_difference_big_integers_are_kept);
    RUN(test_tokens_have_positions_and_depth);
    RUN(test_string_steps_find_every_byte);
    RUN(test_depth_limit);
    RUN(test_value_limit);
    RUN(test_duplicates_in_large_objects);
    RUN(test_duplicates_around_the_change_to_hashing);
    RUN(test_skip_passes_over_a_value);
    RUN(test_unescape);
    return test_done();
}
