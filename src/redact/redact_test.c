#include "redact.h"

#include "encode.h"
#include "random.h"
#include "redact_automaton.h"
#include "redact_filter.h"
#include "redact_reference.h"
#include "test.h"

enum { VALUES_MAX = 32 };

struct fixture {
    struct secret *values[VALUES_MAX];
    size_t count;
    struct redact_set *set;
    struct redact_patterns patterns;
};

static void open_fixture(struct fixture *f, const struct str *values, size_t count)
{
    *f = (struct fixture){.count = count, .patterns = redact_patterns_make()};
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(secret_new(values[i], &f->values[i]));
        CHECK_OK(redact_patterns_add(&f->patterns, values[i], SIZE_MAX));
    }
    redact_patterns_sort(&f->patterns);
    CHECK_OK(redact_set_new((const struct secret *const *)f->values, count, &f->set));
    for (size_t i = 0; i < count; i++)
        secret_free(&f->values[i]); /* the set has its own */
}

static void close_fixture(struct fixture *f)
{
    redact_patterns_auto(&f->patterns);
    redact_set_free(&f->set);
    CHECK(f->set == NULL);
}

/* Cuts the text at `cut` and, when again is set, feeds the rest to a fresh stream from where the
 * first one had decided, as a server does that keeps no stream. */
static void check_cut(const struct fixture *f, struct str text, struct str want, size_t cut,
                      bool again)
{
    AUTO(buf) struct buf out = buf_make(text.len * 2 + 64);
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(f->set);
    CHECK_OK(redact_feed(s, str_slice(text, 0, cut), &out));
    if (again) {
        cut = redact_consumed(s);
        redact_stream_free(&s);
        s = redact_stream_new(f->set);
    }
    CHECK_OK(redact_feed(s, str_slice(text, cut, text.len), &out));
    CHECK_OK(redact_finish(s, &out));
    CHECK(str_equal(buf_str(&out), want));
}

static void check_all_cuts(const struct fixture *f, struct str text, struct str want)
{
    for (size_t cut = 0; cut <= text.len; cut++) {
        check_cut(f, text, want, cut, SIZE_MAX);
        check_cut(f, text, want, cut, true);
    }
    AUTO(buf) struct buf out = buf_make(text.len * 2 + 64);
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(f->set);
    for (size_t i = 0; i < text.len; i++)
        CHECK_OK(redact_feed(s, str_slice(text, i, i + 1), &out));
    CHECK_OK(redact_finish(s, &out));
    CHECK(str_equal(buf_str(&out), want));
    CHECK_EQ(redact_consumed(s), text.len);
}

