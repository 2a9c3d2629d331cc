/* The commands of commands.def. Each returns an exit code and has said what went wrong. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli_args.h"

#define COMMAND(word, verb, fn, usage, doc) int fn(const struct cli_args *args);
#include "commands.def"

#endif
