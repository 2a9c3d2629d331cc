#include "aead.h"
#include "alloc.h"
#include "recovery_text.h"
#include "test.h"

static uint8_t key[RECOVERY_KEY_BYTES];
static char text[RECOVERY_TEXT_LEN + 1];

static bool reads(const char *given)
{
    AUTOP(secret) struct secret *back = NULL;
    enum err e = recovery_text_read(str_from(given), &back);
    CHECK(e == OK || e == ERR_INVALID);
    if (e == OK)
        CHECK(str_equal(secret_reveal(back), str_bytes(key, sizeof key)));
    return e == OK;
}

static void test_what_is_written_is_read(void)
{
    static const uint8_t patterns[] = {0, 0xff, 0xa5};
    for (size_t p = 0; p < sizeof patterns; p++) {
        memset(key, patterns[p], sizeof key);
        recovery_text_write(key, text);
        CHECK_EQ(strlen(text), RECOVERY_TEXT_LEN);
        CHECK(strncmp(text, "SLRK1-", 6) == 0);
        CHECK(reads(text));
    }
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(i * 7 + 1);
    recovery_text_write(key, text);
    CHECK(reads(text));
}

static void test_a_person_may_write_it_otherwise(void)
{
    char other[2 * RECOVERY_TEXT_LEN + 8] = " \n";
    size_t at = 2;
    for (size_t i = 0; text[i]; i++) {
        char c = text[i];
        if (i >= 5 && c == '-')
            c = ' ';
        if (i >= 5 && c == '0')
            c = 'o';
        if (i >= 5 && c == '1')
            c = i % 2 ? 'l' : 'I';
        if (c >= 'A' && c <= 'Z' && c != 'I')
            c = (char)(c - 'A' + 'a');
        other[at++] = c;
    }
    memcpy(other + at, "\r\n", 3);
    CHECK(reads(other));
}

static void test_every_typo_is_found(void)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    char wrong[RECOVERY_TEXT_LEN + 8];
    for (size_t i = 0; i < RECOVERY_TEXT_LEN; i++) {
        memcpy(wrong, text, sizeof text);
        for (size_t d = 0; text[i] != '-' && i > 4 && d < 32; d++) {
            wrong[i] = digits[d];
            CHECK_EQ(reads(wrong), digits[d] == text[i]);
        }
        memcpy(wrong, text, sizeof text);
        if (text[i] != '-') {
            wrong[i] = 'U'; /* no digit */
            CHECK(!reads(wrong));
            memcpy(wrong, text, i);
            memcpy(wrong + i, text + i + 1, sizeof text - i - 1);
            CHECK(!reads(wrong));
        }
    }
    memcpy(wrong, text, sizeof text);
    memcpy(wrong + RECOVERY_TEXT_LEN, "0", 2);
    CHECK(!reads(wrong));
}

static void test_anything_else_is_none(void)
{
    static const char *const others[] = {"", "SLRK1", "SLRK1-", "slt_adm_x", "SLRK2-0000"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK(!reads(others[i]));
    AUTOP(secret) struct secret *none = NULL;
    static char long_text[RECOVERY_TEXT_MAX_BYTES];
    memset(long_text, 'A', sizeof long_text);
    memcpy(long_text, "SLRK1", 5);
    CHECK_ERR(recovery_text_read(str_bytes(long_text, sizeof long_text), &none), ERR_INVALID);
}

int main(void)
{
    CHECK_OK(crypto_open());
    RUN(test_what_is_written_is_read);
    RUN(test_a_person_may_write_it_otherwise);
    RUN(test_every_typo_is_found);
    RUN(test_anything_else_is_none);
    return test_done();
}
