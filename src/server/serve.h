/* `safelight serve`: the supervisor. It checks the data directory, opens the root key, makes the
 * sockets, starts vault, courier and api, says when they are ready, hands over what only it may
 * touch, restarts the courier, and stops everything when the vault or the api dies. */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "config_load.h"

/* Runs until stopped. Returns the exit code. Errors go to stderr, for a person. `in` is where the
 * settings came from: they are read again at SIGHUP, and *config is then what holds. */
int serve_run(const struct config_inputs *in, struct config *config);

/* `safelight serve ...`: argv[0] is "serve". */
int serve_main(int argc, char **argv);

#endif
