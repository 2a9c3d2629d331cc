#include "policy.h"

#include "test.h"

/* "host>canonical", or nothing behind it for one that is refused. */
static const char *const hosts[][2] = {
    {"api.example.com", "api.example.com"},
    {"API.Example.COM", "api.example.com"},
    {"api.example.com.", "api.example.com"},
    {"api.example.com.:443", "api.example.com:443"},
    {"api.example.com:1", "api.example.com:1"},
    {"api.example.com:65535", "api.example.com:65535"},
    {"localhost", "localhost"},
    {"a_b-c.example", "a_b-c.example"},
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"*.example.com", "*.example.com"},
    {"*.EXAMPLE.com:8443", "*.example.com:8443"},
    {"*.a.b.c.example", "*.a.b.c.example"},
    {"10.0.0.1", "10.0.0.1"},
    {"10.0.0.1:9000", "10.0.0.1:9000"},
    {"::1", "[::1]"},
    {"[::1]", "[::1]"},
    {"[::1]:80", "[::1]:80"},
    {"2001:DB8:0:0::1", "[2001:db8::1]"},
    {"[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]"},
    {"", NULL},
    {".", NULL},
    {"..", NULL},
    {"*", NULL},
    {"*.", NULL},
    {"*.com", NULL},
    {"*.localhost", NULL},
    {"**.example.com", NULL},
    {"*.*.example.com", NULL},
    {"a.*.example.com", NULL},
    {"*a.example.com", NULL},
    {"a*.example.com", NULL},
    {"example.*", NULL},
    {".example.com", NULL},
    {"example..com", NULL},
    {"example.com..", NULL},
    {"https://example.com", NULL},
    {"example.com/", NULL},
    {"example.com/path", NULL},
    {"user@example.com", NULL},
    {"example.com?", NULL},
    {"example.com#", NULL},
    {"example.com\\", NULL},
    {"exa mple.com", NULL},
    {" example.com", NULL},
    {"example.com ", NULL},
    {"example.com\n", NULL},
    {"b\xc3\xbc"
     "cher.example",
     NULL},
    {"\xef\xbd\x81.example", NULL}, /* full-width a */
    {"${secret.HOST}", NULL},
    {"example.com:", NULL},
    {"example.com:0", NULL},
    {"example.com:080", NULL},
    {"example.com:65536", NULL},
    {"example.com:+1", NULL},
    {"example.com:80:80", NULL},
    {"example.com:https", NULL},
    {"2130706433", NULL},
    {"127.1", NULL},
    {"0x7f.1", NULL},
    {"0x7f000001", NULL},
    {"127.0.0.1.", NULL},
    {"127.0.0.256", NULL},
    {"*.0.0.1", NULL},
    {"1.2.3", NULL},
    {"a.1", NULL},
    {"[::1", NULL},
    {"::1]", NULL},
    {"[::1]80", NULL},
    {"[::1]:", NULL},
    {"[]", NULL},
    {"[fe80::1%eth0]", NULL},
    {"[example.com]", NULL},
    {"[1.2.3.4]", NULL},
    {"::g", NULL},
};

static void test_hosts_have_one_form(void)
{
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        AUTO(buf) struct buf out = buf_make(POLICY_HOST_MAX_BYTES);
        const char *why = NULL;
        enum err e = policy_host(str_from(hosts[i][0]), &out, &why);
        if (e != (hosts[i][1] ? OK : ERR_INVALID))
            printf("# host %zu: %s\n", i, hosts[i][0]);
        CHECK_ERR(e, hosts[i][1] ? OK : ERR_INVALID);
        CHECK_STR(buf_str(&out), hosts[i][1] ? hosts[i][1] : "");
        CHECK(hosts[i][1] || (why && strlen(why) > 10));
    }
    AUTO(buf) struct buf out = buf_make(POLICY_HOST_MAX_BYTES);
    const char *why;
    CHECK_ERR(policy_host(str_bytes("a\0b.example", 11), &out, &why), ERR_INVALID);
}

static void test_lengths_of_names(void)
{
    char name[POLICY_NAME_MAX_BYTES + 16];
    AUTO(buf) struct buf out = buf_make(POLICY_HOST_MAX_BYTES);
    const char *why;
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 64 == 63 ? '.' : 'a';
    name[POLICY_NAME_MAX_BYTES] = 'a';
    CHECK_OK(policy_host(str_bytes(name, POLICY_NAME_MAX_BYTES), &out, &why));
    CHECK_EQ(out.len, POLICY_NAME_MAX_BYTES);
    buf_reset(&out);
    CHECK_ERR(policy_host(str_bytes(name, POLICY_NAME_MAX_BYTES + 1), &out, &why), ERR_INVALID);
    memcpy(name + POLICY_NAME_MAX_BYTES, ".:65535", 7);
    CHECK_OK(policy_host(str_bytes(name, POLICY_NAME_MAX_BYTES + 7), &out, &why));
    CHECK_EQ(out.len, POLICY_HOST_MAX_BYTES);
    buf_reset(&out);
    memset(name, 'a', 64);
    CHECK_ERR(policy_host(str_bytes(name, 64), &out, &why), ERR_INVALID);
    CHECK_OK(policy_host(str_bytes(name, 63), &out, &why));
}

