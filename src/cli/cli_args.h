/* Arguments of one command, parsed by its usage. Owner thread. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "cli_table.h"

enum { CLI_POSITIONAL_MAX = 1000, CLI_FLAGS_MAX = 24, CLI_WHY_BYTES = 160 };

struct cli_args {
    const struct cli_command *command;
    const char *positional[CLI_POSITIONAL_MAX];
    size_t positional_count;
    struct {
        struct str name;   /* without "--" */
        const char *value; /* NULL for a flag without one */
    } flags[CLI_FLAGS_MAX];
    size_t flag_count;
    bool help;
};

/* ERR_USAGE: ret_why says what is wrong, and what was probably meant; it quotes nothing of argv.
 * argv begins behind the command's words and is not changed; the result borrows from it. */
enum err cli_args_parse(const struct cli_command *c, int argc, char *const *argv,
                        struct cli_args *ret, char ret_why[static CLI_WHY_BYTES]) MUST_USE;
bool cli_flag(const struct cli_args *a, const char *name);
const char *cli_flag_value(const struct cli_args *a, const char *name); /* NULL: not given */

#endif
