#include "redact_flat.h"

#include "random.h"
#include "test.h"

enum { HELD = 300, SLICE = 1000 };

static void test_breaks_are_taken_out_and_put_back(void)
{
    static const struct {
        const char *text, *flat;
    } cases[] = {
        {"abc", "abc"},
        {"a\nb", "ab"},
        {"\r\na\r\n\r\nb\n", "ab"},
        {"\n\n\n", ""},
        {"a 0123456789 0123456789 0123456789\n0123456789 0123456789 b\r",
         "a 0123456789 0123456789 01234567890123456789 0123456789 b"},
        {"a\n\n\n\n\n\n\n\nb", "ab"},
        {"a\n\n\n\n\n\n\n\n\nb", "a\nb"},
        {"a\r\n\r\n\r\n\r\n\r\n\r\nb\nc", "a\r\n\r\nbc"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = str_from(cases[i].text);
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct redact_flat f = redact_flat_make(HELD, SLICE);
            AUTO(buf) struct buf out = buf_make(SLICE);
            uint64_t taken = 0;
            if (cut)
                CHECK_OK(redact_flat_add(&f, str_slice(text, 0, cut)));
            if (cut < text.len)
                CHECK_OK(redact_flat_add(&f, str_slice(text, cut, text.len)));
            CHECK_STR(buf_str(&f.bytes), cases[i].flat);
            CHECK_OK(redact_flat_take(&f, redact_flat_end(&f), &out, &taken));
            CHECK_OK(redact_flat_take_break(&f, &out, &taken));
            CHECK(str_equal(buf_str(&out), text));
            CHECK_EQ(taken, text.len);
            redact_flat_auto(&f);
        }
    }
}

/* Added, taken and dropped in random pieces: all comes out as it came in. */
static void test_random_pieces_come_back(void)
{
    static char text[20000];
    uint8_t plan[20000];
    random_bytes(text, sizeof text);
    random_bytes(plan, sizeof plan);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "abcdefghijklmnop\n\n\r\nxyz"[(uint8_t)text[i] % 23];
    struct redact_flat f = redact_flat_make(HELD, SLICE);
    AUTO(buf) struct buf out = buf_make(sizeof text);
    uint64_t taken = 0;
    size_t at = 0, step = 0;
    while (at < sizeof text) {
        size_t len = plan[step] < 128 ? plan[step] % 4u : plan[step] * 3u;
        struct str piece = str_slice(str_bytes(text, sizeof text), at, at + len);
        if (piece.len)
            CHECK_OK(redact_flat_add(&f, piece));
        at += piece.len;
        step++;
        size_t keep = plan[step++] % (f.bytes.len + 1) % HELD;
        CHECK_OK(redact_flat_take(&f, redact_flat_end(&f) - keep, &out, &taken));
        if (plan[step++] % 2)
            CHECK_OK(redact_flat_take_break(&f, &out, &taken));
        redact_flat_drop(&f);
        CHECK_EQ(f.bytes.len, keep);
        CHECK(str_equal(buf_str(&out), str_bytes(text, out.len)));
        CHECK_EQ(taken, out.len);
    }
    CHECK_OK(redact_flat_take(&f, redact_flat_end(&f), &out, &taken));
    CHECK_OK(redact_flat_take_break(&f, &out, &taken));
    CHECK(str_equal(buf_str(&out), str_bytes(text, sizeof text)));
    redact_flat_auto(&f);
}

static void test_what_is_swallowed_is_counted(void)
{
    struct redact_flat f = redact_flat_make(HELD, SLICE);
    AUTO(buf) struct buf out = buf_make(SLICE);
    uint64_t taken = 0, swallowed = 0;
    CHECK_OK(redact_flat_add(&f, STR("ab\ncd\r\nef")));
    CHECK(redact_flat_is_broken(&f, 2));
    CHECK(!redact_flat_is_broken(&f, 3));
    CHECK(redact_flat_is_broken(&f, 4));
    CHECK(!redact_flat_is_broken(&f, 6));
    CHECK_OK(redact_flat_take(&f, 1, &out, &taken));
    CHECK_OK(redact_flat_take(&f, 4, NULL, &swallowed)); /* "b\ncd", not the break behind it */
    CHECK_EQ(swallowed, 4);
    CHECK_OK(redact_flat_take(&f, 6, &out, &taken));
    CHECK_STR(buf_str(&out), "a\r\nef");
    CHECK_EQ(taken, 5);
    redact_flat_auto(&f);
}

static void test_breaks_held_back_are_bounded(void)
{
    static char breaks[SLICE];
    memset(breaks, '\n', sizeof breaks);
    struct redact_flat f = redact_flat_make(HELD, SLICE);
    uint64_t taken = 0;
    CHECK_OK(redact_flat_add(&f, STR("a")));
    for (int i = 0; i < 100; i++) {
        CHECK_OK(redact_flat_add(&f, str_bytes(breaks, sizeof breaks)));
        CHECK_OK(redact_flat_take(&f, redact_flat_end(&f) - HELD, NULL, &taken));
        redact_flat_drop(&f);
    }
    CHECK_EQ(taken, 1 + 100 * SLICE - HELD);
    redact_flat_auto(&f);
}

static void test_patterns(void)
{
    static const struct {
        const char *text, *flat;
    } cases[] = {
        {"abc", "abc"}, {"\nab\r\nc\n", "abc"},       {"\r\n", ""},
        {"", ""},       {"a\n\n\n\n\n\n\n\nb", "ab"}, {"a\n\n\n\n\n\n\n\n\n\nb\nc", "a\n\nbc"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[64] = {0};
        size_t len = strlen(cases[i].text);
        memcpy(text, cases[i].text, len);
        CHECK_STR(str_bytes(text, redact_flat_pattern(text, len)), cases[i].flat);
    }
}

int main(void)
{
    RUN(test_breaks_are_taken_out_and_put_back);
    RUN(test_random_pieces_come_back);
    RUN(test_what_is_swallowed_is_counted);
    RUN(test_breaks_held_back_are_bounded);
    RUN(test_patterns);
    return test_done();
}
