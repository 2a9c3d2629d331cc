#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "attr.h"

static atomic_bool line;
static _Atomic(const char *) file;

void interrupt_line(bool drawn)
{
    line = drawn;
}

void interrupt_file(const char *path)
{
    file = path;
}

void interrupt_die(int number)
{
    sigset_t it;
    signal(number, SIG_DFL);
    sigemptyset(&it);
    sigaddset(&it, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &it, NULL); /* its handler may be running */
}

static void on_signal(int number)
{
    static const char clear[] = "\r\033[K";
    const char *path = file;
    if (line && write(STDERR_FILENO, clear, sizeof clear - 1) < 0)
        line = false; /* nobody is looking */
    if (path)
        (void)unlink(path);
    interrupt_die(number);
}

void interrupt_catch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}, before;
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaddset(&action.sa_mask, signals[i]);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}
