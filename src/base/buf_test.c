#include "buf.h"
#include "test.h"

static void test_full_at_the_maximum_and_not_beyond(void)
{
    for (size_t max = 1; max < 300; max += 13) {
        AUTO(buf) struct buf b = buf_make(max);
        for (size_t i = 0; i < max; i++)
            CHECK_OK(buf_put_byte(&b, (uint8_t)i));
        CHECK_EQ(b.len, max);
        CHECK_ERR(buf_put_byte(&b, 1), ERR_TOO_LARGE);
        CHECK_ERR(buf_put(&b, STR("ab")), ERR_TOO_LARGE);
        CHECK_ERR(buf_put_u16(&b, 1), ERR_TOO_LARGE);
        CHECK_ERR(buf_put_u32(&b, 1), ERR_TOO_LARGE);
        CHECK_ERR(buf_put_u64(&b, 1), ERR_TOO_LARGE);
        CHECK_ERR(buf_put_lengthed(&b, STR("")), ERR_TOO_LARGE);
        CHECK_ERR(buf_printf(&b, "%d", 1), ERR_TOO_LARGE);
        CHECK_ERR(buf_reserve(&b, 1), ERR_TOO_LARGE);
        CHECK_ERR(buf_reserve(&b, SIZE_MAX), ERR_TOO_LARGE);
        CHECK_OK(buf_put(&b, STR("")));
        CHECK_EQ(b.len, max);
        for (size_t i = 0; i < max; i++)
            CHECK_EQ((uint8_t)b.ptr[i], (uint8_t)i);
    }
}

static void test_lengthed_is_whole_or_absent(void)
{
    AUTO(buf) struct buf b = buf_make(10);
    CHECK_ERR(buf_put_lengthed(&b, STR("1234567")), ERR_TOO_LARGE);
    CHECK_EQ(b.len, 0);
    CHECK_OK(buf_put_lengthed(&b, STR("123456")));
    CHECK_EQ(b.len, 10);
}

static void test_printf(void)
{
    AUTO(buf) struct buf b = buf_make(1000);
    CHECK_OK(buf_printf(&b, "%s-%d", "x", 42));
    CHECK_OK(buf_printf(&b, "%200s", ""));
    CHECK_EQ(b.len, 204);
    CHECK_STR(str_slice(buf_str(&b), 0, 5), "x-42 ");
}

static void test_cut_bytes_are_wiped(void)
{
    AUTO(buf) struct buf b = buf_make(64);
    CHECK_OK(buf_put(&b, STR("0123456789")));
    buf_truncate(&b, 20);
    CHECK_EQ(b.len, 10);
    buf_truncate(&b, 4);
    CHECK_STR(buf_str(&b), "0123");
    for (size_t i = 4; i < 10; i++)
        CHECK_EQ(b.ptr[i], 0);
    buf_reset(&b);
    CHECK_EQ(b.len, 0);
    CHECK_EQ(b.ptr[0], 0);
    buf_auto(&b);
    CHECK(b.ptr == NULL);
    CHECK_EQ(b.max, 64);
    buf_auto(&b);
    CHECK_STR(buf_str(&b), "");
}

static void put_sample(struct buf *b)
{
    CHECK_OK(buf_put_byte(b, 0xab));
    CHECK_OK(buf_put_u16(b, 0x0102));
    CHECK_OK(buf_put_u32(b, 0x01020304));
    CHECK_OK(buf_put_u64(b, 0x0102030405060708));
    CHECK_OK(buf_put_lengthed(b, STR("text")));
}

static enum err read_sample(struct str bytes, struct str *ret_text)
{
    struct reader r = {bytes};
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
    TRY(reader_u8(&r, &a));
    TRY(reader_u16(&r, &b));
    TRY(reader_u32(&r, &c));
    TRY(reader_u64(&r, &d));
    TRY(reader_lengthed(&r, ret_text));
    if (a != 0xab || b != 0x0102 || c != 0x01020304 || d != 0x0102030405060708)
        return ERR_INTERNAL;
    return reader_end(&r);
}

static void test_reader_takes_what_was_put(void)
{
    AUTO(buf) struct buf b = buf_make(64);
    put_sample(&b);
    struct str text;
    CHECK_EQ((uint8_t)b.ptr[1], 2); /* little end first */
    CHECK_OK(read_sample(buf_str(&b), &text));
    CHECK_STR(text, "text");
    for (size_t len = 0; len < b.len; len++)
        CHECK_ERR(read_sample(str_slice(buf_str(&b), 0, len), &text), ERR_INVALID);
    CHECK_OK(buf_put_byte(&b, 0));
    CHECK_ERR(read_sample(buf_str(&b), &text), ERR_INVALID);
}

static void test_reader_consumes_nothing_when_it_fails(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {{"\xff\xff\xff\xff"
                  "abc",
                  7},
                 {"\4\0\0\0abc", 7},
                 {"\0\0\0", 3},
                 {"", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reader r = {str_bytes(cases[i].bytes, cases[i].len)};
        struct str text = STR("old");
        uint64_t v = 5;
        CHECK_ERR(reader_lengthed(&r, &text), ERR_INVALID);
        CHECK_ERR(reader_u64(&r, &v), ERR_INVALID);
        CHECK_ERR(reader_bytes(&r, 8, &text), ERR_INVALID);
        CHECK_EQ(r.rest.len, cases[i].len);
        CHECK_STR(text, "old");
        CHECK_EQ(v, 5);
    }
}

int main(void)
{
    RUN(test_full_at_the_maximum_and_not_beyond);
    RUN(test_lengthed_is_whole_or_absent);
    RUN(test_printf);
    RUN(test_cut_bytes_are_wiped);
    RUN(test_reader_takes_what_was_put);
    RUN(test_reader_consumes_nothing_when_it_fails);
    return test_done();
}
