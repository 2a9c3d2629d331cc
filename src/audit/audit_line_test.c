#include "audit_line.h"

#include "aead.h"
#include "test.h"

static const uint8_t mac[HASH_BYTES] = {0x11, 0x22};

static struct audit_fields sample(void)
{
    return (struct audit_fields){.sequence = 7,
                                 .at_ms = 1795478400123,
                                 .team_id = STR("01JDF0000000000000000000T0"),
                                 .event = STR("secret.created"),
                                 .actor = STR("k9Y5KSrkiZSYqu"),
                                 .address = STR("2001:db8::1"),
                                 .subject = STR("01JDF0000000000000000000S0"),
                                 .name = STR("prod/KEY"),
                                 .version = UINT32_MAX,
                                 .field = STR("/assets/0/value"),
                                 .host = STR("s3.example.test")};
}

static void put(const struct audit_fields *f, struct buf *line)
{
    AUTO(buf) struct buf record = buf_make(AUDIT_BYTES_MAX);
    CHECK_OK(audit_bytes_put(f, &record));
    CHECK_OK(audit_line_put(f, buf_str(&record), mac, line));
}

static void test_a_line_says_what_the_record_said(void)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf line = buf_make(AUDIT_LINE_MAX_BYTES);
    AUTO(buf) struct buf before = buf_make(AUDIT_BYTES_MAX), after = buf_make(AUDIT_BYTES_MAX);
    struct audit_fields f = sample();
    struct audit_line back;
    put(&f, &line);
    CHECK_OK(audit_line_read(str_slice(buf_str(&line), 0, line.len - 1), &a, &back));
    CHECK(memcmp(back.leaf, back.made, sizeof back.leaf) == 0);
    CHECK(memcmp(back.mac, mac, sizeof mac) == 0);
    CHECK_OK(audit_bytes_put(&f, &before));
    CHECK_OK(audit_bytes_put(&back.fields, &after));
    CHECK(str_equal(buf_str(&before), buf_str(&after)));
}

static void test_abuse_094_a_record_stays_one_line(void)
{
    static const char *const hostile[] = {
        "a\nb",
        "\r\n{\"sequence\":8}",
        "\"},{\"sequence\":8",
        "\x1b[2J",
        "\xe2\x80\xae.gnp",
        "back\\slash",
        "\x7f\x01",
        "</script>",
    };
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        AUTO(arena) struct arena a = arena_make();
        AUTO(buf) struct buf line = buf_make(AUDIT_LINE_MAX_BYTES);
        struct audit_fields f = sample();
        struct audit_line back;
        f.name = f.field = str_from(hostile[i]);
        put(&f, &line);
        CHECK_EQ(str_find(buf_str(&line), '\n'), line.len - 1);
        CHECK_EQ(str_find(buf_str(&line), '\x1b'), line.len);
        CHECK_OK(audit_line_read(str_slice(buf_str(&line), 0, line.len - 1), &a, &back));
        CHECK_STR(back.fields.name, hostile[i]);
        CHECK(memcmp(back.leaf, back.made, sizeof back.leaf) == 0);
    }
}

/* Whatever is changed: it is no line any more, or its hash is another one, or it says the same. */
static void test_no_change_is_unnoticed(void)
{
    AUTO(buf) struct buf line = buf_make(AUDIT_LINE_MAX_BYTES), want = buf_make(AUDIT_BYTES_MAX);
    struct audit_fields f = sample();
    CHECK_OK(audit_bytes_put(&f, &want));
    put(&f, &line);
    buf_truncate(&line, line.len - 1);
    for (size_t i = 0; i < line.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            AUTO(arena) struct arena a = arena_make();
            AUTO(buf) struct buf got = buf_make(AUDIT_BYTES_MAX);
            struct audit_line back;
            line.ptr[i] = (char)(line.ptr[i] ^ (1 << bit));
            if (audit_line_read(buf_str(&line), &a, &back) == OK &&
                memcmp(back.leaf, back.made, sizeof back.leaf) == 0) {
                CHECK_OK(audit_bytes_put(&back.fields, &got));
                CHECK(str_equal(buf_str(&got), buf_str(&want)));
            }
            line.ptr[i] = (char)(line.ptr[i] ^ (1 << bit));
        }
    }
}

static void test_a_damaged_record_is_told(void)
{
    AUTO(arena) struct arena a = arena_make();
    AUTO(buf) struct buf line = buf_make(AUDIT_LINE_MAX_BYTES);
    struct audit_line back = {.mac = {0}};
    CHECK_OK(audit_line_put_damaged(9, STR("\0garbage\n"), STR("short"), &line));
    CHECK_EQ(str_find(buf_str(&line), '\n'), line.len - 1);
    CHECK_ERR(audit_line_read(str_slice(buf_str(&line), 0, line.len - 1), &a, &back), ERR_TAMPERED);
    CHECK_EQ(back.fields.sequence, 9);
}

static void test_what_is_no_line(void)
{
    static const char *const bad[] = {
        "",    "{}", "[]", "null", "{\"sequence\":1}", "{\"sequence\":1,\"at\":\"yesterday\"}",
        "\xff"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct audit_line back;
        CHECK_ERR(audit_line_read(str_from(bad[i]), &a, &back), ERR_INVALID);
    }
}

int main(void)
{
    CHECK_OK(crypto_open());
    RUN(test_a_line_says_what_the_record_said);
    RUN(test_abuse_094_a_record_stays_one_line);
    RUN(test_no_change_is_unnoticed);
    RUN(test_a_damaged_record_is_told);
    RUN(test_what_is_no_line);
    return test_done();
}
