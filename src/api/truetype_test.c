#include "truetype.h"

#include "io.h"
#include "test.h"

enum { FAMILY_MAX = 128 };

/* --- fonts as small as they can be: tables head, name and glyf --- */

static void put_u16(struct buf *b, unsigned v)
{
    CHECK_OK(buf_put_byte(b, (uint8_t)(v >> 8)));
    CHECK_OK(buf_put_byte(b, (uint8_t)v));
}

static void put_u32(struct buf *b, uint32_t v)
{
    put_u16(b, v >> 16);
    put_u16(b, v & 0xffff);
}

struct name {
    unsigned platform, encoding, language, name;
    struct str text;
};

static void make_names(struct buf *out, const struct name *names, size_t count)
{
    size_t offset = 0;
    put_u16(out, 0);
    put_u16(out, (unsigned)count);
    put_u16(out, (unsigned)(6 + 12 * count));
    for (size_t i = 0; i < count; i++) {
        put_u16(out, names[i].platform);
        put_u16(out, names[i].encoding);
        put_u16(out, names[i].language);
        put_u16(out, names[i].name);
        put_u16(out, (unsigned)names[i].text.len);
        put_u16(out, (unsigned)offset);
        offset += names[i].text.len;
    }
    for (size_t i = 0; i < count; i++)
        CHECK_OK(buf_put(out, names[i].text));
}

static void make_font(struct buf *out, struct str tag, const struct name *names, size_t count)
{
    static const char *const tables[] = {"glyf", "head", "name"};
    AUTO(buf) struct buf table = buf_make(65536);
    make_names(&table, names, count);
    CHECK_OK(buf_put(out, tag));
    put_u16(out, ARRAY_LEN(tables));
    for (int i = 0; i < 3; i++)
        put_u16(out, 0);
    size_t at = 12 + 16 * ARRAY_LEN(tables);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        bool is_name = i == 2;
        CHECK_OK(buf_put(out, str_from(tables[i])));
        put_u32(out, 0);
        put_u32(out, (uint32_t)at);
        put_u32(out, is_name ? (uint32_t)table.len : 4);
        at += is_name ? 0 : 4;
    }
    CHECK_OK(buf_put(out, STR("glyfhead")));
    CHECK_OK(buf_put(out, buf_str(&table)));
}

#define TRUETYPE STR("\0\1\0\0")
#define WINDOWS  3, 1, 0x409

static void check_family(const struct name *names, size_t count, const char *want)
{
    AUTO(buf) struct buf font = buf_make(65536), family = buf_make(FAMILY_MAX);
    make_font(&font, TRUETYPE, names, count);
    CHECK(truetype_problem(buf_str(&font)) == NULL);
    CHECK_ERR(truetype_family(buf_str(&font), &family), want ? OK : ERR_NOT_FOUND);
    if (want)
        CHECK_STR(buf_str(&family), want);
}
#define CHECK_FAMILY(want, ...)                                                                    \
    do {                                                                                           \
        const struct name names_[] = {__VA_ARGS__};                                                \
        check_family(names_, ARRAY_LEN(names_), want);                                             \
    } while (0)

static void test_the_best_name_is_taken(void)
{
    static const struct name roman = {1, 0, 0, 1, STR("Roman")}, unicode = {0, 3, 0, 1, STR("\0U")},
                             german = {3, 1, 0x407, 1, STR("\0D")},
                             english = {WINDOWS, 1, STR("\0E")}, typo = {1, 0, 0, 16, STR("Typo")},
                             full = {WINDOWS, 4, STR("\0F")};
    CHECK_FAMILY("Roman", full, roman);
    CHECK_FAMILY("U", unicode, roman);
    CHECK_FAMILY("U", roman, unicode);
    CHECK_FAMILY("D", roman, german, unicode);
    CHECK_FAMILY("E", german, english, roman);
    CHECK_FAMILY("E", english, german, english);
    CHECK_FAMILY("Typo", english, typo);
    CHECK_FAMILY(NULL, full);
    check_family(NULL, 0, NULL);
}

static void test_text_becomes_utf8(void)
{
    CHECK_FAMILY("\xc3\x84 \xe2\x82\xac", {WINDOWS, 1, STR("\0\xc4\0 \x20\xac")});
    CHECK_FAMILY("\xf0\x9f\x98\x80", {WINDOWS, 1, STR("\xd8\x3d\xde\x00")});
    CHECK_FAMILY("\xf4\x8f\xbf\xbd", {WINDOWS, 1, STR("\xdb\xff\xdf\xfd")});
    CHECK_FAMILY("\xee\x80\x80", {WINDOWS, 1, STR("\xe0\x00")});
}

/* What cannot be used gives way to a lesser record. */
static void test_bad_text_is_passed_over(void)
{
    static const struct name roman = {1, 0, 0, 1, STR("Roman")};
    static const struct str bad[] = {
        STR(""),                 /* empty */
        STR("\0A\0"),            /* half a character */
        STR("\xd8\x3d"),         /* a high surrogate alone */
        STR("\xd8\x3d\0A"),      /* followed by something else */
        STR("\xd8\x3d\xd8\x3d"), /* by another */
        STR("\xde\x00"),         /* a low one alone */
        STR("\0\0"),             /* NUL */
        STR("\0A\0\n"),          /* a control character */
        STR("\0\x7f"),           /* one more */
        STR("\0\x85"),           /* one beyond ASCII */
        STR("\xff\xfe"),         /* a byte order mark the wrong way round */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct name names[] = {{WINDOWS, 1, bad[i]}, roman};
        check_family(names, 2, "Roman");
        check_family(names, 1, NULL);
    }
    CHECK_FAMILY(NULL, {1, 0, 0, 1,
                        STR("Sch\x9a"
                            "n")});
    CHECK_FAMILY(NULL, {1, 1, 0, 1, STR("Japanese")});
    CHECK_FAMILY(NULL, {2, 0, 0, 1, STR("ISO")});
}

