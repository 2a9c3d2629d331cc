#include "multipart.h"

#include "buf.h"
#include "test.h"

/* What came out, as text: "[name|file](contents)". */
struct seen {
    struct buf text;
    enum err answer; /* what the sink says to the second part */
    size_t parts;
};

static enum err on_part(void *ctx, const struct multipart_part *p)
{
    struct seen *s = ctx;
    if (s->parts > 0)
        TRY(buf_put(&s->text, STR(")")));
    TRY(buf_printf(&s->text, "[%.*s|", (int)p->name.len, p->name.ptr));
    TRY(buf_put(&s->text, p->file_name.ptr ? p->file_name : STR("-")));
    TRY(buf_put(&s->text, STR("](")));
    return ++s->parts == 2 ? s->answer : OK;
}

static enum err on_data(void *ctx, struct str bytes)
{
    struct seen *s = ctx;
    CHECK(bytes.len > 0);
    return buf_put(&s->text, bytes);
}

/* In pieces of `step` bytes. */
static enum err parse(struct str body, size_t step, struct seen *s, struct multipart *m)
{
    multipart_init(m, STR("XX"),
                   &(struct multipart_sink){.part = on_part, .data = on_data, .ctx = s});
    for (size_t at = 0; at < body.len; at += step)
        TRY(multipart_feed(m, str_slice(body, at, at + step)));
    TRY(multipart_end(m));
    return buf_put(&s->text, STR(")"));
}

#define FONT_HEAD "Content-Disposition: form-data; name=\"font\"; filename=\"a.ttf\"\r\n\r\n"
#define TEXT_HEAD "Content-Disposition: form-data; name=\"t\"\r\n\r\n"

static void test_forms_in_pieces_of_any_size(void)
{
    static const struct {
        struct str body, want;
    } cases[] = {
        {STR("--XX\r\n" FONT_HEAD "data\r\n--XX--\r\n"), STR("[font|a.ttf](data)")},
        {STR("--XX\r\n" FONT_HEAD "data\r\n--XX--"), STR("[font|a.ttf](data)")},
        {STR("--XX\r\n" FONT_HEAD "\r\n--XX--"), STR("[font|a.ttf]()")},
        {STR("--XX\r\n" FONT_HEAD "a\r\n--XX\r\n" TEXT_HEAD "b\r\n--XX--\r\n"),
         STR("[font|a.ttf](a)[t|-](b)")},
        /* what looks like the boundary, but is not */
        {STR("--XX\r\n" TEXT_HEAD "\r\n--X\r\r\n--\r\n-\r--XX\n--XX--XX\r\n--XX--"),
         STR("[t|-](\r\n--X\r\r\n--\r\n-\r--XX\n--XX--XX)")},
        {STR("--XX\r\n" TEXT_HEAD "\0\xff\r\n\r\n--XX--"), STR("[t|-](\0\xff\r\n)")},
        {STR("--XX\r\ncontent-type: font/ttf\r\nCONTENT-DISPOSITION:form-data;NAME=t;"
             "FileName=x.ttf\r\nContent-Transfer-Encoding: Binary\r\n\r\nd\r\n--XX--"),
         STR("[t|x.ttf](d)")},
        {STR("--XX\r\nContent-Disposition: form-data; name=\"a \\\"b\\\\c\\d\"; filename=\"\"; "
             "size=3\r\n\r\nd\r\n--XX--"),
         STR("[a \"b\\c\\d|](d)")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step <= cases[i].body.len; step++) {
            struct seen s = {.text = buf_make(4096)};
            struct multipart m;
            CHECK_OK(parse(cases[i].body, step, &s, &m));
            CHECK(str_equal(buf_str(&s.text), cases[i].want));
            buf_auto(&s.text);
        }
    }
}

static void test_malformed_forms_are_refused(void)
{
    static const struct {
        struct str body;
    } cases[] = {
        {STR("")},
        {STR("--XX--")},
        {STR("--XX--\r\n")},
        {STR("x")},
        {STR("\r\n--XX\r\n" TEXT_HEAD "d\r\n--XX--")},
        {STR("preamble\r\n--XX\r\n" TEXT_HEAD "d\r\n--XX--")},
        {STR("--XY\r\n" TEXT_HEAD "d\r\n--XY--")},
        {STR("--XX \r\n" TEXT_HEAD "d\r\n--XX--")},
        {STR("--XX\n" TEXT_HEAD "d\r\n--XX--")},
        {STR("--XX\r\n" TEXT_HEAD "d")},
        {STR("--XX\r\n" TEXT_HEAD "d\r\n--XX")},
        {STR("--XX\r\n" TEXT_HEAD "d\r\n--XX-")},
        {STR("--XX\r\n" TEXT_HEAD "d\r\n--XX-x")},
        {STR("--XX\r\n" TEXT_HEAD "d\r\n--XX\r\n")},
        {STR("--XX\r\n" TEXT_HEAD "d\r\n--XX--x")},
        {STR("--XX\r\n" TEXT_HEAD "d\r\n--XX--\r\nmore")},
        {STR("--XX\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Type: a/b\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nno colon\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\n: empty\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition : form-data; name=t\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\n folded: x\r\n" TEXT_HEAD "d\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition: form-data\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition: attachment; name=t\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition: form-data; name=\"t\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition: form-data; name=\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition: form-data; name\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition: form-data name=t\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition: form-data; name=t x\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition: form-data; name=t; name=t\r\n\r\nd\r\n--XX--")},
        {STR("--XX\r\nContent-Disposition: form-data; name=t\r\n" TEXT_HEAD "d\r\n--XX--")},
        {STR("--XX\r\nContent-Transfer-Encoding: base64\r\n" TEXT_HEAD "d\r\n--XX--")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step <= 64; step *= 8) {
            struct seen s = {.text = buf_make(4096)};
            struct multipart m;
            enum err e = parse(cases[i].body, step, &s, &m);
            if (e != ERR_INVALID || !m.why)
                printf("# case %zu\n", i);
            CHECK_ERR(e, ERR_INVALID);
            CHECK(m.why != NULL);
            buf_auto(&s.text);
        }
    }
}

