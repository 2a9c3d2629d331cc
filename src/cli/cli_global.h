/* What the flags that every command takes have set, for this process: --quiet, --profile. Set once,
 * before a command runs. */
#ifndef CLI_GLOBAL_H
#define CLI_GLOBAL_H

#include "cli_args.h"

void cli_global_take(const struct cli_args *args, const struct cli_host *host);
bool cli_quiet(void);
const char *cli_profile_flag(void); /* NULL: not given */
const struct cli_host *cli_host(void);

/* A remark on stderr that --quiet leaves out; a newline is added. Static text and our own words. */
void cli_note(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
