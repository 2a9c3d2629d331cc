#include "job_reach.h"

#include "job_payload.h"
#include "ref_scan.h"
#include "test.h"

static struct job_reach reach_of(struct str payload, size_t want_count, struct arena *a)
{
    struct problems problems;
    struct ref_list refs;
    struct job_reach *reach = NULL;
    problems_init(&problems, a);
    CHECK_OK(ref_scan(payload, REF_SHAPE_JOB, a, &problems, &refs));
    CHECK_EQ(refs.count, want_count);
    CHECK_OK(job_reach_find(payload, &refs, a, &reach));
    return reach[0];
}

/* A webhook with one reference in a header: its host is the url's. */
static const struct url_case {
    const char *url, *host, *host_port;
} urls[] = {
    {"https://api.example.com", "api.example.com", "api.example.com:443"},
    {"https://API.Example.com./x", "api.example.com", "api.example.com:443"},
    {"https://api.example.com:8443/x", "api.example.com:8443", "api.example.com:8443"},
    {"http://api.example.com/x", "api.example.com", "api.example.com:80"},
    {"https://api.example.com?x", "api.example.com", "api.example.com:443"},
    {"https://api.example.com#x", "api.example.com", "api.example.com:443"},
    {"https://api.example.com/${secret.B}", "api.example.com", "api.example.com:443"},
    {"https://api.example.com?k=${secret.B}", "api.example.com", "api.example.com:443"},
    {"https://api.example.com/a@b", "api.example.com", "api.example.com:443"},
    {"https://10.0.0.1/x", "10.0.0.1", "10.0.0.1:443"},
    {"https://[2001:DB8:0::1]/x", "[2001:db8::1]", "[2001:db8::1]:443"},
    {"https://2130706433/x", "127.0.0.1", "127.0.0.1:443"},
    {"https://api.ex\\u0061mple.com/x", "api.example.com", "api.example.com:443"},
    {"https:\\/\\/api.example.com\\/x", "api.example.com", "api.example.com:443"},
    {"${secret.B}", "", ""},
    {"https://${secret.B}", "", ""},
    {"https://${secret.B}.example.com/", "", ""},
    {"https://api.example.com:${secret.B}/", "", ""},
    {"https://api${secret.B}/", "", ""},
    {"${secret.B}://api.example.com/", "", ""},
    {"https://user@api.example.com/", "", ""},
    {"https://good.com\\\\@evil.com/", "", ""},
    {"https://api.example.com\\\\.evil.com/", "", ""},
    {"https://", "", ""},
    {"api.example.com", "", ""},
    {"ftp://api.example.com/", "", ""},
    {"", "", ""},
};

static void test_hosts_as_far_as_they_are_literal(void)
{
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct str payload = arena_printf(
            &a, "{\"webhook\":{\"headers\":{\"X\":\"${secret.A}\"},\"url\":\"%s\"}}", urls[i].url);
        bool two = strstr(urls[i].url, "${") != NULL;
        struct job_reach r = reach_of(payload, two ? 2 : 1, &a);
        CHECK_STR(r.host, urls[i].host);
        CHECK_STR(r.host_port, urls[i].host_port);
        CHECK(r.sink == REF_HEADER && !r.exposed);
    }
}

static const struct place_case {
    const char *payload;
    enum ref_sink sink;
    bool exposed;
    const char *host_port;
} places[] = {
    {"{\"upload\":{\"params\":{\"accessKeySecret\":\"${secret.A}\",\"region\":\"eu-west-1\","
     "\"bucket\":\"b\"}}}",
     REF_CREDENTIAL, false, "s3.eu-west-1.amazonaws.com:443"},
    {"{\"upload\":{\"params\":{\"accessKeySecret\":\"${secret.A}\",\"region\":\"us-east-1\","
     "\"bucket\":\"b\"}}}",
     REF_CREDENTIAL, false, "s3.amazonaws.com:443"},
    {"{\"upload\":{\"params\":{\"accessKeyId\":\"${secret.A}\",\"region\":\"r\",\"bucket\":\"b\","
     "\"endpoint\":\"https://minio.example:9000/\"}}}",
     REF_CREDENTIAL, false, "minio.example:9000"},
    {"{\"upload\":{\"params\":{\"region\":\"${secret.A}\",\"bucket\":\"b\"}}}", REF_UPLOAD, false,
     ""},
    {"{\"upload\":{\"params\":{\"region\":\"${secret.A}\",\"bucket\":\"b\","
     "\"endpoint\":\"https://minio.example\"}}}",
     REF_UPLOAD, false, "minio.example:443"},
    {"{\"upload\":{\"params\":{\"region\":\"r\",\"bucket\":\"${secret.A}\"}}}", REF_UPLOAD, false,
     "s3.r.amazonaws.com:443"},
    {"{\"upload\":{\"prefix\":\"${secret.A}\"}}", REF_UPLOAD, false, ""},
    {"{\"webhook\":{\"data\":{\"k\":\"${secret.A}\"},\"url\":\"https://h.example\"}}", REF_BODY,
     false, "h.example:443"},
    {"{\"template\":{\"src\":\"https://t.example/${secret.A}\"}}", REF_URL, false, "t.example:443"},
    {"{\"assets\":[{\"src\":\"https://other.example\"},{\"type\":\"image\","
     "\"params\":{\"headers\":{\"X\":\"${secret.A}\"}},\"src\":\"https://a.example/\"}]}",
     REF_HEADER, false, "a.example:443"},
    {"{\"assets\":[{\"type\":\"text\",\"src\":\"https://a.example/\",\"value\":\"${secret.A}\"}]}",
     REF_TEXT, true, ""},
    {"{\"assets\":[{\"type\":\"script\",\"value\":\"${secret.A}\"}]}", REF_SCRIPT, true, ""},
    /* not a place that Safelight fetches from: the worker gets it as it stands */
    {"{\"assets\":[{\"type\":\"x\",\"assets\":[{\"src\":\"https://a.example/${secret.A}\"}]}]}",
     REF_TEXT, true, ""},
};

static void test_sinks_and_hosts_of_each_place(void)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        AUTO(arena) struct arena a = arena_make();
        struct job_reach r = reach_of(str_from(places[i].payload), 1, &a);
        if (r.sink != places[i].sink || r.exposed != places[i].exposed ||
            !str_is(r.host_port, places[i].host_port))
            printf("# %s\n", places[i].payload);
        CHECK_EQ(r.sink, places[i].sink);
        CHECK_EQ(r.exposed, places[i].exposed);
        CHECK_STR(r.host_port, places[i].host_port);
    }
}

static void test_a_literal_reaches_nothing(void)
{
    AUTO(arena) struct arena a = arena_make();
    struct job_reach r =
        reach_of(STR("{\"assets\":[{\"type\":\"text\",\"value\":\"$${secret.A}\"}]}"), 1, &a);
    CHECK(!r.exposed && r.host.len == 0);
}

int main(void)
{
    RUN(test_hosts_as_far_as_they_are_literal);
    RUN(test_sinks_and_hosts_of_each_place);
    RUN(test_a_literal_reaches_nothing);
    return test_done();
}