static void test_a_name_has_a_limit(void)
{
    static char text[2 * (FAMILY_MAX + 1)];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? 'n' : '\0';
    const struct name longest = {WINDOWS, 1, str_bytes(text, 2 * FAMILY_MAX)};
    const struct name longer = {WINDOWS, 1, str_bytes(text, sizeof text)};
    char want[FAMILY_MAX + 1] = {0};
    memset(want, 'n', FAMILY_MAX);
    check_family(&longest, 1, want);
    check_family(&longer, 1, NULL);
}

static void test_records_outside_the_table_are_passed_over(void)
{
    static const struct name roman = {1, 0, 0, 1, STR("Roman")};
    AUTO(buf) struct buf font = buf_make(65536), family = buf_make(FAMILY_MAX);
    make_font(&font, TRUETYPE, &roman, 1);
    size_t table = font.len - (6 + 12 + 5);
    static const struct {
        size_t at;
        char byte;
    } edits[] = {{2, '\xff'}, {4, '\xff'}, {14, '\xff'}, {15, 6}, {16, '\xff'}, {17, 1}};
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        char *at = font.ptr + table + edits[i].at, before = *at;
        *at = edits[i].byte;
        enum err e = truetype_family(buf_str(&font), &family);
        CHECK(e == (edits[i].at == 2 ? OK : ERR_NOT_FOUND)); /* more records than there are */
        *at = before;
    }
    CHECK_OK(truetype_family(buf_str(&font), &family));
}

static void test_other_files_are_refused(void)
{
    static const struct name roman = {1, 0, 0, 1, STR("Roman")};
    static const struct {
        struct str tag;
        const char *word;
    } cases[] = {{STR("OTTO"), "PostScript"}, {STR("ttcf"), "collection"}, {STR("wOFF"), "web"},
                 {STR("wOF2"), "web"},        {STR("%PDF"), "not a"},      {STR("PK\3\4"), "not a"},
                 {STR("\0\2\0\0"), "not a"},  {STR("True"), "not a"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) struct buf font = buf_make(65536);
        make_font(&font, cases[i].tag, &roman, 1);
        const char *problem = truetype_problem(buf_str(&font));
        CHECK(problem && strstr(problem, cases[i].word));
    }
    AUTO(buf) struct buf apple = buf_make(65536);
    make_font(&apple, STR("true"), &roman, 1);
    CHECK(truetype_problem(buf_str(&apple)) == NULL);
    CHECK(strstr(truetype_problem(STR_EMPTY), "empty"));
}

static void test_a_font_that_is_cut_off_or_damaged_is_refused(void)
{
    static const struct name roman = {1, 0, 0, 1, STR("Roman")};
    AUTO(buf) struct buf font = buf_make(65536);
    make_font(&font, TRUETYPE, &roman, 1);
    for (size_t len = 0; len < font.len; len++)
        CHECK(truetype_problem(str_bytes(font.ptr, len)) != NULL);
    static const char *const needed[] = {"glyf", "head", "name"};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        char *tag = font.ptr + 12 + 16 * i;
        *tag = 'X';
        CHECK(strstr(truetype_problem(buf_str(&font)), "missing"));
        *tag = needed[i][0];
    }
    /* Every flip of a bit is either seen or harmless. */
    for (size_t bit = 0; bit < font.len * 8; bit++) {
        AUTO(buf) struct buf family = buf_make(FAMILY_MAX);
        font.ptr[bit / 8] ^= (char)(1 << bit % 8);
        if (!truetype_problem(buf_str(&font)))
            (void)!truetype_family(buf_str(&font), &family);
        font.ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void test_a_real_font(void)
{
    static const struct {
        const char *path, *family;
    } cases[] = {
        {"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "DejaVu Sans"},
        {"/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf", "DejaVu Sans Mono"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) struct buf font = buf_make(4 << 20), family = buf_make(FAMILY_MAX);
        enum err e = io_read_file(cases[i].path, &font);
        if (e == ERR_NOT_FOUND) /* the API tests install it, this one runs without */
            continue;
        CHECK_OK(e);
        CHECK(truetype_problem(buf_str(&font)) == NULL);
        CHECK_OK(truetype_family(buf_str(&font), &family));
        CHECK_STR(buf_str(&family), cases[i].family);
    }
}

int main(void)
{
    RUN(test_the_best_name_is_taken);
    RUN(test_text_becomes_utf8);
    RUN(test_bad_text_is_passed_over);
    RUN(test_a_name_has_a_limit);
    RUN(test_records_outside_the_table_are_passed_over);
    RUN(test_other_files_are_refused);
    RUN(test_a_font_that_is_cut_off_or_damaged_is_refused);
    RUN(test_a_real_font);
    return test_done();
}
