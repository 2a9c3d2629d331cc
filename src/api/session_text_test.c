#include "session_text.h"

#include "vault_fixture.h"

static struct fixture f;

static struct session_row row_of(const char *token_id, int64_t at_ms)
{
    return (struct session_row){.token_id = str_from(token_id), .created_at_ms = at_ms};
}

static void test_what_is_issued_is_read_and_fits_its_row(void)
{
    char text[SESSION_TEXT_LEN + 1];
    uint8_t hash[32];
    struct session_text t;
    struct session_row row = row_of("0123456789abcd", 1234);
    CHECK_OK(session_text_issue(f.vault, &row, text));
    CHECK_EQ(strlen(text), SESSION_TEXT_LEN);
    CHECK_OK(session_text_parse(str_from(text), &t));
    CHECK(str_equal(t.id, ulid_str(&row.id)));
    CHECK_EQ(t.secret.len, SESSION_SECRET_LEN);
    CHECK_OK(session_text_hash(f.vault, &row, t.secret, hash));
    CHECK(memcmp(hash, row.hash, sizeof hash) == 0);
    char other[SESSION_TEXT_LEN + 1];
    struct session_row next = row_of("0123456789abcd", 1234);
    CHECK_OK(session_text_issue(f.vault, &next, other));
    CHECK(strcmp(text, other) != 0);
    CHECK(memcmp(text + SESSION_TEXT_LEN - SESSION_SECRET_LEN,
                 other + SESSION_TEXT_LEN - SESSION_SECRET_LEN, SESSION_SECRET_LEN) != 0);
}

static void test_an_edited_row_fits_no_cookie(void)
{
    char text[SESSION_TEXT_LEN + 1];
    uint8_t hash[32];
    struct session_text t;
    struct session_row row = row_of("0123456789abcd", 1234), edited;
    CHECK_OK(session_text_issue(f.vault, &row, text));
    CHECK_OK(session_text_parse(str_from(text), &t));
    edited = row;
    edited.token_id = STR("0123456789abce");
    CHECK_OK(session_text_hash(f.vault, &edited, t.secret, hash));
    CHECK(memcmp(hash, row.hash, sizeof hash) != 0);
    edited = row;
    edited.created_at_ms++;
    CHECK_OK(session_text_hash(f.vault, &edited, t.secret, hash));
    CHECK(memcmp(hash, row.hash, sizeof hash) != 0);
    edited = row;
    edited.id = ulid_new();
    CHECK_OK(session_text_hash(f.vault, &edited, t.secret, hash));
    CHECK(memcmp(hash, row.hash, sizeof hash) != 0);
}

static void test_abuse_017_anything_else_is_refused(void)
{
    char text[SESSION_TEXT_LEN + 2];
    struct session_text t;
    struct session_row row = row_of("0123456789abcd", 1);
    CHECK_OK(session_text_issue(f.vault, &row, text));
    for (size_t len = 0; len < SESSION_TEXT_LEN; len++)
        CHECK_ERR(session_text_parse(str_bytes(text, len), &t), ERR_UNAUTHORIZED);
    text[SESSION_TEXT_LEN] = 'x';
    CHECK_ERR(session_text_parse(str_bytes(text, SESSION_TEXT_LEN + 1), &t), ERR_UNAUTHORIZED);
    static const char odd[] = {0, ' ', '-', '_', '"', ';', '=', '%', 0x7f, (char)0xc3};
    for (size_t i = 0; i < SESSION_TEXT_LEN; i++) {
        for (size_t o = 0; o < sizeof odd; o++) {
            char held = text[i];
            text[i] = odd[o];
            if (held != odd[o])
                CHECK_ERR(session_text_parse(str_bytes(text, SESSION_TEXT_LEN), &t),
                          ERR_UNAUTHORIZED);
            text[i] = held;
        }
    }
    static const char *const others[] = {
        "slt_01ARZ3NDEKTSV4RRFFQ69G5FAV_0123456789012345678901234567890123456789012",
        "SLS_01ARZ3NDEKTSV4RRFFQ69G5FAV_0123456789012345678901234567890123456789012",
        "sls_01arz3ndektsv4rrffq69g5fav_0123456789012345678901234567890123456789012",
        "sls_81ARZ3NDEKTSV4RRFFQ69G5FAV_0123456789012345678901234567890123456789012",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK_ERR(session_text_parse(str_from(others[i]), &t), ERR_UNAUTHORIZED);
}

static void test_csrf_goes_with_its_cookie_alone(void)
{
    char text[SESSION_TEXT_LEN + 1], one[SESSION_CSRF_LEN + 1], two[SESSION_CSRF_LEN + 1];
    struct session_row row = row_of("0123456789abcd", 1);
    CHECK_OK(session_text_issue(f.vault, &row, text));
    session_text_csrf(str_bytes(text, SESSION_TEXT_LEN), one);
    session_text_csrf(str_bytes(text, SESSION_TEXT_LEN), two);
    CHECK_EQ(strlen(one), SESSION_CSRF_LEN);
    CHECK(strcmp(one, two) == 0);
    CHECK(strstr(one, text + SESSION_TEXT_LEN - SESSION_SECRET_LEN) == NULL);
    for (size_t i = 0; i < SESSION_TEXT_LEN; i++) {
        text[i] ^= 1;
        session_text_csrf(str_bytes(text, SESSION_TEXT_LEN), two);
        CHECK(strcmp(one, two) != 0);
        text[i] ^= 1;
    }
}

static void test_without_the_vault_there_is_no_session(void)
{
    char text[SESSION_TEXT_LEN + 1] = "untouched";
    uint8_t hash[32];
    struct session_row row = row_of("0123456789abcd", 1);
    CHECK_EQ(fixture_stop(&f), 0);
    struct vault *nobody = vault_connect(-1);
    CHECK_ERR(session_text_issue(nobody, &row, text), ERR_VAULT_DOWN);
    CHECK(strcmp(text, "untouched") == 0);
    CHECK_ERR(session_text_hash(nobody, &row, STR("x"), hash), ERR_VAULT_DOWN);
    vault_free(&nobody);
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    f = fixture_start(ROOT_A, NO_ROOT);
    AUTO(buf) struct buf keyring = buf_make(4096);
    CHECK_OK(vault_keyring_create(f.vault, INSTANCE, &keyring));
    CHECK_OK(vault_unlock(f.vault, INSTANCE, buf_str(&keyring)));
    RUN(test_what_is_issued_is_read_and_fits_its_row);
    RUN(test_an_edited_row_fits_no_cookie);
    RUN(test_abuse_017_anything_else_is_refused);
    RUN(test_csrf_goes_with_its_cookie_alone);
    RUN(test_without_the_vault_there_is_no_session);
    return test_done();
}
