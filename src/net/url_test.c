#include "url.h"

#include "test.h"

static const struct {
    const char *text, *host, *path, *query, *canonical;
    bool https;
    uint16_t port;
} good[] = {
    {"https://good.com", "good.com", "/", "", "https://good.com/", true, 443},
    {"HTTPS://GOOD.com/a", "good.com", "/a", "", "https://good.com/a", true, 443},
    {"https://good.com./a", "good.com", "/a", "", "https://good.com/a", true, 443},
    {"https://good.com:443/a", "good.com", "/a", "", "https://good.com/a", true, 443},
    {"http://good.com:8080", "good.com", "/", "", "http://good.com:8080/", false, 8080},
    {"http://good.com:443/", "good.com", "/", "", "http://good.com:443/", false, 443},
    {"https://good.com?x=1", "good.com", "/", "x=1", "https://good.com/?x=1", true, 443},
    {"https://good.com/?", "good.com", "/", "", "https://good.com/", true, 443},
    {"https://evil#good.com", "evil", "/", "", "https://evil/", true, 443},
    {"https://evil/#@good.com", "evil", "/", "", "https://evil/", true, 443},
    {"https://evil?@good.com/", "evil", "/", "@good.com/", "https://evil/?@good.com/", true, 443},
    {"https://evil/@good.com", "evil", "/@good.com", "", "https://evil/@good.com", true, 443},
    {"https://a.b-c_d.e/%2F%2f/..;/./x", "a.b-c_d.e", "/%2F%2f/..;/./x", "",
     "https://a.b-c_d.e/%2F%2f/..;/./x", true, 443},
    {"https://h/a?X-Amz-Signature=aB%2B+c&y=~", "h", "/a", "X-Amz-Signature=aB%2B+c&y=~",
     "https://h/a?X-Amz-Signature=aB%2B+c&y=~", true, 443},
    {"https://h/\xc3\xbc?\xc3\xbc", "h", "/%c3%bc", "%c3%bc", "https://h/%c3%bc?%c3%bc", true, 443},
    {"http://2130706433/", "127.0.0.1", "/", "", "http://127.0.0.1/", false, 80},
    {"http://0x7f.1/", "127.0.0.1", "/", "", "http://127.0.0.1/", false, 80},
    {"http://0177.0.0.01/", "127.0.0.1", "/", "", "http://127.0.0.1/", false, 80},
    {"http://[::1]/", "::1", "/", "", "http://[::1]/", false, 80},
    {"http://[0:0:0:0:0:FFFF:127.0.0.1]:8/x", "::ffff:127.0.0.1", "/x", "",
     "http://[::ffff:127.0.0.1]:8/x", false, 8},
    {"https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/", "",
     "https://xn--bcher-kva.example/", true, 443},
};

static void test_what_is_accepted_is_canonical(void)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        AUTO(url) struct url u = {0};
        enum err e = url_parse(str_from(good[i].text), &u);
        CHECK_OK(e);
        if (e != OK) {
            printf("# %s\n", good[i].text);
            continue;
        }
        CHECK_STR(buf_str(&u.host), good[i].host);
        CHECK_STR(buf_str(&u.path), good[i].path);
        CHECK_STR(buf_str(&u.query), good[i].query);
        CHECK_STR(buf_str(&u.text), good[i].canonical);
        CHECK_EQ(u.https, good[i].https);
        CHECK_EQ(u.port, good[i].port);
    }
}

