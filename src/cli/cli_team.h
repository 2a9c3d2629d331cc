/* What the commands of the operator share. Owner thread. */
#ifndef CLI_TEAM_H
#define CLI_TEAM_H

#include "cli_client.h"

/* 0 when there is a team of this name; else says which one was probably meant and returns the exit
 * code. For a client of the operator's. */
int cli_team_known(struct cli_client *c, const char *name);

/* With --data and --team the operator's socket and that team (it is known); without both the team
 * of the token that asks. With --data alone the whole installation, where the command has a meaning
 * for it. *ret_base is what its paths begin with, in the arena. 0, or the exit code of what was
 * said. */
int cli_team_open(struct cli_client *c, const struct cli_args *args, bool installation,
                  const char **ret_base);

#endif
