#include "config.h"

#include "test.h"

static struct config c;
static char why[CONFIG_WHY_BYTES];

static enum err set(const char *name, const char *value)
{
    enum config_id id = config_find(str_from(name));
    return id == CONFIG_COUNT ? ERR_NOT_FOUND : config_assign(&c, id, str_from(value), why);
}

/* Whether the named setting has a form that is wrong. */
static bool is_wrong(const char *name)
{
    return config_wrong(&c, config_find(str_from(name))) != NULL;
}

static void test_defaults_are_valid(void)
{
    config_defaults(&c);
    for (enum config_id id = 0; id < CONFIG_COUNT; id++)
        CHECK(config_wrong(&c, id) == NULL);
    CHECK(!c.allow_loopback && !c.allow_private && !c.allow_http);
    CHECK_STR(str_from(c.listen), "127.0.0.1:4300");
    CHECK_EQ(config_metrics(&c), CONFIG_METRICS_OFF);
}

static void test_values(void)
{
    static const struct {
        const char *name, *value;
        enum err want;
    } cases[] = {
        {"threads", "1", OK},
        {"threads", "64", OK},
        {"threads", "0", ERR_INVALID},
        {"threads", "65", ERR_INVALID},
        {"threads", "-1", ERR_INVALID},
        {"threads", "two", ERR_INVALID},
        {"threads", "2 ", ERR_INVALID},
        {"threads", "", ERR_INVALID},
        {"console-idle-ms", "604800000", OK},
        {"console-idle-ms", "604800001", ERR_INVALID},
        {"console-session-ms", "604800000", OK},
        {"console-session-ms", "604800001", ERR_INVALID},
        {"lease-ms", "60000", OK},
        {"lease-ms", "60001", ERR_INVALID},
        {"lease-ms", "199", ERR_INVALID},
        {"spool-max-bytes", "9223372036854775807", OK},
        {"spool-max-bytes", "9223372036854775808", ERR_INVALID},
        {"allow-http", "on", OK},
        {"allow-http", "false", OK},
        {"allow-http", "maybe", ERR_INVALID},
        {"allow-http", "", ERR_INVALID},
        {"log-level", "debug", OK},
        {"ca-file", "/etc/\x1b[31m", ERR_INVALID},
        {"ca-file", "/etc/a\nb", ERR_INVALID},
        {"no-such", "1", ERR_NOT_FOUND},
        {"Threads", "1", ERR_NOT_FOUND},
        {"", "1", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        config_defaults(&c);
        enum err got = set(cases[i].name, cases[i].value);
        if (got != cases[i].want)
            printf("# %s = %s\n", cases[i].name, cases[i].value);
        CHECK_EQ(got, cases[i].want);
    }
}

static void test_a_refused_value_changes_nothing(void)
{
    config_defaults(&c);
    CHECK_ERR(set("threads", "99"), ERR_INVALID);
    CHECK_EQ(c.threads, 2);
    CHECK_STR(str_from(why), "say a whole number from 1 to 64");
}

static void test_text_at_its_limit_and_one_past(void)
{
    static char text[CONFIG_TEXT_MAX_BYTES + 1];
    memset(text, 'x', sizeof text - 1);
    config_defaults(&c);
    CHECK_ERR(set("ca-file", text), ERR_INVALID);
    text[CONFIG_TEXT_MAX_BYTES - 1] = 0;
    CHECK_OK(set("ca-file", text));
}

static void test_a_secret_is_kept_as_a_hash_and_never_told(void)
{
    static char text[CONFIG_SECRET_MAX_BYTES + 2];
    AUTO(buf) struct buf shown = buf_make(64);
    config_defaults(&c);
    CHECK_OK(config_value(&c, CONFIG_metrics_token, &shown));
    CHECK_STR(buf_str(&shown), "not set");
    memset(text, 'q', sizeof text - 1);
    CHECK_ERR(set("metrics-token", text), ERR_INVALID); /* one past the most */
    text[CONFIG_SECRET_MAX_BYTES] = 0;
    CHECK_OK(set("metrics-token", text));
    text[CONFIG_SECRET_MIN_BYTES - 1] = 0;
    CHECK_ERR(set("metrics-token", text), ERR_INVALID); /* one short */
    CHECK(strchr(why, 'q') == NULL);
    CHECK_ERR(set("metrics-token", "0123456789abcdef 0123456789abcdef"), ERR_INVALID);
    CHECK_OK(set("metrics-token", "0123456789abcdef0123456789abcdef"));
    buf_reset(&shown);
    CHECK_OK(config_value(&c, CONFIG_metrics_token, &shown));
    CHECK_STR(buf_str(&shown), "set");
    CHECK(!memmem(&c, sizeof c, "0123456789abcdef", 16) && !memmem(&c, sizeof c, "qqqq", 4));
}

static void test_addresses(void)
{
    static const struct {
        const char *text, *address;
        uint16_t port;
        bool is_unix;
    } good[] = {{"127.0.0.1:4300", "127.0.0.1", 4300, false},
                {"[::1]:0", "::1", 0, false},
                {"0.0.0.0:65535", "0.0.0.0", 65535, false},
                {"unix:/run/x.sock", "/run/x.sock", 0, true}};
    static const char *const bad[] = {"",
                                      "4300",
                                      "127.0.0.1",
                                      ":4300",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:x",
                                      "[]:1",
                                      "unix:",
                                      "unix:/",
                                      "unix:/run/",
                                      "unix:run/x.sock",
                                      "unix:@x",
                                      "UNIX:/x:"};
    static char longest[5 + CONFIG_SOCKET_PATH_MAX_BYTES + 2];
    struct config_listen at;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        CHECK_OK(config_listen(str_from(good[i].text), &at));
        CHECK_STR(str_from(at.address), good[i].address);
        CHECK_EQ(at.port, good[i].port);
        CHECK_EQ(at.is_unix, good[i].is_unix);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(config_listen(str_from(bad[i]), &at), ERR_INVALID);
    memset(longest, 'x', sizeof longest - 1);
    memcpy(longest, "unix:/", 6);
    CHECK_ERR(config_listen(str_from(longest), &at), ERR_INVALID);
    longest[5 + CONFIG_SOCKET_PATH_MAX_BYTES] = 0;
    CHECK_OK(config_listen(str_from(longest), &at));
}

static void test_modes(void)
{
    static const char *const bad[] = {"",     "66",   "06600", "0888", "1660",
                                      "0060", "0400", "rw-",   "-1"};
    unsigned mode;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(config_mode(str_from(bad[i]), &mode), ERR_INVALID);
    CHECK_OK(config_mode(STR("0660"), &mode));
    CHECK_EQ(mode, 0660);
    CHECK_OK(config_mode(STR("777"), &mode));
    CHECK_EQ(mode, 0777);
}

static void test_forms(void)
{
    static const struct {
        const char *name, *value;
        bool wrong;
    } cases[] = {
        {"log-level", "rror", true},
        {"log-level", "ug|in", true},
        {"log-level", "", true},
        {"log-level", "INFO", true},
        {"log-level", "infos", true},
        {"log-level", "warn", false},
        {"log-format", "xml", true},
        {"metrics", "on", true},
        {"metrics", "token", true}, /* without one */
        {"metrics", "loopback", false},
        {"tls-cert", "/x", false}, /* it is the key that is missing */
        {"stock-log", "on", true},
        {"public-url", "farm.example.com", true},
        {"public-url", "ftp://farm.example.com", true},
        {"public-url", "https://", true},
        {"public-url", "https:///x", true},
        {"public-url", "https://user:pass@farm.example.com", true},
        {"public-url", "https://farm.example.com/?a=b", true},
        {"public-url", "https://farm.example.com/#x", true},
        {"public-url", "https://farm example.com", true},
        {"public-url", "https://farm.example.com/render", false},
        {"public-url", "http://[::1]:4300", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        config_defaults(&c);
        CHECK_OK(set(cases[i].name, cases[i].value));
        if (is_wrong(cases[i].name) != cases[i].wrong)
            printf("# %s = %s\n", cases[i].name, cases[i].value);
        CHECK_EQ(is_wrong(cases[i].name), cases[i].wrong);
    }
    config_defaults(&c);
    CHECK_OK(set("tls-cert", "/x"));
    CHECK(is_wrong("tls-key"));
}

static void test_nearest_name(void)
{
    CHECK_STR(str_from(config_nearest(STR("thread"))), "threads");
    CHECK_STR(str_from(config_nearest(STR("LISTEN"))), "listen");
    CHECK_STR(str_from(config_nearest(STR("lease_ms"))), "lease-ms");
    CHECK(config_nearest(STR("hunter2-hunter2")) == NULL);
    CHECK(config_nearest(STR_EMPTY) == NULL);
}

static void test_same_and_copy_take_one_setting(void)
{
    static struct config other;
    config_defaults(&c);
    other = c;
    CHECK_OK(set("threads", "3"));
    CHECK_OK(set("public-url", "https://a"));
    CHECK_OK(set("metrics-token", "0123456789abcdef0123456789abcdef"));
    for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
        bool changed =
            id == CONFIG_threads || id == CONFIG_public_url || id == CONFIG_metrics_token;
        CHECK_EQ(config_same(&c, &other, id), !changed);
        config_copy(&other, &c, id);
        CHECK(config_same(&c, &other, id));
    }
    CHECK(memcmp(&c, &other, sizeof c) == 0);
}

int main(void)
{
    RUN(test_defaults_are_valid);
    RUN(test_values);
    RUN(test_a_refused_value_changes_nothing);
    RUN(test_text_at_its_limit_and_one_past);
    RUN(test_a_secret_is_kept_as_a_hash_and_never_told);
    RUN(test_addresses);
    RUN(test_modes);
    RUN(test_forms);
    RUN(test_nearest_name);
    RUN(test_same_and_copy_take_one_setting);
    return test_done();
}
