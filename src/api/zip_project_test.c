#include "zip_project.h"

#include "buf.h"
#include "test.h"

static struct arena arena;

static void put_le(struct buf *b, uint32_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        CHECK_OK(buf_put_byte(b, (uint8_t)(v >> 8 * i)));
}

static void put_entry(struct buf *b, struct str name, uint32_t flags, uint32_t method)
{
    CHECK_OK(buf_put(b, STR("PK\001\002")));
    put_le(b, 0x14, 2);
    put_le(b, 0x14, 2);
    put_le(b, flags, 2);
    put_le(b, method, 2);
    for (int i = 0; i < 4; i++)
        put_le(b, 0, 4); /* times, CRC, sizes: nobody asks */
    put_le(b, (uint32_t)name.len, 2);
    put_le(b, 2, 2); /* extra */
    put_le(b, 1, 2); /* comment */
    put_le(b, 0, 4);
    put_le(b, 0, 4);
    put_le(b, 0, 4);
    CHECK_OK(buf_put(b, name));
    CHECK_OK(buf_put(b, STR("exc")));
}

/* Names with a bar between. */
static struct str project(const char *names)
{
    AUTO(buf) struct buf b = buf_make(1 << 20);
    struct str rest = str_from(names), name;
    uint32_t count = 0;
    do {
        rest = str_split(rest, '|', &name);
        put_entry(&b, name, 0, 8);
        count++;
    } while (rest.ptr);
    return zip_project_of(buf_str(&b), count, &arena);
}

static void test_the_one_project(void)
{
    CHECK_STR(project("a.aep"), "a.aep");
    CHECK_STR(project("a.AEP|footage/x.mov"), "a.AEP");
    CHECK_STR(project("a.aepx|b.txt"), "a.aepx");
    CHECK_STR(project("p/a.aep|other/x"), "p/a.aep");
    CHECK_STR(project("p/deep/\xc3\xa9 a.aep|x"), "p/deep/\xc3\xa9 a.aep");
}

static void test_a_folder_that_holds_everything_is_left_out(void)
{
    CHECK_STR(project("p/|p/a.aep|p/f/x.mov"), "a.aep");
    CHECK_STR(project("p/a.aep"), "a.aep");
    CHECK_STR(project("p/q/a.aep|p/q/b"), "q/a.aep");
    CHECK_STR(project("p/a.aep|pp/x"), "p/a.aep");
    CHECK_STR(project("p/a.aep|p.txt"), "p/a.aep");
    CHECK_STR(project("p/a.aep|__MACOSX/p/._a.aep"), "p/a.aep");
}

static void test_what_is_not_the_project(void)
{
    CHECK_STR(project("a.aep|__MACOSX/._a.aep|Adobe After Effects Auto-Save/a auto-save 1.aep"),
              "a.aep");
    CHECK_STR(project("p/a.aep|p/adobe after effects auto-save/b.aep|p/._c.aep"), "a.aep");
    CHECK_EQ(project("a.txt|b.aep.txt|.aep|c.aet").len, 0);
    CHECK_EQ(project("a.aep|b.aep").len, 0);
    CHECK_EQ(project("a.aep|x/A.aepx").len, 0);
    CHECK_EQ(project("a.aep|a.aep").len, 0);
    CHECK_EQ(project("__MACOSX/a.aep").len, 0);
}

static void test_doubtful_paths_make_the_archive_doubtful(void)
{
    static const char *const bad[] = {"../x", "/x",    "a/../x", "a//x",    "./x", "x\\y",
                                      "C:x",  "a\x01", "\xff",   "a/./b",   "..",  "/",
                                      "a/..", "x\xc3", "a\x7f",  "\\\\h\\s"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct str names = arena_printf(&arena, "a.aep|%s", bad[i]);
        if (project(names.ptr).len)
            CHECK_STR(str_from(bad[i]), "refused");
    }
    CHECK_EQ(project("a.aep|").len, 0);
    struct str longest = arena_printf(&arena, "%0*d.aep", ZIP_PATH_MAX_BYTES - 4, 0);
    CHECK_EQ(project(longest.ptr).len, ZIP_PATH_MAX_BYTES);
    longest = arena_printf(&arena, "%0*d.aep", ZIP_PATH_MAX_BYTES - 3, 0);
    CHECK_EQ(project(longest.ptr).len, 0);
}