static void test_abuse_070_wildcards_where_strangers_have_names(void)
{
    static const char *const refused[] = {
        "*.amazonaws.com",
        "*.s3.amazonaws.com",
        "*.s3.eu-west-1.amazonaws.com",
        "*.s3.eu-west-1.amazonaws.com:443",
        "*.my-bucket.s3.amazonaws.com",
        "*.s3.cn-north-1.amazonaws.com.cn",
        "*.cloudfront.net",
        "*.r2.cloudflarestorage.com",
        "*.storage.googleapis.com",
        "*.googleapis.com",
        "*.blob.core.windows.net",
        "*.vercel.app",
        "*.netlify.app",
        "*.herokuapp.com",
        "*.github.io",
        "*.ngrok.io",
        "*.workers.dev",
        "*.pages.dev",
        "*.digitaloceanspaces.com",
        "*.backblazeb2.com",
        "*.wasabisys.com",
        "*.co.uk",
        "*.com.au",
        "*.or.jp",
        "*.co.uk:8443",
    };
    static const char *const fine[] = {
        "*.example.com",
        "*.example.co.uk",
        "*.notamazonaws.com",
        "*.amazonaws.com.example",
        "*.co.example",
        "s3.amazonaws.com",
        "my-bucket.s3.eu-west-1.amazonaws.com",
        "studio.github.io",
        "co.uk",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CHECK(policy_host_shared(str_from(refused[i])) != NULL);
    }
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        CHECK(policy_host_shared(str_from(fine[i])) == NULL);
}

static enum err asks(const char *pattern, const char *host)
{
    const struct policy p = {.hosts = {str_from(pattern)}, .host_count = 1};
    const struct policy_use use = {.sinks = POLICY_HEADER, .host = str_from(host)};
    return policy_allows(&p, &use);
}

static void test_abuse_068_070_hosts_match_by_labels(void)
{
    CHECK_OK(asks("example.com", "example.com:443"));
    CHECK_OK(asks("example.com", "example.com:9000"));
    CHECK_OK(asks("example.com:443", "example.com:443"));
    CHECK_ERR(asks("example.com:443", "example.com:80"), ERR_POLICY_HOST);
    CHECK_ERR(asks("example.com:44", "example.com:443"), ERR_POLICY_HOST);
    CHECK_ERR(asks("example.com", "a.example.com:443"), ERR_POLICY_HOST);
    CHECK_ERR(asks("example.com", "example.com.evil.test:443"), ERR_POLICY_HOST);
    CHECK_ERR(asks("example.com", "notexample.com:443"), ERR_POLICY_HOST);
    CHECK_ERR(asks("example.com", "example.co:443"), ERR_POLICY_HOST);
    CHECK_OK(asks("*.example.com", "a.example.com:443"));
    CHECK_OK(asks("*.example.com:443", "a.example.com:443"));
    CHECK_ERR(asks("*.example.com:443", "a.example.com:8443"), ERR_POLICY_HOST);
    CHECK_ERR(asks("*.example.com", "example.com:443"), ERR_POLICY_HOST);
    CHECK_ERR(asks("*.example.com", "a.b.example.com:443"), ERR_POLICY_HOST);
    CHECK_ERR(asks("*.example.com", ".example.com:443"), ERR_POLICY_HOST);
    CHECK_ERR(asks("*.example.com", "x.example.com.evil:443"), ERR_POLICY_HOST);
    CHECK_ERR(asks("*.example.com", "xexample.com:443"), ERR_POLICY_HOST);
    CHECK_OK(asks("10.0.0.1", "10.0.0.1:9000"));
    CHECK_ERR(asks("10.0.0.1", "10.0.0.11:9000"), ERR_POLICY_HOST);
    CHECK_OK(asks("[::1]", "[::1]:443"));
    CHECK_OK(asks("[::1]:9000", "[::1]:9000"));
    CHECK_ERR(asks("[::1]:9000", "[::1]:9001"), ERR_POLICY_HOST);
    CHECK_ERR(asks("[::1]", "[::11]:443"), ERR_POLICY_HOST);
}

