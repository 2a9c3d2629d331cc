#include "notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "log.h"

enum { MESSAGE_MAX_BYTES = 512, WATCHDOG_LEAST_MS = 30 };

/* "/path", or "@name" for an abstract one. False: neither. */
static bool address_of(const char *text, struct notify *n)
{
    size_t len = strlen(text);
    if (len < 2 || len >= sizeof n->to.sun_path || (text[0] != '/' && text[0] != '@'))
        return false;
    n->to = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(n->to.sun_path, text, len);
    if (text[0] == '@')
        n->to.sun_path[0] = 0;
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

/* A third of the time: one that is late does no harm. */
static int64_t watchdog_of(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t number, whose;
    if (!usec || str_to_u64(str_from(usec), INT64_MAX, &number) != OK || number == 0)
        return 0;
    if (pid && (str_to_u64(str_from(pid), INT32_MAX, &whose) != OK || (pid_t)whose != getpid()))
        return 0;
    int64_t every_ms = (int64_t)(number / 3000);
    return every_ms > WATCHDOG_LEAST_MS ? every_ms : WATCHDOG_LEAST_MS;
}

void notify_open(struct notify *n)
{
    const char *where = getenv("NOTIFY_SOCKET");
    *n = (struct notify){.fd = -1};
    if (!where || !where[0])
        return;
    if (!address_of(where, n)) {
        log_warn("notify_socket_unknown", kv("why", "neither a path nor an abstract socket"));
        return;
    }
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    n->watchdog_ms = n->fd < 0 ? 0 : watchdog_of();
}

void notify_close(struct notify *n)
{
    io_close(&n->fd);
}

/* Best effort: whoever starts us decides what silence means. */
static void send_text(const struct notify *n, const char *text)
{
    if (n->fd >= 0)
        (void)!sendto(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                      (const struct sockaddr *)&n->to, n->to_len);
}

void notify_ready(const struct notify *n, const char *status)
{
    char text[MESSAGE_MAX_BYTES];
    snprintf(text, sizeof text, "READY=1\nSTATUS=%s\n", status);
    send_text(n, text);
}

void notify_reloading(const struct notify *n)
{
    char text[MESSAGE_MAX_BYTES];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the settings\n",
             (long long)clock_monotonic_us());
    send_text(n, text);
}

void notify_stopping(const struct notify *n)
{
    send_text(n, "STOPPING=1\nSTATUS=finishing open requests\n");
}

void notify_alive(const struct notify *n)
{
    send_text(n, "WATCHDOG=1\n");
}

void notify_status(const struct notify *n, const char *status)
{
    char text[MESSAGE_MAX_BYTES];
    snprintf(text, sizeof text, "STATUS=%s\n", status);
    send_text(n, text);
}
