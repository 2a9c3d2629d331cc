#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "io.h"

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
static volatile sig_atomic_t came;

static void note_signal(int number)
{
    came = number;
}

/* Signals are let in while it waits, and at no other time: one that comes a moment earlier would be
 * noted by nobody before the next key. ERR_AGAIN: one came. */
static enum err wait_key(int tty, const sigset_t *let_in)
{
    struct pollfd fd = {.fd = tty, .events = POLLIN};
    while (!came && ppoll(&fd, 1, NULL, let_in) < 0) {
        if (errno != EINTR)
            return ERR_IO;
    }
    return came ? ERR_AGAIN : OK;
}

/* Backspace, Ctrl-U and Ctrl-D as people expect them; the terminal's own line would end at 4095
 * bytes. ERR_AGAIN: a signal came. */
static enum err read_keys(int tty, const sigset_t *let_in, struct buf *ret)
{
    enum { BACKSPACE = 0x08, DELETE = 0x7f, CTRL_D = 0x04, CTRL_U = 0x15 };
    for (;;) {
        unsigned char key = 0;
        TRY(wait_key(tty, let_in));
        if (read(tty, &key, 1) != 1 || (key == CTRL_D && ret->len == 0))
            return ERR_USAGE;
        if (key == '\n' || key == '\r' || key == CTRL_D)
            return OK;
        if (key == CTRL_U)
            buf_reset(ret);
        else if ((key == BACKSPACE || key == DELETE) && ret->len > 0)
            buf_truncate(ret, ret->len - 1);
        else if (key != BACKSPACE && key != DELETE)
            TRY(buf_put_byte(ret, key));
    }
}

enum err prompt_hidden(const char *question, struct buf *ret)
{
    struct termios before, quiet;
    struct sigaction ours = {.sa_handler = note_signal}, theirs[ARRAY_LEN(ending)];
    sigset_t held, let_in;
    AUTO(fd) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (tty < 0 || tcgetattr(tty, &before) != 0)
        return ERR_IO;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    came = 0;
    sigemptyset(&held);
    for (size_t i = 0; i < ARRAY_LEN(ending); i++) {
        sigaddset(&held, ending[i]);
        sigaction(ending[i], &ours, &theirs[i]);
    }
    sigprocmask(SIG_BLOCK, &held, &let_in);
    /* Before the question: what is typed the moment it appears is not shown either. */
    enum err e = tcsetattr(tty, TCSAFLUSH, &quiet) == 0 ? OK : ERR_IO;
    if (e == OK)
        e = io_write_all(tty, str_from(question));
    if (e == OK)
        e = read_keys(tty, &let_in, ret);
    tcsetattr(tty, TCSAFLUSH, &before);
    enum err newline = io_write_all(tty, STR("\n"));
    sigprocmask(SIG_SETMASK, &let_in, NULL); /* one that came meanwhile is noted now */
    for (size_t i = 0; i < ARRAY_LEN(ending); i++)
        sigaction(ending[i], &theirs[i], NULL);
    if (came) {
        buf_reset(ret);
        raise(came);
        return ERR_USAGE;
    }
    return e != OK ? e : newline;
}

bool prompt_possible(void)
{
    AUTO(fd) int tty = isatty(STDIN_FILENO) == 1 ? open("/dev/tty", O_RDWR | O_CLOEXEC) : -1;
    return tty >= 0;
}

bool prompt_yes(void)
{
    char answer[16] = "";
    fputs(" Go on? [y/N] ", stderr);
    fflush(stderr);
    if (!fgets(answer, sizeof answer, stdin))
        fputc('\n', stderr);
    struct str said = str_trim(str_from(answer));
    return str_equal_nocase(said, STR("y")) || str_equal_nocase(said, STR("yes"));
}
