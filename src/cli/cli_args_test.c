#include "cli_args.h"

#include "test.h"

static int no_run(const struct cli_args *args)
{
    (void)args;
    return 0;
}

static const char usage[] = "NAME [OTHER] --data DIR [--file FILE] [--dry]";
static char why[CLI_WHY_BYTES];

static enum err parse_by(const char *by, struct cli_args *ret, char *text)
{
    struct cli_command c = {"word", "verb", no_run, by, "doc"};
    char *argv[16];
    int argc = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    return cli_args_parse(&c, argc, argv, ret, why);
}

static enum err parse(struct cli_args *ret, char *text)
{
    return parse_by(usage, ret, text);
}

static void test_one_or_more(void)
{
    struct cli_args a;
    char none[] = "--json", many[] = "a b --json c d e f g";
    CHECK_ERR(parse_by("ID... [--json-too]", &a, none), ERR_USAGE);
    CHECK_OK(parse_by("ID... [--json-too]", &a, many));
    CHECK_EQ(a.positional_count, 7);
    CHECK_STR(str_from(a.positional[6]), "g");
    static char *argv[CLI_POSITIONAL_MAX + 1];
    struct cli_command c = {"word", "verb", no_run, "ID...", "doc"};
    for (size_t i = 0; i < ARRAY_LEN(argv); i++)
        argv[i] = many;
    CHECK_OK(cli_args_parse(&c, CLI_POSITIONAL_MAX, argv, &a, why));
    CHECK_ERR(cli_args_parse(&c, CLI_POSITIONAL_MAX + 1, argv, &a, why), ERR_USAGE);
}

static void test_accepted(void)
{
    struct cli_args a;
    char plain[] = "one --data d", equals[] = "--data=d --dry one two --file f";
    CHECK_OK(parse(&a, plain));
    CHECK_STR(str_from(a.positional[0]), "one");
    CHECK_STR(str_from(cli_flag_value(&a, "data")), "d");
    CHECK(!cli_flag(&a, "dry"));
    CHECK_OK(parse(&a, equals));
    CHECK(cli_flag(&a, "dry"));
    CHECK_EQ(a.positional_count, 2);
    CHECK_STR(str_from(cli_flag_value(&a, "file")), "f");
}

static void test_refused(void)
{
    static const char *const cases[] = {
        "",
        "one",
        "--data d",
        "one --data",
        "one --data d --nope",
        "one --data d --dry=1",
        "one --data d --data d",
        "one --data=d --data=e",
        "one --data=d --data e",
        "one two three --data d",
        "one --data d --dat x",
        "one --data d -x",
        "one --data d -- two three",
        "one --data d --=x",
        "one --data d --quiet=x",
        "one --data d --profile",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cli_args a;
        char text[64];
        snprintf(text, sizeof text, "%s", cases[i]);
        if (parse(&a, text) != ERR_USAGE) {
            printf("# accepted: %s\n", cases[i]);
            CHECK(false);
        }
    }
}

static void test_what_was_meant_is_said(void)
{
    static const struct {
        const char *given, *why;
    } cases[] = {
        {"one --data d --flie x", "there is no such flag; did you mean --file?"},
        {"one --data d --quite", "there is no such flag; did you mean --quiet?"},
        {"one --data d --zzzzzz", "there is no such flag"},
        {"one --file x", "--data DIR is missing"},
        {"one --data d --file", "--file lacks its value"},
        {"one --data d --dry=x", "--dry takes no value"},
        {"--data d", "an argument is missing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cli_args a;
        char text[64];
        snprintf(text, sizeof text, "%s", cases[i].given);
        CHECK_ERR(parse(&a, text), ERR_USAGE);
        CHECK_STR(str_from(why), cases[i].why);
    }
}

static void test_every_command_takes_these(void)
{
    struct cli_args a;
    char text[] = "one --data d --quiet --json --profile p -- --dry";
    CHECK_OK(parse(&a, text));
    CHECK(cli_flag(&a, "quiet") && cli_flag(&a, "json") && !cli_flag(&a, "dry"));
    CHECK_STR(str_from(cli_flag_value(&a, "profile")), "p");
    CHECK_STR(str_from(a.positional[1]), "--dry");
}

static void test_help_wins_over_what_is_missing(void)
{
    struct cli_args a;
    char text[] = "--help";
    CHECK_OK(parse(&a, text));
    CHECK(a.help);
}

int main(void)
{
    RUN(test_accepted);
    RUN(test_refused);
    RUN(test_one_or_more);
    RUN(test_what_was_meant_is_said);
    RUN(test_every_command_takes_these);
    RUN(test_help_wins_over_what_is_missing);
    return test_done();
}
