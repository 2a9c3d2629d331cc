#include "backup_rows.h"
#include "test.h"

static const struct store_value values[] = {
    {STORE_NULL, 0, {"", 0}},       {STORE_INT, -5, {"", 0}}, {STORE_TEXT, 0, {"text", 4}},
    {STORE_BLOB, 0, {"\0\xff", 2}}, {STORE_TEXT, 0, {"", 0}},
};
static struct buf body = {.max = 4096};

static void test_a_row_comes_back(void)
{
    struct store_value back[ARRAY_LEN(values)];
    CHECK_OK(backup_row_encode(values, ARRAY_LEN(values), &body));
    CHECK_OK(backup_row_decode(buf_str(&body), back, ARRAY_LEN(values)));
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        CHECK_EQ(back[i].type, values[i].type);
        CHECK_EQ(back[i].number, values[i].number);
        CHECK(str_equal(back[i].bytes, values[i].bytes));
    }
    CHECK_ERR(backup_row_decode(buf_str(&body), back, ARRAY_LEN(values) - 1), ERR_TAMPERED);
    for (size_t len = 0; len < body.len; len++)
        CHECK_ERR(backup_row_decode(str_slice(buf_str(&body), 0, len), back, ARRAY_LEN(values)),
                  ERR_TAMPERED);
    body.ptr[0] = 4; /* a kind that is none */
    CHECK_ERR(backup_row_decode(buf_str(&body), back, ARRAY_LEN(values)), ERR_TAMPERED);
}

static void test_a_table_comes_back(void)
{
    static const struct str names[] = {{"id", 2}, {"value", 5}};
    static struct str many[BACKUP_COLUMNS_MAX + 1];
    static struct str columns[BACKUP_COLUMNS_MAX];
    const struct store_table t = {STR("secrets"), names, 2};
    struct store_table back;
    CHECK_OK(backup_table_encode(&t, &body));
    CHECK_OK(backup_table_decode(buf_str(&body), columns, &back));
    CHECK_STR(back.name, "secrets");
    CHECK_EQ(back.column_count, 2);
    CHECK_STR(back.columns[1], "value");
    for (size_t len = 0; len < body.len; len++)
        CHECK_ERR(backup_table_decode(str_slice(buf_str(&body), 0, len), columns, &back),
                  ERR_TAMPERED);
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = STR("c");
    const size_t counts[] = {0, 1, BACKUP_COLUMNS_MAX, BACKUP_COLUMNS_MAX + 1};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        const struct store_table wide = {STR("t"), many, counts[i]};
        bool fits = counts[i] > 0 && counts[i] <= BACKUP_COLUMNS_MAX;
        CHECK_OK(backup_table_encode(&wide, &body));
        CHECK_ERR(backup_table_decode(buf_str(&body), columns, &back), fits ? OK : ERR_TAMPERED);
    }
}

static void test_the_beginning_comes_back(void)
{
    const struct backup_begin b = {.schema_version = 3,
                                   .created_at_ms = 1795478400000,
                                   .with_spool = true,
                                   .database_bytes = 1,
                                   .spool_bytes = 2,
                                   .instance_id = STR("01JDF0000000000000000000A0"),
                                   .program = STR("0.1.0"),
                                   .export = STR("sealed")};
    struct backup_begin back;
    CHECK_OK(backup_begin_encode(&b, &body));
    CHECK_OK(backup_begin_decode(buf_str(&body), &back));
    CHECK(back.schema_version == 3 && back.created_at_ms == b.created_at_ms && back.with_spool);
    CHECK(back.database_bytes == 1 && back.spool_bytes == 2);
    CHECK_STR(back.instance_id, "01JDF0000000000000000000A0");
    CHECK_STR(back.export, "sealed");
    for (size_t len = 0; len < body.len; len++)
        CHECK_ERR(backup_begin_decode(str_slice(buf_str(&body), 0, len), &back), ERR_TAMPERED);
    body.ptr[12] = 2; /* a flag that is none */
    CHECK_ERR(backup_begin_decode(buf_str(&body), &back), ERR_TAMPERED);
}

static void test_a_file_has_a_plain_name(void)
{
    static const char *const good[] = {"a", "template.01.02", "01JDF.out", "a-b_c.D9"};
    static const char *const bad[] = {"",    ".",   "..",   ".hidden",  "a/b", "../x", "/x",
                                      "a b", "a\n", "a\\b", "\xc3\xa4", "a:b", "a\x7f"};
    static char longest[BACKUP_FILE_NAME_MAX_BYTES + 1];
    struct backup_file back;
    memset(longest, 'a', sizeof longest);
    CHECK(backup_file_name_valid(str_bytes(longest, sizeof longest - 1)));
    CHECK(!backup_file_name_valid(str_bytes(longest, sizeof longest)));
    CHECK(!backup_file_name_valid(str_bytes("a\0b", 3)));
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        const struct backup_file f = {str_from(good[i]), UINT64_MAX};
        CHECK_OK(backup_file_encode(&f, &body));
        CHECK_OK(backup_file_decode(buf_str(&body), &back));
        CHECK_STR(back.name, good[i]);
        CHECK(back.size_bytes == UINT64_MAX);
        for (size_t len = 0; len < body.len; len++)
            CHECK_ERR(backup_file_decode(str_slice(buf_str(&body), 0, len), &back), ERR_TAMPERED);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct backup_file f = {str_from(bad[i]), 0};
        CHECK_OK(backup_file_encode(&f, &body));
        CHECK_ERR(backup_file_decode(buf_str(&body), &back), ERR_TAMPERED);
    }
}

int main(void)
{
    RUN(test_a_row_comes_back);
    RUN(test_a_table_comes_back);
    RUN(test_the_beginning_comes_back);
    RUN(test_a_file_has_a_plain_name);
    buf_auto(&body);
    return test_done();
}