static void test_entries_that_cannot_be_unpacked(void)
{
    static const struct {
        uint32_t flags, method;
        bool good;
    } cases[] = {{0, 0, true},  {0, 8, true},   {1 << 11, 8, true}, {1, 8, false},
                 {0, 9, false}, {0, 14, false}, {0x41, 0, false},   {8, 8, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) struct buf b = buf_make(1024);
        put_entry(&b, STR("a.aep"), cases[i].flags, cases[i].method);
        CHECK_EQ(zip_project_of(buf_str(&b), 1, &arena).len > 0, cases[i].good);
        CHECK_EQ(zip_project_of(buf_str(&b), 2, &arena).len, 0);
        CHECK_EQ(zip_project_of(buf_str(&b), 0, &arena).len, 0);
        for (size_t cut = 0; cut < b.len; cut++)
            CHECK_EQ(zip_project_of(str_slice(buf_str(&b), 0, cut), 1, &arena).len, 0);
    }
}

static struct str archive(struct str comment, int32_t shift)
{
    AUTO(buf) struct buf b = buf_make(1 << 20);
    CHECK_OK(buf_put(&b, STR("what the entries hold")));
    size_t from = b.len;
    put_entry(&b, STR("a.aep"), 0, 8);
    size_t bytes = b.len - from;
    CHECK_OK(buf_put(&b, STR("PK\005\006")));
    put_le(&b, 0, 4);
    put_le(&b, 1, 2);
    put_le(&b, 1, 2);
    put_le(&b, (uint32_t)bytes, 4);
    put_le(&b, (uint32_t)((int32_t)from + shift), 4);
    put_le(&b, (uint32_t)comment.len, 2);
    CHECK_OK(buf_put(&b, comment));
    return arena_str(&arena, buf_str(&b));
}

static bool found(struct str file)
{
    struct zip_directory d;
    if (!zip_directory_find(file, file.len, &d))
        return false;
    CHECK_STR(zip_project_of(str_slice(file, d.offset, d.offset + d.bytes), d.count, &arena),
              "a.aep");
    return true;
}

static void test_the_directory_is_where_the_end_says(void)
{
    CHECK(found(archive(STR_EMPTY, 0)));
    CHECK(found(archive(STR("a comment with PK\005\006 in it"), 0)));
    CHECK(!found(archive(STR_EMPTY, 1)));
    CHECK(!found(archive(STR_EMPTY, -1)));
    struct str whole = archive(STR("c"), 0);
    for (size_t cut = 0; cut < whole.len; cut++)
        CHECK(!found(str_slice(whole, 0, cut)));
    /* an end within a comment does not fit */
    struct str inner = archive(STR_EMPTY, 0);
    struct str tail = str_slice(inner, inner.len - ZIP_END_BYTES, inner.len);
    AUTO(buf) struct buf twice = buf_make(1 << 20);
    CHECK_OK(buf_put(&twice, archive(tail, 0)));
    struct zip_directory d;
    CHECK(zip_directory_find(buf_str(&twice), twice.len, &d));
}

int main(void)
{
    arena = arena_make();
    RUN(test_the_one_project);
    RUN(test_a_folder_that_holds_everything_is_left_out);
    RUN(test_what_is_not_the_project);
    RUN(test_doubtful_paths_make_the_archive_doubtful);
    RUN(test_entries_that_cannot_be_unpacked);
    RUN(test_the_directory_is_where_the_end_says);
    arena_auto(&arena);
    return test_done();
}