static void test_table(void)
{
    static const struct {
        const char *values[4], *text, *want;
    } cases[] = {
        {{"hunter22"}, "password=hunter22;", "password=***;"},
        {{"hunter22"}, "hunter22", "***"},
        {{"hunter22"}, "hunter2 hunter2hunter22", "hunter2 hunter2***"},
        {{"hunter22"}, "hunter22hunter22 hunter22", "*** ***"},
        {{"abcd"}, "xabcdx", "x***x"},
        {{"abc"}, "xabcx", "xabcx"},
        {{""}, "xabcx", "xabcx"},
        {{NULL}, "xabcx", "xabcx"},
        /* one value begins, ends or lies in another; two overlap; two make a third */
        {{"secret", "secretary"}, "a secretary, a secretar", "a ***, a ***ar"},
        {{"cretary", "secretary"}, "a secretary, a xcretary", "a ***, a x***"},
        {{"creta", "secretary"}, "a secretary, a secretar", "a ***, a se***r"},
        {{"abcdef", "defghi"}, "-abcdefghi-", "-***-"},
        {{"aaaa"}, "baaaaaaab aaa", "b***b aaa"},
        {{"abcd", "efgh", "abcdefgh"}, "abcdefgh abcd efgh abcdefg", "*** *** *** ***efg"},
        {{"hunter22"},
         "x68756e7465723232x 68756E7465723232 68756e746572323",
         "x***x *** 68756e746572323"},
        {{"user:pass"}, "Basic dXNlcjpwYXNz end", "Basic *** end"},
        {{"secret-1"}, "eHNlY3JldC0xeA==", "e***eA=="}, /* between two x */
        {{"secret-1"}, "xx c2VjcmV0LTF4 eHhzZWNyZXQtMXg", "xx ***4 eH***g"},
        {{"{\"a\": 1}"}, "\"{\\\"a\\\": 1}\"", "\"***\""},
        {{"a b/c+d"}, "?q=a%20b%2Fc%2Bd&r=a+b%2fc%2bd&", "?q=***&r=***&"},
        /* line breaks: within a value, at its ends, between two, too many in a row */
        {{"hunter22"}, "-hun\nter\r\n22-", "-***-"},
        {{"hunter22"}, "\nhunter22\r\n-", "\n***\r\n-"},
        {{"hunter22"}, "hunter22\nhunter22\n\nhunter22hunter22", "***\n***\n\n***"},
        {{"abcd", "cdef"}, "abcd\nef, ab\ncdef", "***, ***"},
        {{"hunter22"}, "hunt\n\n\n\n\n\n\n\ner22", "***"},
        {{"hunter22"}, "hunt\n\n\n\n\n\n\n\n\ner22", "hunt\n\n\n\n\n\n\n\n\ner22"},
        {{"ab\r\ncd\nef"}, "ab\ncd\nef abcdef ab\\r\\ncd\\nef", "*** *** ***"},
        {{"user:pass"}, "Basic dXNl\ncjpwYXNz\nend", "Basic ***\nend"},
        {{"secret-1"}, "eHNlY3JldC0\nxeA==", "e***eA=="},
        {{"secret-1"}, "xx c2VjcmV0LT\nF4", "xx ***4"},
        {{"secret-1"}, "xxx\nHNlY3JldC0xeA==", "xxx\n***eA=="},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str values[4];
        size_t count = 0;
        for (; count < 4 && cases[i].values[count]; count++)
            values[count] = str_from(cases[i].values[count]);
        struct fixture f;
        open_fixture(&f, values, count);
        AUTO(buf) struct buf out = buf_make(1024);
        CHECK_OK(redact_text(f.set, str_from(cases[i].text), &out));
        CHECK_STR(buf_str(&out), cases[i].want);
        check_all_cuts(&f, str_from(cases[i].text), str_from(cases[i].want));
        close_fixture(&f);
    }
}

/* Where in put_encoded's text the value stands. */
static struct str value_part(struct str text, size_t len, unsigned how)
{
    if (how % 6 < 3)
        return text;
    return str_slice(text, how % 6 * 8 / 6, ((how % 6 + len) * 8 + 5) / 6);
}

static void put_encoded(struct buf *out, struct str value, unsigned how)
{
    AUTO(buf) struct buf inner = buf_make(4096);
    switch (how % 6) {
    case 0:
        CHECK_OK(buf_put(out, value));
        break;
    case 1:
        CHECK_OK(encode_hex(out, value));
        break;
    case 2:
        CHECK_OK(encode_percent(out, value, SIZE_MAX));
        break;
    default: /* base64 of the value among others, at an alignment of how % 3 */
        CHECK_OK(buf_put(&inner, str_slice(STR("~~~~~~"), 0, how % 6)));
        CHECK_OK(buf_put(&inner, value));
        CHECK_OK(buf_put(&inner, str_slice(STR("~~~~~~"), 0, how / 6 % 4)));
        CHECK_OK(encode_base64(out, buf_str(&inner), how & 64 ? BASE64_URL : BASE64_STD));
    }
}

/* No stretch of the value as it was written, of six bytes or more, is left. */
static void test_values_in_random_text_leave_no_trace(void)
{
    for (int round = 0; round < 40; round++) {
        uint8_t bytes[4][40], noise[64];
        struct str values[4];
        random_bytes(noise, sizeof noise);
        for (size_t i = 0; i < 4; i++) {
            random_bytes(bytes[i], sizeof bytes[i]);
            values[i] = str_bytes(bytes[i], 8 + bytes[i][0] % 32);
        }
        struct fixture f;
        open_fixture(&f, values, 4);
        AUTO(buf) struct buf text = buf_make(8192), want = buf_make(8192);
        for (size_t i = 0; i < 8; i++) {
            for (size_t k = i * 8; k < i * 8 + 8; k++) /* no stretch of it is one of hex */
                CHECK_OK(buf_put_byte(&text, (uint8_t)('g' + noise[k] % 16)));
            CHECK_OK(buf_put_byte(&text, '['));
            put_encoded(&text, values[i % 4], noise[i]);
            CHECK_OK(buf_put_byte(&text, ']'));
        }
        CHECK_OK(reference_text(&f.patterns, buf_str(&text), &want));
        check_all_cuts(&f, buf_str(&text), buf_str(&want));
        for (size_t i = 0; i < 4; i++) {
            AUTO(buf) struct buf code = buf_make(4096);
            put_encoded(&code, values[i], noise[i]);
            struct str part = value_part(buf_str(&code), values[i].len, noise[i]);
            for (size_t at = 0; at + 6 <= part.len; at++)
                CHECK(str_search(buf_str(&want), str_slice(part, at, at + 6), 0) == want.len);
        }
        close_fixture(&f);
    }
}