static const char *const bad[] = {
    "",
    "good.com",
    "//good.com/",
    "/a",
    "https:",
    "https:/good.com/",
    "https:good.com",
    "https://",
    "https:///good.com/",
    "https:////good.com/",
    "https://?x",
    "https://#x",
    "https://.",
    "https://./",
    "https://.good.com/",
    "https://good..com/",
    "https://good.com../",
    "https://:443/",
    "https://good.com:0/",
    "https://good.com:65536/",
    "https://good.com:99999999999999999999/",
    "https://good.com:x/",
    "https://good.com:-1/",
    "https://good.com@evil/",
    "https://user:pass@good.com/",
    "https://@good.com/",
    "https://:@good.com/",
    "https://good.com:80@evil/",
    "https://good.com\\@evil/",
    "https://good.com\\.evil/",
    "https:\\\\good.com/",
    "https://good.com/a\\b",
    "https://good.com /",
    " https://good.com/",
    "https://good.com/ ",
    "https://good.com/a b",
    "https://good.com/a\tb",
    "https://good.com/a\r\nHost: evil",
    "https://good.com/\x7f",
    "https://good.com/\x01",
    "https://go%6fd.com%2fevil/",
    "https://good.com%00.evil/",
    "https://good.com%2eevil%0a/",
    "https://b\xc3\xbc"
    "cher.example/",
    "https://good\xe3\x80\x82"
    "com/",
    "https://good,com/",
    "https://good!com/",
    "https://go*d.com/",
    "https://[::1/",
    "https://::1/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[::g]/",
    "https://[]/",
    "https://[127.0.0.1]/",
    "https://[v1.a]/",
    "http://0x7f./",
    "http://127.0.0.1./",
    "http://127.1.x.0x/",
    "http://256.256.256.256/",
    "http://99999999999/",
    "http://good.1/",
    "http://good.0xA/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://good.com/",
    "ftp://good.com/",
    "dict://good.com/",
    "smb://good.com/",
    "ldap://good.com/",
    "scp://good.com/",
    "ws://good.com/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "httpss://good.com/",
    "https+x://good.com/",
    "view-source:https://good.com/",
};

static void test_what_is_refused(void)
{
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(url) struct url u = {0};
        enum err e = url_parse(str_from(bad[i]), &u);
        CHECK_ERR(e, ERR_INVALID);
        if (e == OK)
            printf("# accepted: case %zu, host %.*s\n", i, (int)u.host.len, u.host.ptr);
    }
}

static void test_nul_and_length_are_refused(void)
{
    AUTO(url) struct url u = {0};
    CHECK_ERR(url_parse(STR("https://good.com\0.evil/"), &u), ERR_INVALID);
    AUTO(buf) struct buf text = buf_make(2 * URL_MAX_BYTES);
    CHECK_OK(buf_put(&text, STR("https://h/")));
    while (text.len < URL_MAX_BYTES)
        CHECK_OK(buf_put_byte(&text, 'a'));
    CHECK_OK(url_parse(buf_str(&text), &u));
    CHECK_EQ(u.text.len, URL_MAX_BYTES);
    CHECK_OK(buf_put_byte(&text, 'a'));
    AUTO(url) struct url longer = {0};
    CHECK_ERR(url_parse(buf_str(&text), &longer), ERR_INVALID);
}

static void test_parsing_the_canonical_text_changes_nothing(void)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        AUTO(url) struct url once = {0};
        AUTO(url) struct url twice = {0};
        CHECK_OK(url_parse(str_from(good[i].text), &once));
        CHECK_OK(url_parse(buf_str(&once.text), &twice));
        CHECK(str_equal(buf_str(&once.text), buf_str(&twice.text)));
    }
}

static void test_authority_names_the_port_unless_usual(void)
{
    static const char *const rows[][2] = {{"https://H.x/", "h.x"},
                                          {"https://h.x:8443/", "h.x:8443"},
                                          {"http://[::1]:9000/", "[::1]:9000"},
                                          {"http://[::1]/", "[::1]"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(url) struct url u = {0};
        AUTO(buf) struct buf out = buf_make(300);
        CHECK_OK(url_parse(str_from(rows[i][0]), &u));
        CHECK_OK(url_authority(&u, &out));
        CHECK_STR(buf_str(&out), rows[i][1]);
    }
}

int main(void)
{
    RUN(test_what_is_accepted_is_canonical);
    RUN(test_what_is_refused);
    RUN(test_nul_and_length_are_refused);
    RUN(test_parsing_the_canonical_text_changes_nothing);
    RUN(test_authority_names_the_port_unless_usual);
    return test_done();
}
