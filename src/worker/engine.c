#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "arena.h"
#include "io.h"

enum { GRACE_S = 5 }; /* between asking an engine to end and ending it */

static const char *search_path(void)
{
    const char *path = getenv("PATH");
    return path && path[0] ? path : "/usr/local/bin:/usr/bin:/bin";
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Folders that are not absolute would be a job's own: no program of ours is there. */
static bool in_search_path(const char *name)
{
    AUTO(arena) struct arena a = arena_make();
    struct str rest = str_from(search_path()), folder;
    while (rest.ptr) {
        rest = str_split(rest, ':', &folder);
        if (folder.len > 0 && folder.ptr[0] == '/' &&
            is_program(arena_printf(&a, "%.*s/%s", (int)folder.len, folder.ptr, name).ptr))
            return true;
    }
    return false;
}

const char *engine_wrong(const char *command)
{
    if (strcmp(command, "ffmpeg") == 0)
        return in_search_path("ffmpeg") && in_search_path("ffprobe")
                   ? NULL
                   : "the built-in engine needs the programs ffmpeg and ffprobe, and PATH does not "
                     "have both: install the package ffmpeg";
    if (strchr(command, '/'))
        return is_program(command) ? NULL
                                   : "--engine: there is no such program, or we may not run it "
                                     "(is it executable?)";
    return in_search_path(command) ? NULL
                                   : "--engine: no folder of PATH has a program of this name; give "
                                     "its whole path";
}

/* In the child, after fork: the program sees its folder and nothing of ours. */
static void run_child(const char *command, const char *folder, const char *output,
                      const char *job_id, int out)
{
    char *path_copy = xstrdup(search_path());
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* the worker blocks what it reads from a descriptor */
    signal(SIGPIPE, SIG_DFL);              /* and ignores this one */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* should its keeper be killed */
    int null = open("/dev/null", O_RDONLY);
    if (chdir(folder) != 0 || null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    clearenv();
    setenv("PATH", path_copy, 1);
    setenv("HOME", folder, 1);
    setenv("TMPDIR", folder, 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("SAFELIGHT_OUTPUT", output, 1);
    setenv("SAFELIGHT_JOB", "job.json", 1);
    setenv("SAFELIGHT_JOB_ID", job_id, 1);
    if (strcmp(command, "ffmpeg") == 0)
        _exit(engine_ffmpeg_main());
    execlp(command, command, (char *)NULL);
    fprintf(stderr, "the engine cannot be started: %s\n", strerror(errno));
    _exit(127);
}

/* The engine's children may go on when it has ended or crashed, and it may itself when the worker
 * was killed: a keeper stands between them and ends the whole group, asking first when it is told
 * to stop. Does not return. */
static void keep(pid_t worker, const char *command, const char *folder, const char *output,
                 const char *job_id, int out)
{
    sigset_t set;
    int signal_number = 0;
    siginfo_t ended = {.si_pid = 0};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGCHLD, SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    pid_t pid = getppid() == worker ? fork() : -1;
    if (pid == 0)
        run_child(command, folder, output, job_id, out);
    if (pid < 0)
        _exit(126);
    close(out);
    setpgid(pid, pid); /* also here: whoever comes first */
    for (bool told = false; ended.si_pid == 0;) {
        if (sigwait(&set, &signal_number) != 0)
            continue;
        if (signal_number == SIGTERM && !told) {
            kill(-pid, SIGTERM);
            alarm(GRACE_S);
            told = true;
        } else if (signal_number == SIGALRM) {
            kill(-pid, SIGKILL);
        }
        (void)waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT);
    }
    kill(-pid, SIGKILL); /* what it left behind, while its number is still taken */
    _exit(ended.si_code == CLD_EXITED ? ended.si_status : 128 + ended.si_status);
}

enum err engine_start(const char *command, const char *folder, const char *output,
                      const char *job_id, struct engine *ret)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return ERR_LIMIT;
    pid_t worker = getpid(), pid = fork();
    if (pid == 0)
        keep(worker, command, folder, output, job_id, fds[1]);
    io_close(&fds[1]);
    if (pid < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
        io_close(&fds[0]);
        return ERR_LIMIT;
    }
    *ret = (struct engine){pid, fds[0]};
    return OK;
}

void engine_stop(const struct engine *e)
{
    kill(e->pid, SIGTERM);
}

bool engine_ended(const struct engine *e)
{
    siginfo_t ended = {.si_pid = 0};
    return waitid(P_PID, (id_t)e->pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           ended.si_pid != 0;
}

bool engine_wait(struct engine *e, int *ret_status)
{
    int status = 0;
    while (waitpid(e->pid, &status, 0) < 0 && errno == EINTR)
        ;
    io_close(&e->pipe);
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
