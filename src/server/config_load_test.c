#include "config_load.h"

#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

static struct config c;
static struct config_source from[CONFIG_COUNT];
static char path[] = "/tmp/safelight-config-XXXXXX";

/* Writes the file and loads it with these arguments; what is wrong is left in `problems`. */
static enum err load(const char *file, struct buf *problems, const char *const *args, int count)
{
    char *argv[8] = {(char *)(uintptr_t) "serve", (char *)(uintptr_t) "--config", path};
    AUTO(config_inputs) struct config_inputs in;
    for (int i = 0; i < count; i++)
        argv[3 + i] = (char *)(uintptr_t)args[i];
    CHECK_OK(io_replace_file(path, str_from(file), 0600));
    buf_reset(problems);
    enum err e = config_inputs_read(3 + count, argv, NULL, &in, problems);
    return e == OK ? config_load(&in, &c, from, problems) : e;
}

static size_t lines(const struct buf *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += text->ptr[i] == '\n';
    return n;
}

static bool says(const struct buf *problems, const char *what)
{
    return str_search(buf_str(problems), str_from(what), 0) < problems->len;
}

static void test_strength_is_default_file_environment_flag(void)
{
    static const char *const flags[] = {"--threads", "5"};
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    setenv("SAFELIGHT_THREADS", "4", 1);
    setenv("SAFELIGHT_CONNECTIONS", "100", 1);
    CHECK_OK(load("# a comment\n\n threads = 3 \r\nconnections=200\nallow-http=on\n", &problems,
                  flags, 2));
    CHECK_EQ(c.threads, 5);
    CHECK_EQ(from[CONFIG_threads].origin, CONFIG_FROM_FLAG);
    CHECK_EQ(c.connections, 100);
    CHECK_EQ(from[CONFIG_connections].origin, CONFIG_FROM_ENVIRONMENT);
    CHECK(c.allow_http);
    CHECK_EQ(from[CONFIG_allow_http].origin, CONFIG_FROM_FILE);
    CHECK_EQ(from[CONFIG_allow_http].line, 5);
    CHECK_EQ(from[CONFIG_listen].origin, CONFIG_FROM_DEFAULT);
    unsetenv("SAFELIGHT_THREADS");
    unsetenv("SAFELIGHT_CONNECTIONS");
}

static void test_all_that_is_wrong_is_told_at_once_and_nothing_is_quoted(void)
{
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    c.threads = 42;
    CHECK_ERR(load("threads = hunter2\nthread = 1\nhunter2hunter2\nlog-level = hunter2\nhunter2 = "
                   "x\nlisten = hunter2\n",
                   &problems, NULL, 0),
              ERR_INVALID);
    CHECK_EQ(lines(&problems), 6);
    CHECK(says(&problems, ":1: threads: say a whole number from 1 to 64\n"));
    CHECK(says(&problems, ":2: there is no setting of this name; did you mean threads?\n"));
    CHECK(says(&problems, ":3: say name = value\n"));
    CHECK(says(&problems, ":4: log-level: say debug, info, warn or error\n"));
    CHECK(says(&problems, ":5: there is no setting of this name\n"));
    CHECK(says(&problems, ":6: listen: say address:port"));
    CHECK(!says(&problems, "hunter2"));
    CHECK_EQ(c.threads, 42); /* as it was */
}

static void test_refusals(void)
{
    static const struct {
        const char *file, *says;
    } cases[] = {
        {"threads = 1\nthreads = 1\n", ":2: threads was said in line 1 already"},
        {"tls-cert = /x\n", "tls-key: tls-cert and tls-key go together"},
        {"metrics = token\n", ":1: metrics: token needs metrics-token"},
        {"metrics-token = short\n", ":1: metrics-token: say 32 to 512"},
        {"listen = unix:@x\n", "no abstract socket"},
        {"= 1\n", ":1: there is no setting"},
        {"threads\n", ":1: say name = value"},
        {"threads = \n", ":1: threads: say a whole number"},
    };
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_ERR(load(cases[i].file, &problems, NULL, 0), ERR_INVALID);
        CHECK(says(&problems, cases[i].says));
        CHECK_EQ(lines(&problems), 1);
    }
}

