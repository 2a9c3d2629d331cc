/* What the commands of the operator share. Owner thread. */
#ifndef CLI_TEAM_H
#define CLI_TEAM_H

#include "cli_client.h"

/* 0 when there is a team of this name; else says which one was probably meant and returns the exit
 * code. For a client of the operator's. */
int cli_team_known(struct cli_client *c, const char *name);

#endif
