/* The table of commands (commands.def, flags.def), as parser, help, completion and man pages read
 * it. Any thread. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "arena.h"
#include "cli.h"
#include "str.h"

struct cli_args;

struct cli_command {
    const char *word, *verb;                 /* verb NULL: a command of one word */
    int (*run)(const struct cli_args *args); /* NULL: a program of main.c */
    const char *usage, *doc;
};
extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

/* One word of a usage: "--data DIR" is one, "[NAME]" another. */
struct cli_word {
    struct str name;  /* without "--" */
    struct str value; /* what follows a flag that takes a value; else empty */
    bool flag, optional, many;
};
/* Takes the next one off *rest, which begins as the usage; false at the end. */
bool cli_usage_next(struct str *rest, struct cli_word *ret);

/* What it means and how it is completed; text NULL: nobody said. */
struct cli_meaning {
    const char *hint, *text;
};
struct cli_meaning cli_meaning_of(const struct cli_command *c, const struct cli_word *w);

/* Flags that every command takes; false when there are no more. */
bool cli_global_flag(size_t i, struct cli_word *ret, struct cli_meaning *ret_meaning);
/* Flags of a command, one by one: those of its usage, then the settings of a program or what every
 * command takes. */
bool cli_flag_at(const struct cli_command *c, size_t i, struct cli_word *ret,
                 struct cli_meaning *ret_meaning);

/* The commands of main.c; see cli.h. */
void cli_programs_set(const struct cli_program *programs, size_t count);
const struct cli_program *cli_program_of(const struct cli_command *c); /* NULL: none */

/* All of what it does, as sentences; in the arena. */
const char *cli_sentences(const struct cli_command *c, struct arena *a);
/* The first clause of what it does. */
struct str cli_short_doc(const struct cli_command *c);
/* True for the first command of its word: for lists of groups. */
bool cli_first_of_group(size_t i);
/* Those that people need not see. */
bool cli_hidden(const struct cli_command *c);

#endif