static void test_text_without_values_is_unchanged(void)
{
    struct str values[] = {STR("correct horse battery"), STR("staple-0123456789")};
    struct fixture f;
    open_fixture(&f, values, 2);
    static char text[100000];
    random_bytes(text, sizeof text);
    AUTO(buf) struct buf out = buf_make(sizeof text);
    CHECK_OK(redact_text(f.set, str_bytes(text, sizeof text), &out));
    CHECK(str_equal(buf_str(&out), str_bytes(text, sizeof text)));
    close_fixture(&f);
}

/* Few letters, so that everything overlaps everything. */
static void test_against_the_reference(void)
{
    for (int round = 0; round < 400; round++) {
        char bytes[6][12], text[300];
        struct str values[6];
        random_bytes(bytes, sizeof bytes);
        random_bytes(text, sizeof text);
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = "ababcababcaba\n\r"[(uint8_t)text[i] % (round % 2 ? 5 : 15)];
        for (size_t i = 0; i < 6; i++) {
            values[i] = str_bytes(bytes[i], 4 + (uint8_t)bytes[i][0] % 8);
            for (size_t k = 0; k < sizeof bytes[i]; k++)
                bytes[i][k] = "ababc"[(uint8_t)bytes[i][k] % 5];
        }
        struct fixture f;
        open_fixture(&f, values, 6);
        AUTO(buf) struct buf want = buf_make(1024);
        CHECK_OK(reference_text(&f.patterns, str_bytes(text, sizeof text), &want));
        check_all_cuts(&f, str_bytes(text, sizeof text), buf_str(&want));
        close_fixture(&f);
    }
}

/* Calm text and text that leads the filter astray, by turns, so that the automaton takes over and
 * hands back in the middle of everything. */
static void test_changes_between_filter_and_automaton(void)
{
    enum { TEXT_BYTES = 500 * 1000, PART = 50 * 1000 };
    char bytes[24][40], *text = malloc(TEXT_BYTES);
    struct str values[24];
    for (size_t i = 0; i < 24; i++) {
        int len =
            snprintf(bytes[i], sizeof bytes[i], i % 2 ? "abababab%02zuabab" : "%02zuabababab", i);
        values[i] = str_bytes(bytes[i], (size_t)len);
    }
    random_bytes(text, TEXT_BYTES);
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        uint8_t r = (uint8_t)text[i];
        text[i] = i / PART % 2 ? "abcdefghijklmnopqrstuvwxyz 012345"[r & 31] : "ab"[i & 1];
        if (r == 7 && i > 20)
            memcpy(text + i - 14, bytes[i % 24], 14 - 4 * (i % 24 % 2 == 0));
    }
    struct fixture f;
    open_fixture(&f, values, 24);
    AUTO(buf) struct buf want = buf_make(TEXT_BYTES);
    CHECK_OK(reference_text(&f.patterns, str_bytes(text, TEXT_BYTES), &want));
    static const size_t chunks[] = {1, 13, 1000, 4096, 20000, TEXT_BYTES};
    for (size_t c = 0; c < ARRAY_LEN(chunks); c++) {
        AUTO(buf) struct buf out = buf_make(TEXT_BYTES);
        AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(f.set);
        size_t before = redact_set_memory(f.set);
        for (size_t at = 0; at < TEXT_BYTES; at += chunks[c])
            CHECK_OK(
                redact_feed(s, str_slice(str_bytes(text, TEXT_BYTES), at, at + chunks[c]), &out));
        CHECK_OK(redact_finish(s, &out));
        CHECK(str_equal(buf_str(&out), buf_str(&want)));
        CHECK(c > 0 || redact_set_memory(f.set) > before); /* there is an automaton now */
    }
    free(text);
    close_fixture(&f);
}

