/* The api process from fork to exit: opens the store, unlocks the vault, starts HTTP and the
 * dispatcher, confines itself, and then does what the supervisor says. */
#ifndef SERVER_SERVE_API_H
#define SERVER_SERVE_API_H

#include "config.h"

struct serve_api {
    const struct config *config;
    const char *root_key;        /* where it lies: what must stay out of reach */
    int vault, courier, control; /* sockets */
    int listen_fd, operator_fd;  /* listening sockets, TCP and UNIX */
};
/* Returns the process's exit code. */
int serve_api_run(const struct serve_api *options);

#endif
