#include "redact_encode.h"

#include "encode.h"
#include "limit.h"
#include "random.h"
#include "test.h"

static bool has(const struct redact_patterns *p, struct str text)
{
    for (size_t i = 0; i < p->count; i++) {
        if (str_equal(str_bytes(redact_pattern_ptr(p, i), p->list[i].len), text))
            return true;
    }
    return false;
}

static const struct {
    const char *value, *pattern;
} encoded[] = {
    {"hunter22", "hunter22"},
    {"hunter22", "68756e7465723232"},
    {"hunter22", "68756E7465723232"},
    {"  key 1\n", "key 1"},
    {"  key 1\n", "  key 1"},   /* line breaks at the ends are not masked */
    {"ab\r\ncd\nef", "abcdef"}, /* nor are they looked at inside */
    {"hunter22", "22retnuh"},
    {"hunter22", "68:75:6e:74:65:72:32:32"},
    {"hunter22", "68 75 6E 74 65 72 32 32"},
    {"hunter22", "68-75-6e-74-65-72-32-32"},
    {"hunter22", "\\x68\\x75\\x6e\\x74\\x65\\x72\\x32\\x32"},
    {"hunter22", "0x68, 0x75, 0x6e, 0x74, 0x65, 0x72, 0x32, 0x32"},
    {"hunter22", "104,117,110,116,101,114,50,50"},
    {"hunter22", "%68%75%6e%74%65%72%32%32"},
    {"hunter22", "%2568%2575%256E%2574%2565%2572%2532%2532"},
    {"hunter22", "\\u0068\\u0075\\u006e\\u0074\\u0065\\u0072\\u0032\\u0032"},
    {"hunter22", "&#104;&#117;&#110;&#116;&#101;&#114;&#50;&#50;"},
    {"hunter22", "&#00104;&#00117;&#00110;&#00116;&#00101;&#00114;&#00050;&#00050;"},
    {"hunter22", "&#x68;&#x75;&#x6E;&#x74;&#x65;&#x72;&#x32;&#x32;"},
    {"hunter22", "&#x0068;&#x0075;&#x006e;&#x0074;&#x0065;&#x0072;&#x0032;&#x0032;"},
    {"hunter22", "680075006e00740065007200320032"},
    {"hunter22", "aAB1AG4AdABlAHIAMgAy"}, /* base64 of UTF-16 */
    {"a<b>c&d'e\"f", "a&lt;b&gt;c&amp;d&#39;e&quot;f"},
    {"a<b>c&d'e\"f", "a&lt;b&gt;c&amp;d&#x27;e&quot;f"},
    {"a<b>c&d'e\"f", "a&lt;b&gt;c&amp;d&apos;e&quot;f"},
    {"a<b>c&d'e\"f", "a&lt;b&gt;c&amp;d&#39;e&#34;f"},
    {"a<b>c&d'e\"f", "a&amp;lt;b&amp;gt;c&amp;amp;d&amp;#39;e&amp;quot;f"},
    {"a<b>c&d'e\"f", "a\\u003Cb\\u003Ec\\u0026d\\u0027e\\u0022f"},
    {"a<b>c&d'e\"f", "a<b>c&d'\\''e\"f"},
    {"a<b>c&d'e\"f", "a<b>c&d'\"'\"'e\"f"},
    {"a<b>c&d'e\"f", "a<b>c&d''e\"f"},
    {"a<b>c&d'e\"f", "a<b>c&d'e\"\"f"},
    {"a<b>c&d'e\"f", "a\\<b\\>c\\&d\\'e\\\"f"},
    {"a\"b\\c/d", "a\\\\\\\"b\\\\\\\\c/d"}, /* a string of JSON in JSON */
    {"$a`b\"c", "\\$a\\`b\\\"c"},
    {"$a`b\"c", "`$a``b`\"c"},
    {"x\ty\x1bz'", "x\\ty\\x1bz\\'"},
    {"x\ty\x1bz'", "x\\ty\\Ez\\'"},
    {"x\ty\x1bz'", "x\\ty\\033z\\'"},
    {"gr\xc3\xbc\xc3\x9f/", "gr\\303\\274\\303\\237/"},
    {"gr\xc3\xbc\xc3\x9f/", "gr\\xc3\\xbc\\xc3\\x9f/"},
    {"gr\xc3\xbc\xc3\x9f/", "gr&uuml;&szlig;/"},
    {"gr\xc3\xbc\xc3\x9f/", "gr&#252;&#223;/"},
    {"gr\xc3\xbc\xc3\x9f/", "gr\xfc\xdf/"},
    {"gr\xc3\xbc\xc3\x9f/", "gr%FC%DF%2F"},
    {"a\"b\\c/d", "a\\\"b\\\\c/d"},
    {"a\"b\\c/d", "a\\\"b\\\\c\\/d"},
    {"x\n\x1f\b\f\r\ty", "x\\n\\u001f\\b\\f\\r\\ty"},
    {"x\n\x1f\b\f\r\ty", "x\\n\\u001F\\b\\f\\r\\ty"},
    {"gr\xc3\xbc\xc3\x9f/", "gr\\u00fc\\u00df/"},
    {"gr\xc3\xbc\xc3\x9f/", "gr\\u00FC\\u00DF/"},
    {"gr\xc3\xbc\xc3\x9f/", "gr\\u00fc\\u00df\\/"},
    {"gr\xc3\xbc\xc3\x9f/", "gr\\u00FC\\u00DF\\/"},
    {"gr\xc3\xbc\xc3\x9f/", "gr\xc3\xbc\xc3\x9f\\/"},
    {"key \xf0\x9f\x94\x91", "key \\ud83d\\udd11"},
    {"key \xf0\x9f\x94\x91", "key \\uD83D\\uDD11"},
    {"a<b>c&d", "a\\u003cb\\u003ec\\u0026d"},
    {"a b/c+d~*(", "a%20b%2Fc%2Bd~%2A%28"},
    {"a b/c+d~*(", "a%20b%2fc%2bd~%2a%28"},
    {"a b/c+d~*(", "a%20b/c%2Bd~%2A%28"},
    {"a b/c+d~*(", "a%20b%2Fc%2Bd~*("},
    {"a b/c+d~*(", "a+b%2Fc%2Bd~%2A%28"},
    {"a b/c+d~*(", "a+b%2Fc%2Bd%7E*%28"},
    {"a b/c+d~*(", "a+b%2fc%2bd%7e*%28"},
    {"\xff\xfe\xfd!", "%FF%FE%FD%21"},
    {"short\na line of sixteen+\nend", "a line of sixteen+"},
    {"short\n  a line of 016/17\r\nend", "a line of 016/17"},
    {"short\na line of 016/17\nend", "a%20line%20of%20016%2F17"},
};