static void test_largest_value_in_every_piece(void)
{
    static char value[64 * 1024];
    random_bytes(value, sizeof value);
    value[0] = value[sizeof value - 1] = 'x'; /* blanks there would double the patterns */
    struct str one = str_bytes(value, sizeof value);
    struct fixture f;
    open_fixture(&f, &one, 1);
    for (unsigned how = 0; how < 6; how++) {
        AUTO(buf) struct buf text = buf_make(1 << 20), out = buf_make(1 << 20);
        AUTO(buf) struct buf inner = buf_make(1 << 20);
        CHECK_OK(buf_put(&inner, str_slice(STR("---"), 0, how % 3)));
        CHECK_OK(buf_put(&inner, one));
        if (how == 1)
            CHECK_OK(encode_hex(&text, one));
        else if (how == 2)
            CHECK_OK(encode_percent(&text, one, SIZE_MAX));
        else
            CHECK_OK(encode_base64(&text, buf_str(&inner), BASE64_STD));
        CHECK_OK(redact_text(f.set, buf_str(&text), &out));
        CHECK(out.len <= 8);
        CHECK(redact_set_memory(f.set) < (size_t)2 * REDACT_PATTERNS_MAX_BYTES);
    }
    close_fixture(&f);
}

static uint64_t work_per_byte(const struct fixture *f, struct str text, size_t chunk)
{
    AUTO(buf) struct buf out = buf_make(text.len + 64);
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(f->set);
    for (size_t at = 0; at < text.len; at += chunk)
        CHECK_OK(redact_feed(s, str_slice(text, at, at + chunk), &out));
    CHECK_OK(redact_finish(s, &out));
    return redact_work(s) / text.len;
}

/* Values of twenty a's and a number, before or behind; text of a's, or of beginnings, or of ends.
 * Whatever the chunks are, work is a small number for each byte. */
static void test_hostile_input_is_linear(void)
{
    static char text[3][256 * 1024];
    memset(text[0], 'a', sizeof text[0]);
    for (size_t i = 0; i < sizeof text[1]; i++) {
        text[1][i] = "aaaaaaaaaaaaaaaaaaaa000"[i % 23];
        text[2][i] = "001aaaaaaaaaaaaaaaaaaaa0"[i % 24];
    }
    for (int behind = 0; behind < 3; behind++) {
        char bytes[VALUES_MAX][600];
        struct str values[VALUES_MAX];
        for (size_t i = 0; i < VALUES_MAX; i++) {
            int n = behind == 2 ? 500 : 20;
            int len = behind == 1
                          ? snprintf(bytes[i], sizeof bytes[i], "%04zuaaaaaaaaaaaaaaaaaaaa", i)
                          : snprintf(bytes[i], sizeof bytes[i], "%0*d%04zu", n, 0, i);
            values[i] = str_bytes(bytes[i], (size_t)len);
            for (int k = 0; k < n && behind != 1; k++)
                bytes[i][k] = 'a';
        }
        struct fixture f;
        open_fixture(&f, values, VALUES_MAX);
        static const size_t chunks[] = {1, 7, 256, 4096, 1 << 20};
        for (size_t t = 0; t < 3; t++) {
            for (size_t c = 0; c < ARRAY_LEN(chunks); c++) {
                struct str all = str_bytes(text[t], chunks[c] < 7 ? 65536 : sizeof text[t]);
                CHECK(work_per_byte(&f, all, chunks[c]) <= 8);
            }
        }
        close_fixture(&f);
    }
}

static void test_run_without_end_needs_no_memory(void)
{
    struct str value = STR("aaaa");
    struct fixture f;
    open_fixture(&f, &value, 1);
    static char text[64 * 1024];
    memset(text, 'a', sizeof text);
    AUTO(buf) struct buf out = buf_make(16);
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(f.set);
    CHECK_OK(redact_feed(s, STR("b"), &out));
    for (int i = 0; i < 64; i++)
        CHECK_OK(redact_feed(s, str_bytes(text, sizeof text), &out));
    CHECK_EQ(redact_consumed(s), 1);
    CHECK_STR(buf_str(&out), "b");
    CHECK_OK(redact_feed(s, STR("\n"), &out));
    CHECK_EQ(redact_consumed(s), 1); /* it may go on behind the line break */
    CHECK_OK(redact_feed(s, STR(";\n"), &out));
    CHECK_STR(buf_str(&out), "b***\n;\n");
    CHECK_EQ(redact_consumed(s), 4 + 64 * sizeof text);
    close_fixture(&f);
}

