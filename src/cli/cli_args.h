/* Arguments of one command, parsed by its usage text. Owner thread. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "str.h"

enum { CLI_POSITIONAL_MAX = 1000, CLI_FLAGS_MAX = 12 };

struct cli_args {
    const char *positional[CLI_POSITIONAL_MAX];
    size_t positional_count;
    struct {
        const char *name, *value; /* name without "--"; value NULL for a flag without one */
    } flags[CLI_FLAGS_MAX];
    size_t flag_count;
    bool help;
};

/* ERR_USAGE: *ret_why says what (static text). argv begins behind the command's words. */
enum err cli_args_parse(const char *usage, int argc, char **argv, struct cli_args *ret,
                        const char **ret_why) MUST_USE;
bool cli_flag(const struct cli_args *a, const char *name);
const char *cli_flag_value(const struct cli_args *a, const char *name); /* NULL: not given */

#endif
