/* Waiting for what a server does in its own time: --timeout SECONDS, an hour without it. Owner
 * thread. */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include "cli_args.h"
#include "progress.h"

/* The moment (monotonic) until which to wait; 0, or EXIT_CODE_INVALID, which was said. */
int cli_wait_until(const struct cli_args *args, int64_t *ret_until_ms);
/* Half a second later true; false when the time is over, which was said with `what` ("the job"),
 * once the progress line (NULL: none) is gone. */
bool cli_wait_more(int64_t until_ms, const char *what, struct progress *shown);

#endif
