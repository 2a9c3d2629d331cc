#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "cli_args.h"
#include "cli_commands.h"

static const struct command {
    const char *word, *verb; /* verb NULL: a command of one word */
    int (*run)(const struct cli_args *args);
    const char *usage, *doc;
} commands[] = {
#define COMMAND(word, verb, fn, usage, doc) {word, verb, fn, usage, doc},
#include "commands.def"
#undef COMMAND
};

static void print_usage(FILE *to, const struct command *c)
{
    fprintf(to, "usage: safelight %s%s%s %s\n\n%s\n", c->word, c->verb ? " " : "",
            c->verb ? c->verb : "", c->usage, c->doc);
}

static int print_overview(FILE *to, const char *only_word)
{
    fputs("usage: safelight COMMAND ...   (safelight COMMAND --help says more)\n\n", to);
    if (!only_word)
        fputs("  init --data DIR [--team NAME]          make a data directory; prints the admin "
              "token\n"
              "  serve --data DIR [settings]            run the server\n"
              "  config check|show [--data DIR]         look at its settings\n"
              "  worker --engine CMD [--once]           run a render node\n\n",
              to);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const struct command *c = &commands[i];
        if (only_word && strcmp(c->word, only_word) != 0)
            continue;
        fprintf(to, "  %s%s%-*s %.*s\n", c->word, c->verb ? " " : "", (int)(20 - strlen(c->word)),
                c->verb ? c->verb : "", (int)strcspn(c->doc, ":;"), c->doc); /* the first clause */
    }
    fputs("\nClient commands read SAFELIGHT_URL and SAFELIGHT_TOKEN (or NEXRENDER_API_URL and "
          "NEXRENDER_API_KEY).\n"
          "Operator commands take --data DIR and talk to the server running on it.\n"
          "Exit codes: 0 done, 2 usage, 3 not allowed, 4 not found, 5 conflict, 6 no answer, 7 "
          "failed, 9 invalid.\n",
          to);
    return to == stdout ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
}

static int run(const struct command *c, int argc, char **argv)
{
    struct cli_args args;
    const char *why = "";
    if (cli_args_parse(c->usage, argc, argv, &args, &why) != OK) {
        fprintf(stderr, "safelight: %s\n", why);
        print_usage(stderr, c);
        return EXIT_CODE_USAGE;
    }
    if (args.help) {
        print_usage(stdout, c);
        return EXIT_CODE_DONE;
    }
    return c->run(&args);
}

int cli_main(int argc, char **argv)
{
    if (argc < 2)
        return print_overview(stderr, NULL);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return print_overview(stdout, NULL);
    if (strcmp(argv[1], "--version") == 0) {
        puts("safelight " SAFELIGHT_VERSION);
        return EXIT_CODE_DONE;
    }
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->word, argv[1]) != 0)
            continue;
        known = true;
        if (!c->verb)
            return run(c, argc - 2, argv + 2);
        if (argc > 2 && strcmp(c->verb, argv[2]) == 0)
            return run(c, argc - 3, argv + 3);
    }
    bool help = known && argc > 2 && strcmp(argv[2], "--help") == 0;
    if (!help)
        fputs("safelight: there is no such command\n\n", stderr);
    return print_overview(help ? stdout : stderr, known ? argv[1] : NULL);
}
