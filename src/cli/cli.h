/* The command line. Results go to stdout, everything else to stderr; values come from stdin, a file
 * or a hidden prompt, never from argv. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>

/* A setting of a program that has more flags than the table says. */
struct cli_setting {
    const char *name, *value; /* value: what stands for it ("TEXT") */
    const char *words;        /* what it may be, with blanks between, or "" */
    const char *doc;
};

/* A command that lies beyond this layer: in commands.def with PROGRAM, run by main.c's function.
 * argv begins with its words; flags come as "--name", "value", in words of their own, and were
 * checked against its usage. */
struct cli_program {
    const char *word, *verb; /* verb NULL: of one word */
    int (*run)(int argc, char **argv);
    bool (*setting)(size_t i, struct cli_setting *ret); /* NULL: none; false: no more */
};

/* What doctor finds with libraries that this layer has not: see doctor.h in src/server. */
enum cli_verdict { CLI_GOOD, CLI_WARN, CLI_BAD };
typedef void cli_found(void *ctx, enum cli_verdict verdict, const char *what, const char *remedy);

struct cli_host {
    const struct cli_program *programs;
    size_t program_count;
    /* config: a file of settings, or NULL */
    void (*examine)(const char *data, const char *config, cli_found *found, void *ctx);
};

/* argv[0] is the program, argv[1] the command's first word. Returns the exit code. */
int cli_main(int argc, char **argv, const struct cli_host *host);

enum cli_exit {
    EXIT_CODE_DONE = 0,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_NOT_ALLOWED = 3,
    EXIT_CODE_NOT_FOUND = 4,
    EXIT_CODE_CONFLICT = 5,
    EXIT_CODE_UNREACHABLE = 6,
    EXIT_CODE_FAILED = 7,
    EXIT_CODE_INVALID = 9,
};

#endif
