/* Help texts from the table. Owner thread. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli_table.h"

/* One command: usage, what it does, its words and flags. */
void cli_help_command(FILE *to, const struct cli_command *c);
/* One line: how it is used. */
void cli_help_usage(FILE *to, const struct cli_command *c);
/* All commands, or those of one word. */
void cli_help_overview(FILE *to, const char *only_word);

#endif
