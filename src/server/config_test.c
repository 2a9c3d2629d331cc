#include "config.h"

#include <unistd.h>

#include "io.h"
#include "test.h"

static struct config c;

static void test_defaults_are_valid(void)
{
    char why[200] = "";
    config_defaults(&c);
    CHECK_OK(config_check(&c, why));
    CHECK(!c.allow_loopback && !c.allow_private && !c.allow_http);
    CHECK_STR(str_from(c.listen), "127.0.0.1:4300");
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
        {"threads", "", ERR_INVALID},
        {"console-idle-ms", "604800000", OK},
        {"console-idle-ms", "604800001", ERR_INVALID},
        {"console-session-ms", "604800000", OK},
        {"console-session-ms", "604800001", ERR_INVALID},
        {"lease-ms", "60000", OK},
        {"lease-ms", "60001", ERR_INVALID},
        {"lease-ms", "199", ERR_INVALID},
        {"allow-http", "on", OK},
        {"allow-http", "false", OK},
        {"allow-http", "maybe", ERR_INVALID},
        {"allow-http", "", ERR_INVALID},
        {"log-level", "debug", OK},
        {"no-such", "1", ERR_NOT_FOUND},
        {"", "1", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why;
        config_defaults(&c);
        enum err got = config_set(&c, str_from(cases[i].name), str_from(cases[i].value), &why);
        if (got != cases[i].want)
            printf("# %s = %s\n", cases[i].name, cases[i].value);
        CHECK_EQ(got, cases[i].want);
    }
}

static void test_text_at_its_limit_and_one_past(void)
{
    static char text[CONFIG_TEXT_MAX_BYTES + 1];
    const char *why;
    memset(text, 'x', sizeof text - 1);
    config_defaults(&c);
    CHECK_OK(config_set(&c, STR("ca-file"), str_bytes(text, CONFIG_TEXT_MAX_BYTES - 1), &why));
    CHECK_ERR(config_set(&c, STR("ca-file"), str_bytes(text, CONFIG_TEXT_MAX_BYTES), &why),
              ERR_INVALID);
}

static void test_addresses(void)
{
    static const struct {
        const char *text, *address;
        uint16_t port;
    } good[] = {{"127.0.0.1:4300", "127.0.0.1", 4300},
                {"[::1]:0", "::1", 0},
                {"0.0.0.0:65535", "0.0.0.0", 65535}};
    static const char *const bad[] = {
        "", "4300", "127.0.0.1", ":4300", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "[]:1"};
    char address[64];
    uint16_t port;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        CHECK_OK(config_address(str_from(good[i].text), address, &port));
        CHECK_STR(str_from(address), good[i].address);
        CHECK_EQ(port, good[i].port);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(config_address(str_from(bad[i]), address, &port), ERR_INVALID);
}

static void test_log_level_is_one_of_four_whole_words(void)
{
    static const char *const bad[] = {"rror", "ug|in", "", "INFO", "infos"};
    char why[200];
    const char *reason;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        config_defaults(&c);
        CHECK_OK(config_set(&c, STR("log-level"), str_from(bad[i]), &reason));
        CHECK_ERR(config_check(&c, why), ERR_INVALID);
    }
}

static void test_file_and_contradictions(void)
{
    char path[] = "/tmp/safelight-config-XXXXXX", why[200] = "";
    AUTO(fd) int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_OK(io_write_all(fd, STR("# a comment\n\n threads = 3 \nallow-http=on\ntls-cert = /x\n")));
    config_defaults(&c);
    CHECK_OK(config_read_file(&c, path, why));
    CHECK_EQ(c.threads, 3);
    CHECK(c.allow_http);
    CHECK_ERR(config_check(&c, why), ERR_INVALID); /* a certificate without a key */
    CHECK_OK(io_write_all(fd, STR("nonsense\n")));
    CHECK_ERR(config_read_file(&c, path, why), ERR_INVALID);
    CHECK_STR(str_from(why), "line 6: say name = value");
    unlink(path);
    CHECK_ERR(config_read_file(&c, path, why), ERR_NOT_FOUND);
}

int main(void)
{
    RUN(test_defaults_are_valid);
    RUN(test_values);
    RUN(test_text_at_its_limit_and_one_past);
    RUN(test_addresses);
    RUN(test_log_level_is_one_of_four_whole_words);
    RUN(test_file_and_contradictions);
    return test_done();
}
