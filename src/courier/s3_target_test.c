#include "s3_target.h"

#include "test.h"

#define KEYS "\"accessKeyId\":\"AKID\",\"accessKeySecret\":\"s/+e\""

static const struct {
    const char *json, *url;
} good[] = {
    {"{\"params\":{\"region\":\"eu-west-1\",\"bucket\":\"my-renders\"," KEYS "}}",
     "https://s3.eu-west-1.amazonaws.com/my-renders/J.mp4"},
    {"{\"provider\":\"s3\",\"prefix\":\"renders/c42/\",\"params\":{\"region\":\"us-east-1\","
     "\"bucket\":\"a.b\"," KEYS "}}",
     "https://s3.amazonaws.com/a.b/renders/c42/J.mp4"},
    {"{\"params\":{\"region\":\"us-east-1\",\"bucket\":\"Upper\"," KEYS "}}",
     "https://s3.amazonaws.com/Upper/J.mp4"},
    {"{\"params\":{\"region\":\"cn-north-1\",\"bucket\":\"b-b\"," KEYS "}}",
     "https://s3.cn-north-1.amazonaws.com.cn/b-b/J.mp4"},
    {"{\"prefix\":\"/x\",\"params\":{\"region\":\"auto\",\"bucket\":\"b\",\"endpoint\":"
     "\"http://127.0.0.1:9000\"," KEYS "}}",
     "http://127.0.0.1:9000/b/x/J.mp4"},
    {"{\"prefix\":\"//x//\",\"params\":{\"region\":\"auto\",\"bucket\":\"b\",\"endpoint\":"
     "\"https://Acct.r2.cloudflarestorage.com/\",\"acl\":\"public-read\"," KEYS "}}",
     "https://acct.r2.cloudflarestorage.com/b/x/J.mp4"},
    {"{\"prefix\":\"a b/\\u00fc+$%/\",\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"endpoint\":"
     "\"https://h/base/\"," KEYS "}}",
     "https://h/base/b/a%20b/%C3%BC%2B%24%25/J.mp4"},
    {"{\"prefix\":null,\"outputUrl\":\"https://cdn/x\",\"params\":{\"region\":\"r\","
     "\"bucket\":\"b\",\"endpoint\":null,\"acl\":null," KEYS "}}",
     "https://s3.r.amazonaws.com/b/J.mp4"},
};

static void test_addresses(void)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        AUTO(s3_target) struct s3_target t = {0};
        AUTO(url) struct url url = {0};
        CHECK_OK(s3_target_read(str_from(good[i].json), &t));
        CHECK_STR(buf_str(&t.key_secret), "s/+e");
        CHECK_OK(s3_target_url(&t, STR("J.mp4"), &url));
        CHECK_STR(buf_str(&url.text), good[i].url);
    }
}

#define P(region, bucket, more)                                                                    \
    "{\"params\":{\"region\":\"" region "\",\"bucket\":\"" bucket "\"," more KEYS "}}"

static const char *const bad[] = {
    "",
    "null",
    "[]",
    "{}",
    "{\"params\":null}",
    "{\"params\":[]}",
    "{\"params\":{}}",
    "{\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"A\"}}",
    "{\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"accessKeySecret\":\"A\"}}",
    "{\"params\":{\"region\":\"r\"," KEYS "}}",
    "{\"params\":{\"bucket\":\"b\"," KEYS "}}",
    "{\"params\":{\"region\":1,\"bucket\":\"b\"," KEYS "}}",
    "{\"params\":{\"region\":\"r\",\"bucket\":{}," KEYS "}}",
    "{\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"A B\","
    "\"accessKeySecret\":\"s\"}}",
    "{\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"A\\nB\","
    "\"accessKeySecret\":\"s\"}}",
    "{\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"\","
    "\"accessKeySecret\":\"s\"}}",
    "{\"params\":{\"region\":\"r\",\"bucket\":\"b\",\"accessKeyId\":\"A\","
    "\"accessKeySecret\":\"\"}}",
    "{\"provider\":\"gcs\",\"params\":{\"region\":\"r\",\"bucket\":\"b\"," KEYS "}}",
    P("", "b", ""),
    P("r", "", ""),
    P("evil.com/", "b", ""),
    P("r.evil.com#", "b", ""),
    P("r", "b/c", ""),
    P("r", "..", ""),
    P("r", ".b", ""),
    P("r", "b?x", ""),
    P("r", "b%2f", ""),
    P("r", "b@evil.com", ""),
    P("r", "b\\r\\nX: y", ""),
    P("r", "b", "\"acl\":\"x\\r\\nEvil: 1\","),
    P("r", "b", "\"acl\":\"a b\","),
};

static void test_what_is_no_upload_is_refused(void)
{
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(s3_target) struct s3_target t = {0};
        enum err e = s3_target_read(str_from(bad[i]), &t);
        CHECK_ERR(e, ERR_INVALID);
        if (e == OK)
            printf("# case %zu\n", i);
    }
}

static const char *const bad_places[] = {
    P("r", "b", "\"endpoint\":\"file:///tmp\","),
    P("r", "b", "\"endpoint\":\"h\","),
    P("r", "b", "\"endpoint\":\"https://u:p@h\","),
    P("r", "b", "\"endpoint\":\"https://h?x=\","),
    P("r", "b", "\"endpoint\":\"https://h/#\","),
    P("r", "b", "\"endpoint\":\"https://h\\\\@evil\","),
    "{\"prefix\":\"../other/\",\"params\":{\"region\":\"r\",\"bucket\":\"b\"," KEYS "}}",
    "{\"prefix\":\"a/./b\",\"params\":{\"region\":\"r\",\"bucket\":\"b\"," KEYS "}}",
    "{\"prefix\":\"a/..\",\"params\":{\"region\":\"r\",\"bucket\":\"b\"," KEYS "}}",
};

static void test_places_that_are_none_are_refused(void)
{
    for (size_t i = 0; i < ARRAY_LEN(bad_places); i++) {
        AUTO(s3_target) struct s3_target t = {0};
        CHECK_ERR(s3_target_read(str_from(bad_places[i]), &t), ERR_INVALID);
    }
}

static void test_key_at_its_limit_and_one_past(void)
{
    for (int past = 0; past < 2; past++) {
        AUTO(buf) struct buf name = buf_make(2000);
        AUTO(s3_target) struct s3_target t = {0};
        AUTO(url) struct url url = {0};
        while (name.len < 1024u + (unsigned)past)
            CHECK_OK(buf_put_byte(&name, 'k'));
        CHECK_OK(s3_target_read(str_from(good[0].json), &t));
        CHECK_ERR(s3_target_url(&t, buf_str(&name), &url), past ? ERR_TOO_LARGE : OK);
    }
}

int main(void)
{
    RUN(test_addresses);
    RUN(test_what_is_no_upload_is_refused);
    RUN(test_places_that_are_none_are_refused);
    RUN(test_key_at_its_limit_and_one_past);
    return test_done();
}
