#include "cli_args.h"

#include "test.h"

static const char usage[] = "NAME [OTHER] --data DIR [--file FILE] [--json]";

static enum err parse_by(const char *by, struct cli_args *ret, char *text)
{
    char *argv[16];
    int argc = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    const char *why;
    return cli_args_parse(by, argc, argv, ret, &why);
}

static enum err parse(struct cli_args *ret, char *text)
{
    return parse_by(usage, ret, text);
}

static void test_one_or_more(void)
{
    struct cli_args a;
    char none[] = "--json", many[] = "a b --json c d e f g";
    CHECK_ERR(parse_by("ID... [--json]", &a, none), ERR_USAGE);
    CHECK_OK(parse_by("ID... [--json]", &a, many));
    CHECK_EQ(a.positional_count, 7);
    CHECK_STR(str_from(a.positional[6]), "g");
    static char *argv[CLI_POSITIONAL_MAX + 1];
    const char *why;
    for (size_t i = 0; i < ARRAY_LEN(argv); i++)
        argv[i] = many;
    CHECK_OK(cli_args_parse("ID...", CLI_POSITIONAL_MAX, argv, &a, &why));
    CHECK_ERR(cli_args_parse("ID...", CLI_POSITIONAL_MAX + 1, argv, &a, &why), ERR_USAGE);
}

static void test_accepted(void)
{
    struct cli_args a;
    char plain[] = "one --data d", equals[] = "--data=d --json one two --file f";
    CHECK_OK(parse(&a, plain));
    CHECK_STR(str_from(a.positional[0]), "one");
    CHECK_STR(str_from(cli_flag_value(&a, "data")), "d");
    CHECK(!cli_flag(&a, "json"));
    CHECK_OK(parse(&a, equals));
    CHECK(cli_flag(&a, "json"));
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
        "one --data d --json=1",
        "one --data d --data d",
        "one --data=d --data=e",
        "one --data=d --data e",
        "one two three --data d",
        "one --data d --dat x",
        "one --data d --",
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
    RUN(test_help_wins_over_what_is_missing);
    return test_done();
}
