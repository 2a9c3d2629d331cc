#include "token_text.h"

#include "encode.h"
#include "test.h"

/* A well-formed token for a test that needs no vault. */
static void make(const char *head, char ret[static TOKEN_TEXT_LEN + 1])
{
    snprintf(ret, TOKEN_TEXT_LEN + 1, "%s", head);
    size_t len = strlen(ret);
    memset(ret + len, 'k', TOKEN_TEXT_LEN - len);
    encode_base62(crc32_of(str_bytes(ret, TOKEN_TEXT_LEN - TOKEN_CHECK_LEN)),
                  ret + TOKEN_TEXT_LEN - TOKEN_CHECK_LEN, TOKEN_CHECK_LEN);
    ret[TOKEN_TEXT_LEN] = 0;
}

static void test_token_of_each_role_parses(void)
{
    static const struct {
        const char *head;
        enum token_role role;
    } cases[] = {
        {"slt_adm_0123456789abcd_", ROLE_ADMIN},  {"slt_edt_0123456789abcd_", ROLE_EDITOR},
        {"slt_sub_0123456789abcd_", ROLE_SUBMIT}, {"slt_wrk_0123456789abcd_", ROLE_WORKER},
        {"slt_aud_0123456789abcd_", ROLE_AUDIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[TOKEN_TEXT_LEN + 1];
        struct token_text t;
        make(cases[i].head, text);
        CHECK_OK(token_text_parse(str_from(text), &t));
        CHECK_EQ(t.role, cases[i].role);
        CHECK_STR(t.id, "0123456789abcd");
        CHECK_EQ(t.proof.len, TOKEN_TEXT_LEN - 4 - TOKEN_CHECK_LEN);
        CHECK(str_starts(t.proof, str_slice(str_from(cases[i].head), 4, 22)));
    }
}

static void test_abuse_017_one_changed_character_is_refused(void)
{
    char text[TOKEN_TEXT_LEN + 1];
    struct token_text t;
    make("slt_adm_0123456789abcd_", text);
    for (size_t i = 0; i < TOKEN_TEXT_LEN; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ (1 << bit));
            CHECK_ERR(token_text_parse(str_bytes(text, TOKEN_TEXT_LEN), &t), ERR_UNAUTHORIZED);
            text[i] = (char)(text[i] ^ (1 << bit));
        }
    }
    for (size_t len = 0; len < TOKEN_TEXT_LEN; len++)
        CHECK_ERR(token_text_parse(str_bytes(text, len), &t), ERR_UNAUTHORIZED);
    CHECK_OK(token_text_parse(str_from(text), &t));
}

static void test_right_checksum_does_not_excuse_a_wrong_form(void)
{
    static const char *const heads[] = {
        "slt_xyz_0123456789abcd_",
        "slt_ADM_0123456789abcd_",
        "SLT_adm_0123456789abcd_",
        "slt-adm_0123456789abcd_",
        "slt_adm-0123456789abcd_",
        "slt_adm_0123456789abc-_",
        "slt_adm_0123456789abcd.",
        "slt_adm_0123456789abcd_ ",
        "slt_adm_0123456789abcd_\xc3\xa9",
        "slt_adm_0123456789abcd_+",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        char text[TOKEN_TEXT_LEN + 1];
        struct token_text t;
        make(heads[i], text);
        CHECK_ERR(token_text_parse(str_from(text), &t), ERR_UNAUTHORIZED);
    }
}

static void test_abuse_028_only_one_bearer_token_exactly(void)
{
    static const char *const before[] = {
        "",         "Bearer",   "bearer ",    "BEARER ",  "Bearer  ",
        " Bearer ", "Bearer\t", "Basic ",     "Token ",   "Bearer Bearer ",
        "Bearer: ", "Bearer=",  "Bearer x, ", "Bearer ,", "nexrender-secret ",
    };
    static const char *const after[] = {" ", "\t", ",", ", Bearer x", "\r\n", "=", "x"};
    char text[TOKEN_TEXT_LEN + 1], header[TOKEN_TEXT_LEN + 64];
    struct str token;
    make("slt_adm_0123456789abcd_", text);
    snprintf(header, sizeof header, "Bearer %s", text);
    CHECK_OK(token_text_from_header(str_from(header), &token));
    CHECK_STR(token, text);
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        snprintf(header, sizeof header, "%s%s", before[i], text);
        CHECK_ERR(token_text_from_header(str_from(header), &token), ERR_UNAUTHORIZED);
    }
    for (size_t i = 0; i < ARRAY_LEN(after); i++) {
        snprintf(header, sizeof header, "Bearer %s%s", text, after[i]);
        CHECK_ERR(token_text_from_header(str_from(header), &token), ERR_UNAUTHORIZED);
    }
    CHECK_ERR(token_text_from_header(STR_EMPTY, &token), ERR_UNAUTHORIZED);
    CHECK_ERR(token_text_from_header(STR("Bearer "), &token), ERR_UNAUTHORIZED);
}

static void test_role_names_are_exact(void)
{
    static const char *const wrong[] = {"", "Admin", "adm", "admin ", "operator", "root", "none"};
    enum token_role role;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        CHECK(token_role_from(str_from(token_role_name((enum token_role)i)), &role));
        CHECK_EQ(role, i);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK(!token_role_from(str_from(wrong[i]), &role));
}

int main(void)
{
    RUN(test_token_of_each_role_parses);
    RUN(test_abuse_017_one_changed_character_is_refused);
    RUN(test_right_checksum_does_not_excuse_a_wrong_form);
    RUN(test_abuse_028_only_one_bearer_token_exactly);
    RUN(test_role_names_are_exact);
    return test_done();
}
