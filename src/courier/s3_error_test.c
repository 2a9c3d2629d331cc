#include "s3_error.h"

#include "test.h"

static const struct {
    const char *body, *code;
} answers[] = {
    {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>m</Message></Error>",
     "AccessDenied"},
    {"<Error><Code>Sig.V4_1</Code></Error>", "Sig.V4_1"},
    {"", ""},
    {"<Code>", ""},
    {"<Code></Code>", ""},
    {"</Code><Code>X", ""},
    {"<Code>a b</Code>", ""},
    {"<Code>a<b></Code>", ""},
    {"<Code>&lt;</Code>", ""},
    {"<Code>a\nb</Code>", ""},
    {"<code>AccessDenied</code>", ""},
    {"<Code>0123456789012345678901234567890123456789012345678901234567890123</Code>", ""},
    {"<Code>012345678901234567890123456789012345678901234567890123456789012</Code>",
     "012345678901234567890123456789012345678901234567890123456789012"},
    {"{\"Code\":\"AccessDenied\"}", ""},
};

static void test_only_a_plain_code_is_taken_from_an_answer(void)
{
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct s3_error e = {.code = "old", .region = "old"};
        s3_error_read(str_from(answers[i].body), &e);
        CHECK_STR(str_from(e.code), answers[i].code);
        CHECK_STR(str_from(e.region), "");
    }
}

static void test_the_region_of_a_bucket_that_is_elsewhere(void)
{
    AUTO(buf) struct buf out = buf_make(512);
    struct s3_error e;
    s3_error_read(STR("<Error><Code>PermanentRedirect</Code><Region>eu-west-1</Region></Error>"),
                  &e);
    CHECK_STR(str_from(e.region), "eu-west-1");
    CHECK_OK(s3_error_describe(301, &e, &out));
    CHECK(str_search(buf_str(&out), STR("(it is in eu-west-1)"), 0) < out.len);
}

static void test_what_is_tried_again(void)
{
    static const struct {
        int status;
        const char *code;
        bool passes;
    } cases[] = {
        {500, "", true},
        {503, "SlowDown", true},
        {408, "", true},
        {429, "", true},
        {400, "RequestTimeout", true},
        {403, "RequestTimeTooSkewed", true},
        {403, "AccessDenied", false},
        {404, "NoSuchBucket", false},
        {404, "NoSuchUpload", true},
        {400, "", false},
        {301, "PermanentRedirect", false},
        {400, "Unheard", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_error e = {.region = ""};
        CHECK_OK(str_to_text(str_from(cases[i].code), e.code, sizeof e.code));
        CHECK_EQ(s3_error_passes(cases[i].status, &e), cases[i].passes);
    }
}

static void test_advice_is_given_for_codes_and_else_for_statuses(void)
{
    static const struct {
        int status;
        const char *code, *has;
    } cases[] = {
        {403, "InvalidAccessKeyId",
         "InvalidAccessKeyId: the storage does not know this access key"},
        {403, "Unheard", "Unheard: the storage does not let this key write there"},
        {404, "", "nothing is at this address"},
        {599, "", "the storage is not well"},
        {200, "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) struct buf out = buf_make(512);
        struct s3_error e = {.region = ""};
        CHECK_OK(str_to_text(str_from(cases[i].code), e.code, sizeof e.code));
        CHECK_OK(s3_error_describe(cases[i].status, &e, &out));
        CHECK(str_search(buf_str(&out), str_from(cases[i].has), 0) == 0 || !out.len);
        CHECK_EQ(out.len > 0, cases[i].has[0] != 0);
    }
}

static void test_ids_of_uploads_are_plain_and_bounded(void)
{
    CHECK_STR(s3_error_upload_id(STR("<UploadId>a-b_c.~/+=</UploadId>")), "a-b_c.~/+=");
    CHECK_STR(s3_error_upload_id(STR("<UploadId>a b</UploadId>")), "");
    CHECK_STR(s3_error_upload_id(STR("<UploadId>a&amp;b</UploadId>")), "");
    CHECK_STR(s3_error_upload_id(STR("<UploadId>")), "");
    for (size_t past = 0; past < 2; past++) {
        AUTO(buf) struct buf body = buf_make(2000);
        CHECK_OK(buf_put(&body, STR("<UploadId>")));
        for (size_t i = 0; i < S3_UPLOAD_ID_MAX_BYTES + past; i++)
            CHECK_OK(buf_put_byte(&body, 'u'));
        CHECK_OK(buf_put(&body, STR("</UploadId>")));
        CHECK_EQ(s3_error_upload_id(buf_str(&body)).len, past ? 0 : S3_UPLOAD_ID_MAX_BYTES);
    }
}

int main(void)
{
    RUN(test_only_a_plain_code_is_taken_from_an_answer);
    RUN(test_the_region_of_a_bucket_that_is_elsewhere);
    RUN(test_what_is_tried_again);
    RUN(test_advice_is_given_for_codes_and_else_for_statuses);
    RUN(test_ids_of_uploads_are_plain_and_bounded);
    return test_done();
}
