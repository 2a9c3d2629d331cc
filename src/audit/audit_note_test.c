#include "audit_note.h"

#include "aead.h"
#include "encode.h"
#include "test.h"

#define INSTANCE STR("01JDF0000000000000000000A0")
#define TEAM     STR("01JDF0000000000000000000T0")

static const uint8_t seed[SIGN_SEED_BYTES] = {1, 2, 3}, other_seed[SIGN_SEED_BYTES] = {3, 2, 1};
static const struct audit_checkpoint checkpoint = {
    .size = 1204, .root = {0xab, 0xcd}, .head = {0xef}};

static struct audit_key key_of(struct str team, const uint8_t *from)
{
    AUTO(buf) struct buf origin = buf_make(AUDIT_ORIGIN_MAX_BYTES);
    AUTO(buf) struct buf text = buf_make(AUDIT_KEY_MAX_BYTES);
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    struct audit_key key = {.origin = ""};
    sign_public(from, public_key);
    CHECK_OK(audit_note_origin(INSTANCE, team, &origin));
    CHECK_OK(audit_note_key(buf_str(&origin), public_key, &text));
    CHECK_OK(audit_key_read(buf_str(&text), &key));
    CHECK_STR(buf_str(&origin), key.origin);
    return key;
}

static void sign(struct buf *note)
{
    AUTO(buf) struct buf origin = buf_make(AUDIT_ORIGIN_MAX_BYTES);
    CHECK_OK(audit_note_origin(INSTANCE, TEAM, &origin));
    CHECK_OK(audit_note_sign(buf_str(&origin), &checkpoint, seed, note));
}

static void test_what_is_signed_opens(void)
{
    AUTO(buf) struct buf note = buf_make(AUDIT_NOTE_MAX_BYTES);
    struct audit_key key = key_of(TEAM, seed);
    struct audit_checkpoint c;
    sign(&note);
    CHECK(str_starts(buf_str(&note), STR("safelight/audit/01JDF0000000000000000000A0/"
                                         "01JDF0000000000000000000T0\n1204\nq80AAAAA")));
    CHECK_OK(audit_note_open(buf_str(&note), &key, &c));
    CHECK_EQ(c.size, checkpoint.size);
    CHECK(memcmp(c.root, checkpoint.root, sizeof c.root) == 0);
    CHECK(memcmp(c.head, checkpoint.head, sizeof c.head) == 0);
}

static void test_abuse_093_no_byte_of_a_checkpoint_can_be_changed(void)
{
    AUTO(buf) struct buf note = buf_make(AUDIT_NOTE_MAX_BYTES);
    struct audit_key key = key_of(TEAM, seed);
    struct audit_checkpoint c;
    sign(&note);
    for (size_t i = 0; i < note.len; i++) {
        note.ptr[i] ^= 1;
        CHECK(audit_note_open(buf_str(&note), &key, &c) != OK);
        note.ptr[i] ^= 1;
        CHECK(audit_note_open(str_slice(buf_str(&note), 0, i), &key, &c) != OK);
    }
    CHECK_OK(buf_put(&note, STR("x\n")));
    CHECK_ERR(audit_note_open(buf_str(&note), &key, &c), ERR_INVALID);
}

static void test_abuse_094_no_id_adds_a_line(void)
{
    static const char *const bad[] = {"",    "a\nb", "a b", "a+b", "a/b", "\xe2\x80\xae",
                                      "a\r", "-",    "a\t", "a.b"};
    AUTO(buf) struct buf origin = buf_make(AUDIT_ORIGIN_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_ERR(audit_note_origin(str_from(bad[i]), TEAM, &origin), ERR_INVALID);
        CHECK_ERR(audit_note_origin(INSTANCE, str_from(bad[i]), &origin), ERR_INVALID);
    }
    CHECK_EQ(origin.len, 0);
}

static void test_lines_between_are_refused(void)
{
    static const char *const texts[] = {
        "safelight/audit/A/T\n1\n",
        "safelight/audit/A/T\n1\n\n",
        "safelight/audit/A/T\n01\nx\n\n",
        "another/origin\n1\nx\nmac 00\n\n",
        "\n\n",
        "",
    };
    struct audit_key key = key_of(TEAM, seed);
    struct audit_checkpoint c;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        CHECK_ERR(audit_note_open(str_from(texts[i]), &key, &c), ERR_INVALID);
}

static void test_another_key_or_log_is_not_ours(void)
{
    AUTO(buf) struct buf note = buf_make(AUDIT_NOTE_MAX_BYTES);
    struct audit_key stranger = key_of(TEAM, other_seed), ours = key_of(TEAM, seed);
    struct audit_key elsewhere = key_of(STR("01JDF0000000000000000000T1"), seed);
    struct audit_checkpoint c;
    sign(&note);
    CHECK_ERR(audit_note_open(buf_str(&note), &stranger, &c), ERR_NOT_FOUND);
    CHECK_ERR(audit_note_open(buf_str(&note), &elsewhere, &c), ERR_NOT_FOUND);
    /* A witness's line beside ours. */
    CHECK_OK(buf_put(&note, STR("\xe2\x80\x94 witness.example.com AAAA\n")));
    CHECK_OK(audit_note_open(buf_str(&note), &ours, &c));
}

static void test_keys_that_are_none(void)
{
    static const char *const bad[] = {
        "",
        "+",
        "++",
        "safelight/audit/A/T",
        "safelight/audit/A/T+00000000+AAAA",
        "safelight/audit/A/T+zz+AAAA",
        "other+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "safelight/audit/A/T+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    struct audit_key key;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(audit_key_read(str_from(bad[i]), &key), ERR_INVALID);
}

int main(void)
{
    CHECK_OK(crypto_open());
    RUN(test_what_is_signed_opens);
    RUN(test_abuse_093_no_byte_of_a_checkpoint_can_be_changed);
    RUN(test_abuse_094_no_id_adds_a_line);
    RUN(test_lines_between_are_refused);
    RUN(test_another_key_or_log_is_not_ours);
    RUN(test_keys_that_are_none);
    return test_done();
}