static void test_command_lines_that_are_refused(void)
{
    static const struct {
        const char *args[3];
        int count;
        const char *says;
    } cases[] = {
        {{"stray"}, 1, "argument 3: say --name value"},
        {{"--"}, 1, "argument 3: say --name value"},
        {{"--threads"}, 1, "argument 3: say --name value"},
        {{"--thread", "1"}, 2, "did you mean --threads?"},
        {{"--metrics-token", "0123456789abcdef0123456789abcdef"},
         2,
         "put this setting into the file"},
        {{"--data="}, 1, "the path is empty"},
    };
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_ERR(load("", &problems, cases[i].args, cases[i].count), ERR_USAGE);
        CHECK(says(&problems, cases[i].says));
        CHECK(!says(&problems, "0123456789abcdef"));
    }
}

static void test_a_secret_from_the_environment_is_refused(void)
{
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    setenv("SAFELIGHT_METRICS_TOKEN", "0123456789abcdef0123456789abcdef", 1);
    CHECK_ERR(load("", &problems, NULL, 0), ERR_INVALID);
    CHECK(says(&problems, "SAFELIGHT_METRICS_TOKEN") && !says(&problems, "0123456789abcdef"));
    unsetenv("SAFELIGHT_METRICS_TOKEN");
}

static void test_a_secret_in_a_file_for_everybody_is_refused(void)
{
    static const char file[] = "metrics-token = 0123456789abcdef0123456789abcdef\n";
    static const struct {
        mode_t mode;
        enum err want;
    } cases[] = {{0600, OK}, {0640, OK}, {0644, ERR_INVALID}, {0602, ERR_INVALID}};
    char *argv[] = {(char *)(uintptr_t) "serve", (char *)(uintptr_t) "--config", path};
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    CHECK_OK(io_replace_file(path, str_from(file), 0600));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(config_inputs) struct config_inputs in;
        buf_reset(&problems);
        CHECK_EQ(chmod(path, cases[i].mode), 0);
        CHECK_OK(config_inputs_read(3, argv, NULL, &in, &problems));
        CHECK_ERR(config_load(&in, &c, from, &problems), cases[i].want);
        CHECK_EQ(says(&problems, "chmod 640"), cases[i].want != OK);
    }
}

static void test_a_file_at_its_limit_and_one_past(void)
{
    static char file[CONFIG_FILE_MAX_BYTES + 2];
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    memset(file, '#', CONFIG_FILE_MAX_BYTES);
    CHECK_OK(load(file, &problems, NULL, 0));
    file[CONFIG_FILE_MAX_BYTES] = '#';
    CHECK_ERR(load(file, &problems, NULL, 0), ERR_INVALID);
    CHECK(says(&problems, "larger than 64 KiB"));
}

static void test_a_file_full_of_errors_stays_in_bounds(void)
{
    static char file[CONFIG_FILE_MAX_BYTES];
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    for (size_t i = 0; i + 2 < sizeof file; i += 2)
        memcpy(file + i, "x\n", 2);
    CHECK_ERR(load(file, &problems, NULL, 0), ERR_INVALID);
    CHECK(problems.len > 0 && problems.len <= CONFIG_PROBLEMS_MAX_BYTES);
}

static void test_a_named_file_has_to_be_there(void)
{
    char *argv[] = {(char *)(uintptr_t) "serve", (char *)(uintptr_t) "--config",
                    (char *)(uintptr_t) "/nonexistent/safelight.conf"};
    AUTO(buf) struct buf problems = buf_make(CONFIG_PROBLEMS_MAX_BYTES);
    AUTO(config_inputs) struct config_inputs in;
    CHECK_OK(config_inputs_read(3, argv, NULL, &in, &problems));
    CHECK_ERR(config_load(&in, &c, from, &problems), ERR_INVALID);
    CHECK(says(&problems, "there is no such file"));
}

int main(void)
{
    AUTO(fd) int fd = mkstemp(path);
    ASSERT(fd >= 0);
    RUN(test_strength_is_default_file_environment_flag);
    RUN(test_all_that_is_wrong_is_told_at_once_and_nothing_is_quoted);
    RUN(test_refusals);
    RUN(test_command_lines_that_are_refused);
    RUN(test_a_secret_from_the_environment_is_refused);
    RUN(test_a_secret_in_a_file_for_everybody_is_refused);
    RUN(test_a_file_at_its_limit_and_one_past);
    RUN(test_a_file_full_of_errors_stays_in_bounds);
    RUN(test_a_named_file_has_to_be_there);
    unlink(path);
    return test_done();
}