static void test_every_encoding_is_there(void)
{
    for (size_t i = 0; i < ARRAY_LEN(encoded); i++) {
        struct redact_patterns p = redact_patterns_make();
        CHECK_OK(redact_patterns_add(&p, str_from(encoded[i].value), SIZE_MAX));
        redact_patterns_sort(&p);
        if (!has(&p, str_from(encoded[i].pattern)))
            printf("# no pattern %s\n", encoded[i].pattern);
        CHECK(has(&p, str_from(encoded[i].pattern)));
        redact_patterns_auto(&p);
    }
}

static void test_what_is_no_pattern(void)
{
    static const struct {
        const char *value, *pattern;
    } cases[] = {
        {"short\na line of sixteen+\nend", "short"},
        {"short\na line of 15/16\nend", "a line of 15/16"},
        {"   abc   ", "abc"},
        {"gr\xc3\xbc\xc3\x9f/", "gr\\u00C3\\u00BC"},
        {"\xff\xfe\xfd!", "\xff\0\xfe\0\xfd\0!"}, /* no UTF-16 of what is no UTF-8 */
        {"\n\n\n\n", ""},
        {"a\nb\nc", "abc"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redact_patterns p = redact_patterns_make();
        CHECK_OK(redact_patterns_add(&p, str_from(cases[i].value), SIZE_MAX));
        redact_patterns_sort(&p);
        CHECK(!has(&p, str_from(cases[i].pattern)));
        redact_patterns_auto(&p);
    }
}

/* The value stands somewhere in a longer text that is encoded as a whole: one of the patterns is in
 * it, and with its edges it covers every character that depends on the value. */
static void test_base64_covers_the_value_at_each_alignment(void)
{
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[120];
        random_bytes(bytes, sizeof bytes);
        size_t before = bytes[0] % 40, len = 4 + bytes[1] % 40;
        struct redact_patterns p = redact_patterns_make();
        CHECK_OK(redact_patterns_add(&p, str_bytes(bytes + before, len), SIZE_MAX));
        redact_patterns_sort(&p);
        AUTO(buf) struct buf text = buf_make(1024);
        CHECK_OK(encode_base64(&text, str_bytes(bytes, sizeof bytes),
                               round % 2 ? BASE64_URL : BASE64_STD));
        size_t first = before * 8 / 6, last = ((before + len) * 8 - 1) / 6;
        bool covered = false;
        for (size_t i = 0; i < p.count; i++) {
            struct str one = str_bytes(redact_pattern_ptr(&p, i), p.list[i].len);
            size_t at = str_search(buf_str(&text), one, first);
            size_t from = at - (p.list[i].edges & REDACT_LEFT ? 1 : 0);
            size_t to = at + one.len + (p.list[i].edges & REDACT_RIGHT ? 1 : 0);
            covered |= from <= first && at < text.len && to > last;
        }
        CHECK(covered);
        redact_patterns_auto(&p);
    }
}