static void test_a_log_line_is_not_held_back(void)
{
    struct str value = STR("hunter22");
    struct fixture f;
    open_fixture(&f, &value, 1);
    AUTO(buf) struct buf out = buf_make(64);
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(f.set);
    CHECK_OK(redact_feed(s, STR("frame 1 of 100 ok\n"), &out));
    CHECK_STR(buf_str(&out), "frame 1 of 100 ok\n");
    CHECK_OK(redact_feed(s, STR("key hunter22"), &out));
    CHECK_STR(buf_str(&out), "frame 1 of 100 ok\nkey ");
    CHECK_EQ(redact_consumed(s), 22);
    CHECK_OK(redact_feed(s, STR(";\r\n"), &out));
    CHECK_STR(buf_str(&out), "frame 1 of 100 ok\nkey ***;\r\n");
    close_fixture(&f);
}

static void test_full_output_is_refused_and_left(void)
{
    struct str value = STR("hunter22");
    struct fixture f;
    open_fixture(&f, &value, 1);
    AUTO(buf) struct buf out = buf_make(8);
    CHECK_OK(buf_put(&out, STR("old")));
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(f.set);
    CHECK_ERR(redact_feed(s, STR("ab hunter22 cd hunter22 "), &out), ERR_TOO_LARGE);
    CHECK_STR(buf_str(&out), "old");
    close_fixture(&f);
}

/* Both ways of finding report the same. */
static void test_automaton_agrees_with_the_filter(void)
{
    for (int round = 0; round < 200; round++) {
        char bytes[8][16], text[2000];
        struct redact_patterns p = redact_patterns_make();
        random_bytes(bytes, sizeof bytes);
        random_bytes(text, sizeof text);
        for (size_t i = 0; i < 8; i++) {
            size_t len = 4 + (uint8_t)bytes[i][0] % 12;
            for (size_t k = 0; k < len; k++)
                bytes[i][k] = "aab"[(uint8_t)bytes[i][k] % 3];
            CHECK_OK(redact_patterns_add(&p, str_bytes(bytes[i], len), SIZE_MAX));
        }
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = "aab"[(uint8_t)text[i] % 3];
        redact_patterns_sort(&p);
        struct redact_filter *filter = redact_filter_new(&p);
        struct redact_automaton *automaton = redact_automaton_new(&p);
        struct redact_runs left = {0}, right = {0};
        struct redact_window w = {(const uint8_t *)text, sizeof text, 7, &left, NULL};
        uint64_t work = 0;
        uint32_t state = 0;
        CHECK(redact_filter_scan(filter, &w, 0, UINT64_MAX, &work));
        w.runs = &right;
        redact_automaton_scan(automaton, &w, 0, &state);
        CHECK_EQ(left.count, right.count);
        CHECK(left.count != right.count || left.count == 0 ||
              memcmp(left.list, right.list, left.count * sizeof *left.list) == 0);
        size_t open;
        CHECK(redact_filter_open(filter, &w, UINT64_MAX, &work, &open));
        CHECK(sizeof text - redact_automaton_open(automaton, state) <= open);
        redact_runs_auto(&left);
        redact_runs_auto(&right);
        redact_automaton_free(&automaton);
        redact_filter_free(&filter);
        redact_patterns_auto(&p);
    }
}

int main(void)
{
    RUN(test_table);
    RUN(test_values_in_random_text_leave_no_trace);
    RUN(test_text_without_values_is_unchanged);
    RUN(test_against_the_reference);
    RUN(test_changes_between_filter_and_automaton);
    RUN(test_largest_value_in_every_piece);
    RUN(test_hostile_input_is_linear);
    RUN(test_run_without_end_needs_no_memory);
    RUN(test_a_log_line_is_not_held_back);
    RUN(test_full_output_is_refused_and_left);
    RUN(test_automaton_agrees_with_the_filter);
    return test_done();
}
