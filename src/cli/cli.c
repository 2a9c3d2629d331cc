#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"
#include "cli_args.h"
#include "cli_global.h"
#include "cli_help.h"
#include "interrupt.h"
#include "nearest.h"

static int refuse(const struct cli_command *c, const char *why)
{
    fprintf(stderr, "safelight: %s\n", why);
    cli_help_usage(stderr, c);
    fprintf(stderr, "safelight %s%s%s --help says more\n", c->word, c->verb ? " " : "",
            c->verb ? c->verb : "");
    return EXIT_CODE_USAGE;
}

/* Programs with settings of their own read their flags themselves, where the last of two counts:
 * here one after another is looked at. */
static bool settings_known(const struct cli_command *c, int argc, char *const *argv,
                           struct cli_args *ret, char why[static CLI_WHY_BYTES])
{
    for (int at = 0; at < argc; at++) {
        if (cli_args_parse(c, 1, argv + at, ret, why) == OK) {
            if (ret->help)
                return true;
        } else if (at + 1 == argc || cli_args_parse(c, 2, argv + at, ret, why) != OK) {
            return false;
        } else {
            at++; /* its value */
        }
    }
    return true;
}

/* "--name", "value" in words of their own behind the command's, as programs read them. */
static int run_program(const struct cli_program *p, const struct cli_args *a)
{
    size_t count = 1;
    const char **words = xcalloc(2 + 2 * a->flag_count + a->positional_count + 1, sizeof *words);
    char(*names)[64] = xcalloc(a->flag_count + 1, sizeof *names);
    words[0] = a->command->word;
    if (a->command->verb)
        words[count++] = a->command->verb;
    for (size_t i = 0; i < a->flag_count; i++) {
        snprintf(names[i], sizeof names[i], "--%.*s", (int)a->flags[i].name.len,
                 a->flags[i].name.ptr);
        words[count++] = names[i];
        if (a->flags[i].value)
            words[count++] = a->flags[i].value;
    }
    for (size_t i = 0; i < a->positional_count; i++)
        words[count++] = a->positional[i];
    /* UNSAFE: main's argv is not const in C; programs do not write to it. */
    int code = p->run((int)count, (char **)(uintptr_t)words);
    free(names);
    free(words);
    return code;
}

/* A result that nobody can read, a token say, is no result: a full disk, a closed descriptor. */
static int written(int code)
{
    bool failed = fflush(stdout) != 0;
    if (!failed && !ferror(stdout))
        return code;
    fputs("safelight: the result could not be written to standard output; what was asked for may "
          "have been done\n",
          stderr);
    return code == EXIT_CODE_DONE ? EXIT_CODE_FAILED : code;
}

static int run(const struct cli_command *c, const struct cli_host *host, int argc, char **argv)
{
    static struct cli_args args; /* a thousand pointers */
    char why[CLI_WHY_BYTES] = "";
    const struct cli_program *program = cli_program_of(c);
    bool settings = program && program->setting;
    if (settings ? !settings_known(c, argc, argv, &args, why)
                 : cli_args_parse(c, argc, argv, &args, why) != OK)
        return refuse(c, why);
    if (args.help) {
        cli_help_command(stdout, c);
        return written(EXIT_CODE_DONE);
    }
    int before = c->verb ? 2 : 1;
    if (settings)
        return written(program->run(argc + before, argv - before));
    ASSERT(program || c->run); /* else it is in the table and not in main.c */
    if (program)
        return written(run_program(program, &args));
    cli_global_take(&args, host);
    interrupt_catch();
    return written(c->run(&args));
}

/* argv[1] names a command, perhaps with argv[2]. */
static const struct cli_command *find(int argc, char **argv, bool *ret_word_known)
{
    *ret_word_known = false;
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *c = &cli_commands[i];
        if (strcmp(c->word, argv[1]) != 0)
            continue;
        *ret_word_known = true;
        if (!c->verb || (argc > 2 && strcmp(c->verb, argv[2]) == 0))
            return c;
    }
    return NULL;
}