static void test_long_values_become_pieces_that_touch(void)
{
    static char value[SECRET_VALUE_MAX_BYTES];
    random_bytes(value, sizeof value);
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = value[i] == '\n' || value[i] == '\r' ? 'x' : value[i];
    for (size_t len = 254; len <= sizeof value; len = len < 1030 ? len + 1 : len * 2) {
        struct redact_patterns p = redact_patterns_make();
        CHECK_OK(redact_patterns_add(&p, str_bytes(value, len), SIZE_MAX));
        redact_patterns_sort(&p);
        CHECK(p.longest <= REDACT_PATTERN_MAX);
        CHECK(p.shortest >= REDACT_PATTERN_MIN);
        if (len <= 1030) {
            for (size_t at = 0; at + REDACT_PATTERN_MAX <= len; at += REDACT_PATTERN_MAX)
                CHECK(has(&p, str_bytes(value + at, REDACT_PATTERN_MAX)));
            size_t last = len < REDACT_PATTERN_MAX ? len : REDACT_PATTERN_MAX;
            CHECK(has(&p, str_bytes(value + len - last, last)));
        }
        redact_patterns_auto(&p);
    }
}

static void test_list_is_sorted_without_duplicates(void)
{
    struct redact_patterns p = redact_patterns_make();
    static const char *const values[] = {"secret", "secretsecret", "xsecret", "secret", " secret "};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        CHECK_OK(redact_patterns_add(&p, str_from(values[i]), SIZE_MAX));
    redact_patterns_sort(&p);
    for (size_t i = 1; i < p.count; i++)
        CHECK(str_compare(str_bytes(redact_pattern_ptr(&p, i - 1), p.list[i - 1].len),
                          str_bytes(redact_pattern_ptr(&p, i), p.list[i].len)) < 0);
    redact_patterns_auto(&p);
}

static void test_too_short_and_too_much(void)
{
    struct redact_patterns p = redact_patterns_make();
    CHECK_OK(redact_patterns_add(&p, STR(""), SIZE_MAX));
    CHECK_OK(redact_patterns_add(&p, STR("abc"), SIZE_MAX));
    redact_patterns_sort(&p);
    CHECK_EQ(p.count, 0);
    static char value[SECRET_VALUE_MAX_BYTES];
    random_bytes(value, sizeof value);
    value[0] = value[sizeof value - 1] = 'x'; /* blanks there would double it */
    redact_patterns_auto(&p);
    static const struct {
        size_t usual_above;
        int least;
    } cases[] = {{SIZE_MAX, 2}, {1024, 8}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum err e = OK;
        int added = 0;
        p = redact_patterns_make();
        for (; e == OK && added < 200; added++)
            e = redact_patterns_add(&p, str_bytes(value, sizeof value), cases[i].usual_above);
        CHECK_ERR(e, ERR_LIMIT);
        CHECK(added >= cases[i].least);
        redact_patterns_auto(&p);
    }
}

int main(void)
{
    RUN(test_every_encoding_is_there);
    RUN(test_what_is_no_pattern);
    RUN(test_base64_covers_the_value_at_each_alignment);
    RUN(test_long_values_become_pieces_that_touch);
    RUN(test_list_is_sorted_without_duplicates);
    RUN(test_too_short_and_too_much);
    return test_done();
}
