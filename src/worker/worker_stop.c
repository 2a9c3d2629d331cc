#include "worker_stop.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "log.h"

enum err worker_stop_open(struct worker_stop *ret)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return ERR_LIMIT;
    *ret = (struct worker_stop){fd, 0};
    return OK;
}

void worker_stop_auto(struct worker_stop *s)
{
    io_close(&s->fd);
}

int worker_stop_asked(struct worker_stop *s)
{
    struct signalfd_siginfo one;
    while (read(s->fd, &one, sizeof one) == (ssize_t)sizeof one) {
        s->asked++;
        if (s->asked == 1)
            log_info("stop_asked", kv("again", "stops at once and gives the job back"));
        if (s->asked == 2)
            log_info("stop_now");
    }
    return s->asked;
}

bool worker_stop_wait(struct worker_stop *s, int64_t ms, int times)
{
    int64_t until = clock_monotonic_ms() + ms;
    for (;;) {
        if (worker_stop_asked(s) >= times)
            return true;
        int64_t left = until - clock_monotonic_ms();
        if (left <= 0)
            return false;
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        poll(&p, 1, (int)left);
    }
}
