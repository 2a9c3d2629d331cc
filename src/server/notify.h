/* What a service manager is told (sd_notify, https://www.freedesktop.org/software/systemd/man/
 * sd_notify.html), without its library: datagrams to the socket it names. Without one every call
 * does nothing. Supervisor. */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include "err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
    int fd; /* -1: nobody wants to know */
    struct sockaddr_un to;
    socklen_t to_len;
    int64_t watchdog_ms; /* a sign of life is due this often; 0: never */
};

/* NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID; before the environment is cleared. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

void notify_ready(const struct notify *n, const char *status);
void notify_reloading(const struct notify *n);
void notify_stopping(const struct notify *n);
void notify_alive(const struct notify *n);
void notify_status(const struct notify *n, const char *status);

#endif
