/* What the commands about audit logs share. Owner thread. */
#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include "cli_client.h"

/* With --data the operator's socket, of --team's log or without it the installation's; else the
 * team of the token that asks. The path of the log itself; below it stand verify, export,
 * checkpoint, key. 0, or the exit code of what was said. */
int cli_audit_open(struct cli_client *c, const struct cli_args *args, struct str *ret_path);

#endif