static void test_the_sink_may_end_it(void)
{
    struct seen s = {.text = buf_make(4096), .answer = ERR_STORE_FULL};
    struct multipart m;
    struct str body = STR("--XX\r\n" FONT_HEAD "a\r\n--XX\r\n" TEXT_HEAD "b\r\n--XX--\r\n");
    CHECK_ERR(parse(body, body.len, &s, &m), ERR_STORE_FULL);
    CHECK(m.why == NULL);
    buf_auto(&s.text);
}

static void test_parts_are_counted(void)
{
    for (size_t parts = MULTIPART_PARTS_MAX; parts <= MULTIPART_PARTS_MAX + 1; parts++) {
        AUTO(buf) struct buf body = buf_make(65536);
        struct seen s = {.text = buf_make(65536)};
        struct multipart m;
        for (size_t i = 0; i < parts; i++)
            CHECK_OK(buf_printf(&body, "%s--XX\r\n" TEXT_HEAD "d", i ? "\r\n" : ""));
        CHECK_OK(buf_put(&body, STR("\r\n--XX--")));
        CHECK_ERR(parse(buf_str(&body), 7, &s, &m),
                  parts == MULTIPART_PARTS_MAX ? OK : ERR_INVALID);
        buf_auto(&s.text);
    }
}

static void test_a_head_has_a_limit(void)
{
    static const char before[] = "--XX\r\nContent-Disposition: form-data; name=t\r\nX: ";
    size_t fixed = sizeof before - 1 - 6 + 4; /* without the boundary, with both line ends */
    for (size_t len = MULTIPART_HEAD_MAX; len <= MULTIPART_HEAD_MAX + 1; len++) {
        AUTO(buf) struct buf body = buf_make(65536);
        struct seen s = {.text = buf_make(65536)};
        struct multipart m;
        CHECK_OK(buf_put(&body, str_from(before)));
        for (size_t i = fixed; i < len; i++)
            CHECK_OK(buf_put_byte(&body, 'x'));
        CHECK_OK(buf_put(&body, STR("\r\n\r\nd\r\n--XX--")));
        CHECK_ERR(parse(buf_str(&body), 100, &s, &m), len == MULTIPART_HEAD_MAX ? OK : ERR_INVALID);
        buf_auto(&s.text);
    }
}

static void test_the_boundary_is_found(void)
{
    char longest[128] = "multipart/form-data; boundary=";
    size_t len = strlen(longest);
    memset(longest + len, 'b', MULTIPART_BOUNDARY_MAX + 1);
    static const struct {
        const char *type, *want;
    } cases[] = {
        {"multipart/form-data; boundary=XX", "XX"},
        {"Multipart/Form-Data;boundary=\"a b:c\"; charset=utf-8", "a b:c"},
        {"multipart/form-data ; charset=utf-8 ;  BOUNDARY=----WebKit'()+_,-./:=?9", NULL},
        {"multipart/form-data; boundary=\"----x'()+_,-./:=?9\"", "----x'()+_,-./:=?9"},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary=\"a", NULL},
        {"multipart/form-data; boundary=\"a\\\"b\"", NULL},
        {"multipart/form-data; boundary=a; boundary=b", NULL},
        {"multipart/form-data; boundary=a b", NULL},
        {"multipart/form-data; xboundary=a", NULL},
        {"multipart/form-data", NULL},
        {"multipart/mixed; boundary=XX", NULL},
        {"application/x-www-form-urlencoded", NULL},
        {"", NULL},
    };
    struct str got;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool found = multipart_boundary(str_from(cases[i].type), &got);
        CHECK_EQ(found, cases[i].want != NULL);
        if (found)
            CHECK_STR(got, cases[i].want);
    }
    CHECK(!multipart_boundary(str_from(longest), &got));
    longest[len + MULTIPART_BOUNDARY_MAX] = '\0';
    CHECK(multipart_boundary(str_from(longest), &got));
    CHECK_EQ(got.len, MULTIPART_BOUNDARY_MAX);
}

int main(void)
{
    RUN(test_forms_in_pieces_of_any_size);
    RUN(test_malformed_forms_are_refused);
    RUN(test_the_sink_may_end_it);
    RUN(test_parts_are_counted);
    RUN(test_a_head_has_a_limit);
    RUN(test_the_boundary_is_found);
    return test_done();
}
