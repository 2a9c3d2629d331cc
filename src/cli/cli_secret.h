/* What the commands about secrets share. Owner thread. */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include "cli_client.h"
#include "json_encode.h"

/* As the server judges names. */
#define CLI_SECRET_NAME_RULE "a secret's name is 1 to 128 of A-Z a-z 0-9 _ - . /"
bool cli_secret_name_valid(struct str name);

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