/* What other programs call it. */
static const char *our_word(const char *word, const char *verb)
{
    static const char *const names[][2] = {
        {"rm", "delete"},
        {"remove", "delete"},
        {"del", "delete"},
        {"destroy", "delete"},
        {"ls", "list"},
        {"show", "list"},
        {"get", "show"},
        {"info", "show"},
        {"view", "show"},
        {"status", "show"},
        {"add", "create"},
        {"new", "create"},
        {"make", "create"},
        {"add", "upload"},
        {"put", "upload"},
        {"create", "set"},
        {"add", "set"},
        {"put", "set"},
        {"update", "rotate"},
        {"change", "rotate"},
        {"log", "logs"},
        {"run", "submit"},
        {"create", "submit"},
        {"stop", "cancel"},
        {"kill", "cancel"},
        {"rm", "cancel"},
        {"delete", "cancel"},
        {"get", "output"},
        {"get", "download"},
        {"fetch", "download"},
        {"retry", "retry-delivery"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t c = 0; strcmp(names[i][0], verb) == 0 && c < cli_command_count; c++) {
            if (cli_commands[c].verb && strcmp(cli_commands[c].word, word) == 0 &&
                strcmp(cli_commands[c].verb, names[i][1]) == 0)
                return names[i][1];
        }
    }
    return NULL;
}

static struct str probably_meant(const char *word, const char *verb)
{
    struct nearest near = nearest_to(str_from(verb ? verb : word));
    if (verb && our_word(word, verb))
        return str_from(our_word(word, verb));
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *c = &cli_commands[i];
        if (!verb && !cli_hidden(c))
            nearest_offer(&near, str_from(c->word));
        else if (verb && c->verb && strcmp(c->word, word) == 0)
            nearest_offer(&near, str_from(c->verb));
    }
    return near.name;
}

static bool wants_value(const char *word, const char *verb)
{
    static const char *const verbs[] = {"get", "show", "read", "cat", "view", "value", "reveal"};
    for (size_t i = 0; verb && strcmp(word, "secret") == 0 && i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verb, verbs[i]) == 0)
            return true;
    }
    return false;
}

/* The sentence comes first and the rest is short: on a terminal nothing scrolls away. */
static void say_unknown(const char *word, const char *verb)
{
    struct str meant = probably_meant(word, verb);
    if (wants_value(word, verb))
        fputs("safelight: no command reads a value back; jobs use it. safelight secret list shows "
              "the names, safelight secret policy where a value may go\n",
              stderr);
    else if (!verb && strcmp(word, "version") == 0)
        fputs("safelight: there is no such command; did you mean safelight --version?\n", stderr);
    else if (meant.len)
        fprintf(stderr, "safelight: there is no such command; did you mean safelight %s%s%.*s?\n",
                verb ? word : "", verb ? " " : "", (int)meant.len, meant.ptr);
    else
        fputs("safelight: there is no such command\n", stderr);
    fprintf(stderr, "usage: safelight %s ...   (safelight %s%s--help shows all commands)\n",
            verb ? word : "COMMAND", verb ? word : "", verb ? " " : "");
}

static int flags_before(void)
{
    fputs("safelight: flags come after the whole command, as in safelight secret list --json\n"
          "usage: safelight COMMAND ...   (safelight --help shows all commands)\n",
          stderr);
    return EXIT_CODE_USAGE;
}

static bool is_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

/* safelight help WORD [VERB] */
static int help_about(int argc, char **argv)
{
    bool word_known;
    const struct cli_command *c = find(argc - 1, argv + 1, &word_known);
    if (c)
        cli_help_command(stdout, c);
    else if (word_known && argc == 3)
        cli_help_overview(stdout, argv[2]);
    else
        say_unknown(argv[2], word_known ? argv[3] : NULL);
    return c || (word_known && argc == 3) ? written(EXIT_CODE_DONE) : EXIT_CODE_USAGE;
}

int cli_main(int argc, char **argv, const struct cli_host *host)
{
    cli_programs_set(host->programs, host->program_count);
    if (argc < 2) {
        cli_help_overview(stderr, NULL);
        return EXIT_CODE_USAGE;
    }
    if (is_help(argv[1]) || (strcmp(argv[1], "help") == 0 && argc == 2)) {
        cli_help_overview(stdout, NULL);
        return written(EXIT_CODE_DONE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("safelight " SAFELIGHT_VERSION);
        return written(EXIT_CODE_DONE);
    }
    if (strcmp(argv[1], "help") == 0)
        return help_about(argc, argv);
    bool word_known;
    const struct cli_command *c = find(argc, argv, &word_known);
    if (c)
        return run(c, host, argc - (c->verb ? 3 : 2), argv + (c->verb ? 3 : 2));
    if (word_known && argc > 2 && is_help(argv[2])) {
        cli_help_overview(stdout, argv[1]);
        return written(EXIT_CODE_DONE);
    }
    if (argv[word_known && argc > 2 ? 2 : 1][0] == '-')
        return flags_before();
    if (word_known && argc == 2)
        cli_help_overview(stderr, argv[1]);
    else
        say_unknown(argv[1], word_known ? argv[2] : NULL);
    return EXIT_CODE_USAGE;
}