static void test_sinks_expiry_and_workers(void)
{
    const struct policy open = {.sinks = 0};
    const struct policy signing = {.sinks = POLICY_CREDENTIAL | POLICY_HEADER};
    const struct policy short_lived = {.expires_at_ms = 1000};
    const struct policy hosted = {.hosts = {STR("example.com")}, .host_count = 1};
    struct policy both = hosted;
    both.sinks = POLICY_TEXT | POLICY_HEADER;
#define ASKS(p, ...) policy_allows(&(p), &(struct policy_use){__VA_ARGS__})
    CHECK_OK(ASKS(open, .sinks = POLICY_SINKS, .host = STR("any.test:1"), .now_ms = INT64_MAX));
    CHECK_OK(ASKS(open, .sinks = POLICY_TEXT, .to_worker = true));
    for (unsigned bit = 1; bit <= POLICY_SCRIPT; bit <<= 1)
        CHECK_ERR(ASKS(signing, .sinks = bit), (bit & signing.sinks) ? OK : ERR_POLICY_SINK);
    CHECK_OK(ASKS(signing, .sinks = POLICY_CREDENTIAL | POLICY_HEADER));
    CHECK_ERR(ASKS(signing, .sinks = POLICY_CREDENTIAL | POLICY_BODY), ERR_POLICY_SINK);
    CHECK_OK(ASKS(short_lived, .sinks = POLICY_URL, .now_ms = 999));
    CHECK_ERR(ASKS(short_lived, .sinks = POLICY_URL, .now_ms = 1000), ERR_POLICY_EXPIRED);
    /* Where a worker sends a value nobody knows: hosts alone do not allow it. */
    CHECK_ERR(ASKS(hosted, .sinks = POLICY_TEXT, .to_worker = true), ERR_POLICY_HOST);
    CHECK_OK(ASKS(both, .sinks = POLICY_TEXT, .to_worker = true));
    CHECK_ERR(ASKS(both, .sinks = POLICY_SCRIPT, .to_worker = true), ERR_POLICY_SINK);
    CHECK_OK(ASKS(hosted, .sinks = POLICY_URL)); /* the host is not decided yet */
    CHECK_ERR(ASKS(both, .sinks = POLICY_HEADER, .host = STR("evil.test:443")), ERR_POLICY_HOST);
    CHECK(policy_refused(ERR_POLICY_HOST) && !policy_refused(OK) && !policy_refused(ERR_FORBIDDEN));
#undef ASKS
}

static struct policy sample(void)
{
    return (struct policy){.sinks = POLICY_CREDENTIAL | POLICY_HEADER,
                           .expires_at_ms = 1795478400000,
                           .hosts = {STR("s3.example.test"), STR("*.example.com"),
                                     STR("[::1]:9000"), STR("*.example.com")},
                           .host_count = 4};
}

static void test_bytes_are_canonical(void)
{
    static const char want[] =
        "\x01\x05\0\x2c\xda\x0a\xa2\x01\0\0\x03\0"
        "\x0d\0\0\0*.example.com\x0a\0\0\0[::1]:9000\x0f\0\0\0s3.example.test";
    AUTO(buf) struct buf out = buf_make(POLICY_MAX_BYTES), again = buf_make(POLICY_MAX_BYTES);
    struct policy p = sample(), back;
    CHECK_OK(policy_encode(&p, &out));
    CHECK(str_equal(buf_str(&out), str_bytes(want, sizeof want - 1)));
    CHECK_OK(policy_decode(buf_str(&out), &back));
    CHECK_EQ(back.sinks, p.sinks);
    CHECK_EQ(back.expires_at_ms, p.expires_at_ms);
    CHECK_EQ(back.host_count, 3);
    CHECK_STR(back.hosts[2], "s3.example.test");
    CHECK_OK(policy_encode(&back, &again));
    CHECK(str_equal(buf_str(&out), buf_str(&again)));

    const struct policy open = {.sinks = 0};
    buf_reset(&out);
    CHECK_OK(policy_encode(&open, &out));
    CHECK_EQ(out.len, 0);
    CHECK_OK(policy_decode(STR_EMPTY, &back));
    CHECK(back.sinks == 0 && back.host_count == 0 && back.expires_at_ms == 0);
}

