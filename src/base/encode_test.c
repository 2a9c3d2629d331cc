#include "encode.h"
#include "random.h"
#include "test.h"

static void test_hex(void)
{
    AUTO(buf) struct buf b = buf_make(64), back = buf_make(64);
    CHECK_OK(encode_hex(&b, str_bytes("\0\x01\xab\xff", 4)));
    CHECK_STR(buf_str(&b), "0001abff");
    CHECK_OK(decode_hex(STR("0001ABfF"), &back));
    CHECK(str_equal(buf_str(&back), str_bytes("\0\x01\xab\xff", 4)));
    static const char *const bad[] = {"0",  "0g",       "g0", "00 0", "0x00",
                                      " 0", "\xff\xff", "@0", "G0"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_ERR(decode_hex(str_from(bad[i]), &back), ERR_INVALID);
        CHECK_EQ(back.len, 4);
    }
    AUTO(buf) struct buf small = buf_make(7);
    CHECK_ERR(encode_hex(&small, STR("abcd")), ERR_TOO_LARGE);
    CHECK_EQ(small.len, 0);
}

static void test_base64_vectors(void)
{
    static const struct {
        const char *bytes, *standard, *url;
    } cases[] = {/* RFC 4648, section 10 */
                 {"", "", ""},
                 {"f", "Zg==", "Zg"},
                 {"fo", "Zm8=", "Zm8"},
                 {"foo", "Zm9v", "Zm9v"},
                 {"foob", "Zm9vYg==", "Zm9vYg"},
                 {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                 {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                 {"\xfb\xff\xfe", "+//+", "-__-"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) struct buf standard = buf_make(64), url = buf_make(64), back = buf_make(64);
        CHECK_OK(encode_base64(&standard, str_from(cases[i].bytes), BASE64_STD));
        CHECK_STR(buf_str(&standard), cases[i].standard);
        CHECK_OK(encode_base64(&url, str_from(cases[i].bytes), BASE64_URL));
        CHECK_STR(buf_str(&url), cases[i].url);
        CHECK_OK(decode_base64(buf_str(&standard), BASE64_STD, &back));
        CHECK_STR(buf_str(&back), cases[i].bytes);
        buf_reset(&back);
        CHECK_OK(decode_base64(buf_str(&url), BASE64_URL, &back));
        CHECK_STR(buf_str(&back), cases[i].bytes);
    }
}

static void test_base64_refuses(void)
{
    static const struct {
        const char *text;
        enum base64_kind kind;
    } cases[] = {
        {"Zg", BASE64_STD},       {"Zg=", BASE64_STD},      {"Z===", BASE64_STD},
        {"====", BASE64_STD},     {"Zh==", BASE64_STD},     {"Zm9=", BASE64_STD},
        {"-__-", BASE64_STD},     {"Zg==Zg==", BASE64_STD}, {"Zm9v\n", BASE64_STD},
        {"Zm 9", BASE64_STD},     {"Zg==", BASE64_URL},     {"+//+", BASE64_URL},
        {"Z", BASE64_URL},        {"Zm9vZ", BASE64_URL},    {"Zh", BASE64_URL},
        {"Zm9v\xff", BASE64_URL}, {"Zm9vZm9=", BASE64_STD},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) struct buf out = buf_make(64);
        CHECK_OK(buf_put(&out, STR("old")));
        if (decode_base64(str_from(cases[i].text), cases[i].kind, &out) == OK)
            printf("# accepted: %s\n", cases[i].text);
        CHECK_STR(buf_str(&out), "old");
    }
    AUTO(buf) struct buf out = buf_make(64);
    CHECK_ERR(decode_base64(str_bytes("Zm9\0", 4), BASE64_STD, &out), ERR_INVALID);
}

static void test_percent(void)
{
    AUTO(buf) struct buf b = buf_make(64), back = buf_make(64);
    CHECK_OK(encode_percent(&b, STR("Az09-._~ /+%\xc3\xbc"), false));
    CHECK_STR(buf_str(&b), "Az09-._~%20%2F%2B%25%C3%BC");
    CHECK_OK(decode_percent(buf_str(&b), &back));
    CHECK_STR(buf_str(&back), "Az09-._~ /+%\xc3\xbc");
    buf_reset(&b);
    CHECK_OK(encode_percent(&b, STR("a/b c"), true));
    CHECK_STR(buf_str(&b), "a/b%20c");
    buf_reset(&back);
    CHECK_OK(decode_percent(STR("a+b%2f%00"), &back));
    CHECK(str_equal(buf_str(&back), str_bytes("a+b/\0", 5)));
    static const char *const bad[] = {"%", "%2", "%g0", "%0g", "a%", "%%20", "% 20", "%+1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_ERR(decode_percent(str_from(bad[i]), &back), ERR_INVALID);
        CHECK_EQ(back.len, 5);
    }
    AUTO(buf) struct buf small = buf_make(5);
    CHECK_ERR(encode_percent(&small, STR("abc/"), false), ERR_TOO_LARGE);
    CHECK_EQ(small.len, 0);
}

static void test_round_trips_of_random_bytes(void)
{
    char bytes[100];
    for (size_t len = 0; len < sizeof bytes; len++) {
        random_bytes(bytes, sizeof bytes);
        struct str s = str_bytes(bytes, len);
        AUTO(buf) struct buf text = buf_make(400), back = buf_make(400);
        CHECK_OK(encode_base64(&text, s, len % 2 ? BASE64_STD : BASE64_URL));
        CHECK_OK(decode_base64(buf_str(&text), len % 2 ? BASE64_STD : BASE64_URL, &back));
        CHECK(str_equal(buf_str(&back), s));
        buf_reset(&text);
        buf_reset(&back);
        CHECK_OK(encode_percent(&text, s, len % 2));
        CHECK_OK(decode_percent(buf_str(&text), &back));
        CHECK(str_equal(buf_str(&back), s));
    }
}

static void test_base62_and_crc(void)
{
    CHECK(crc32_of(STR("123456789")) == 0xcbf43926);
    CHECK(crc32_of(STR("")) == 0);
    char digits[7] = "xxxxxx";
    encode_base62(0, digits, 6);
    CHECK_STR(str_from(digits), "000000");
    encode_base62(UINT32_MAX, digits, 6);
    CHECK_STR(str_from(digits), "4gfFC3");
    encode_base62(62 * 62 + 61, digits, 6);
    CHECK_STR(str_from(digits), "00010z");
    int seen[256] = {0};
    char text[1001];
    for (int round = 0; round < 62; round++) {
        random_base62(text, 1000);
        CHECK_EQ(strlen(text), 1000);
        for (size_t i = 0; i < 1000; i++)
            seen[(uint8_t)text[i]]++;
    }
    int kinds = 0;
    for (int c = 0; c < 256; c++) {
        CHECK(seen[c] == 0 || (seen[c] > 700 && seen[c] < 1300)); /* 1000 of each, 9 sigma */
        kinds += seen[c] != 0;
    }
    CHECK_EQ(kinds, 62);
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        CHECK_EQ(base62_only(str_bytes(&one, 1)), seen[c] != 0);
    }
    CHECK(base62_only(STR_EMPTY) && base62_only(STR("azAZ09")) && !base62_only(STR("az AZ")));
}

int main(void)
{
    RUN(test_hex);
    RUN(test_base64_vectors);
    RUN(test_base64_refuses);
    RUN(test_percent);
    RUN(test_round_trips_of_random_bytes);
    RUN(test_base62_and_crc);
    return test_done();
}
