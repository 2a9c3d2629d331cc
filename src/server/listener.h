/* The sockets that the server listens on: the operator's in the data directory, and the public one:
 * TCP, a UNIX socket, or one that systemd made and passed. All close-on-exec and non-blocking.
 * Supervisor, before anything starts. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <sys/types.h>

#include "config.h"
#include "datadir.h"

struct listener {
    int fd;
    bool passed;                                 /* by systemd: not ours to remove */
    char text[CONFIG_SOCKET_PATH_MAX_BYTES + 8]; /* "127.0.0.1:4300", "unix:/path" */
    dev_t device; /* of a UNIX socket that we made: what is removed at the end is still it */
    ino_t inode;
};

/* What systemd passed (LISTEN_PID, LISTEN_FDS), else as the settings say. ERR_INVALID, ERR_IN_USE,
 * ERR_IO: ret_why says what and what to do. */
enum err listener_open(const struct config *c, struct listener *ret,
                       char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;
/* Closes it, and removes the UNIX socket that it made. Accepts one that was never opened (fd -1).
 */
void listener_end(struct listener *l);

/* By name or number, for listen-group. */
bool listener_group_exists(const char *name);

/* Who may enter the data directory may use the operator's socket. ERR_IO. */
enum err listener_operator(const char *data, int *ret_fd,
                           char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;

#endif