static void test_every_flip_and_cut_is_another_policy_or_none(void)
{
    AUTO(buf) struct buf out = buf_make(POLICY_MAX_BYTES), again = buf_make(POLICY_MAX_BYTES);
    struct policy p = sample(), back;
    CHECK_OK(policy_encode(&p, &out));
    for (size_t len = 1; len < out.len; len++)
        CHECK_ERR(policy_decode(str_slice(buf_str(&out), 0, len), &back), ERR_INVALID);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
        if (policy_decode(buf_str(&out), &back) == OK) {
            buf_reset(&again);
            CHECK_OK(policy_encode(&back, &again));
            CHECK(str_equal(buf_str(&out), buf_str(&again)));
        }
        out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
    }
    CHECK_OK(buf_put_byte(&out, 0));
    CHECK_ERR(policy_decode(buf_str(&out), &back), ERR_INVALID);
}

static void test_what_is_not_canonical_is_refused(void)
{
#define BYTES(text) str_bytes(text, sizeof(text) - 1)
    const struct str cases[] = {
        BYTES("\x01\0\0\0\0\0\0\0\0\0\0\0"),                         /* restricts nothing */
        BYTES("\x02\x01\0\0\0\0\0\0\0\0\0\0"),                       /* another format */
        BYTES("\x01\x80\0\0\0\0\0\0\0\0\0\0"),                       /* no such sink */
        BYTES("\x01\x01\0\0\0\0\0\0\0\x80\0\0"),                     /* before 1970 */
        BYTES("\x01\0\0\0\0\0\0\0\0\0\x01\0\x01\0\0\0A"),            /* upper case */
        BYTES("\x01\0\0\0\0\0\0\0\0\0\x01\0\x02\0\0\0a."),           /* dot at the end */
        BYTES("\x01\0\0\0\0\0\0\0\0\0\x02\0\x01\0\0\0b\x01\0\0\0a"), /* out of order */
        BYTES("\x01\0\0\0\0\0\0\0\0\0\x02\0\x01\0\0\0a\x01\0\0\0a"), /* twice */
        BYTES("\x01\0\0\0\0\0\0\0\0\0\x02\0\x01\0\0\0a"),            /* one is missing */
        BYTES("\x01\x01\0\0\0\0\0\0\0\0\0\0\0"),                     /* a byte more */
        BYTES("host=s3.example.test"),
    };
#undef BYTES
    struct policy back;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_ERR(policy_decode(cases[i], &back), ERR_INVALID);
}

static void test_hosts_at_the_limit_and_one_past_it(void)
{
    AUTO(buf) struct buf out = buf_make(POLICY_MAX_BYTES);
    char names[POLICY_HOSTS_MAX + 1][POLICY_HOST_MAX_BYTES];
    struct policy p = {.host_count = POLICY_HOSTS_MAX}, back;
    for (size_t i = 0; i <= POLICY_HOSTS_MAX; i++) {
        for (size_t at = 0; at < POLICY_NAME_MAX_BYTES; at++)
            names[i][at] = at % 64 == 63 ? '.' : 'a';
        names[i][0] = (char)('a' + i % 26);
        names[i][1] = (char)('a' + i / 26);
        memcpy(names[i] + POLICY_NAME_MAX_BYTES, ":65535", 6);
        if (i < POLICY_HOSTS_MAX)
            p.hosts[i] = str_bytes(names[i], POLICY_HOST_MAX_BYTES);
    }
    CHECK_OK(policy_encode(&p, &out));
    CHECK_EQ(out.len, POLICY_MAX_BYTES); /* the longest there is */
    CHECK_OK(policy_decode(buf_str(&out), &back));
    CHECK_EQ(back.host_count, POLICY_HOSTS_MAX);
    AUTO(buf) struct buf past = buf_make(2 * POLICY_MAX_BYTES);
    CHECK_OK(buf_put(&past, buf_str(&out)));
    CHECK_OK(buf_put_lengthed(&past, str_bytes(names[POLICY_HOSTS_MAX], POLICY_HOST_MAX_BYTES)));
    past.ptr[10] = POLICY_HOSTS_MAX + 1;
    CHECK_ERR(policy_decode(buf_str(&past), &back), ERR_INVALID);
    p.host_count++;
    buf_reset(&out);
    CHECK_ERR(policy_encode(&p, &out), ERR_INVALID);
    CHECK_EQ(out.len, 0);
}

int main(void)
{
    RUN(test_hosts_have_one_form);
    RUN(test_lengths_of_names);
    RUN(test_abuse_070_wildcards_where_strangers_have_names);
    RUN(test_abuse_068_070_hosts_match_by_labels);
    RUN(test_sinks_expiry_and_workers);
    RUN(test_bytes_are_canonical);
    RUN(test_every_flip_and_cut_is_another_policy_or_none);
    RUN(test_what_is_not_canonical_is_refused);
    RUN(test_hosts_at_the_limit_and_one_past_it);
    return test_done();
}
