/* What the commands about secrets share. Owner thread. */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include "cli_client.h"
#include "json_encode.h"

/* A secret is named by people and identified by id: its row of the list, by either. 0, or the exit
 * code of what was said. */
int cli_secret_find(struct cli_client *c, const char *name, struct str *ret_row);

/* Appends the member `policy` as --sinks, --hosts and --expires say it; what they do not name is
 * taken from `present` (a policy's JSON or empty). null when nothing is restricted; *ret_any tells
 * whether one of the flags was given (else nothing is written). 0, or the exit code of what was
 * said. */
int cli_policy_member(const struct cli_args *args, struct str present, struct arena *a,
                      struct json_out *o, bool *ret_any);

#endif
