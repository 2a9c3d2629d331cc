/* Before something is destroyed. Owner thread. */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "cli_args.h"

/* Early: 0 when --yes is given or there is somebody to ask, else says so and returns
 * EXIT_CODE_USAGE. */
int cli_confirm_possible(const struct cli_args *args);
/* Then: asks, unless --yes is given, naming what will be destroyed ("the secret", its name, "and
 * all its versions"). 0: go on; else an exit code, and it was said that nothing was changed. */
int cli_confirm(const struct cli_args *args, const char *what, struct str name, const char *more);

#endif
