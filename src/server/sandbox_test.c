#include "sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "test.h"

static char folder[] = "/tmp/safelight-sandbox-XXXXXX";
static char inside[64], outside[64];
static int spare, pair[2];
static pid_t parent;
static struct sockaddr_in listener_at;

static int listen_somewhere(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    CHECK_EQ(listen(fd, 4), 0);
    return fd;
}

/* Each answers whether the attempt worked; errno is EPERM or EACCES when it was refused. */
static bool can_make_a_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

/* A listening socket that is shut down can be connected again. */
static bool can_connect(void)
{
    shutdown(spare, SHUT_RDWR);
    return connect(spare, (struct sockaddr *)&listener_at, sizeof listener_at) == 0;
}

static bool can_connect_by_sending(void)
{
    shutdown(spare, SHUT_RDWR);
    return sendto(spare, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&listener_at,
                  sizeof listener_at) == 1;
}

static bool can_connect_by_sending_a_message(void)
{
    struct iovec part = {.iov_base = inside, .iov_len = 1};
    struct msghdr m = {.msg_name = &listener_at,
                       .msg_namelen = sizeof listener_at,
                       .msg_iov = &part,
                       .msg_iovlen = 1};
    shutdown(spare, SHUT_RDWR);
    return sendmsg(spare, &m, MSG_FASTOPEN | MSG_NOSIGNAL) == 1;
}

static bool can_run_a_program(void)
{
    char name[] = "true", *argv[] = {name, NULL};
    execv("/bin/true", argv); /* on success the child's exit code is true's, 0 */
    return false;
}

static bool can_trace(void)
{
    return ptrace(PTRACE_ATTACH, parent, NULL, NULL) == 0;
}

static bool can_read_another_process(void)
{
    char byte;
    struct iovec mine = {&byte, 1}, theirs = {inside, 1};
    return process_vm_readv(parent, &mine, 1, &theirs, 1, 0) == 1;
}

static bool can_signal_another_process(void)
{
    return syscall(SYS_tgkill, parent, parent, 0) == 0;
}

static bool can_make_a_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static bool can_open_outside(void)
{
    return open(outside, O_RDONLY | O_CLOEXEC) >= 0;
}

static bool can_open_proc(void)
{
    return open("/proc/self/mem", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool can_open_inside(void)
{
    return open(inside, O_RDONLY | O_CLOEXEC) >= 0;
}

static bool can_write_inside(void)
{
    return open(inside, O_WRONLY | O_CLOEXEC) >= 0;
}

static bool can_send(void)
{
    char byte;
    return send(pair[0], "x", 1, MSG_NOSIGNAL) == 1 && recv(pair[1], &byte, 1, 0) == 1;
}

enum { WORKED, REFUSED, OTHER_ERROR, NOT_CONFINED };

/* What `attempt` comes to in a child that is confined as `process`. */
static int confined(enum sandbox_process process, bool writable, bool (*attempt)(void))
{
    spare = listen_somewhere();
    pid_t pid = fork();
    if (pid == 0) {
        const struct sandbox_path paths[] = {{inside, writable}};
        sandbox_begin();
        struct sandbox_report r = sandbox_confine(process, paths, ARRAY_LEN(paths));
        if (!r.seccomp || !r.landlock || !r.capabilities)
            _exit(NOT_CONFINED);
        errno = 0;
        bool worked = attempt();
        _exit(worked ? WORKED : errno == EPERM || errno == EACCES ? REFUSED : OTHER_ERROR);
    }
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    io_close(&spare);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_what_the_api_cannot_do(void)
{
    static bool (*const attempts[])(void) = {
        can_make_a_socket,
        can_connect,
        can_connect_by_sending,
        can_connect_by_sending_a_message,
        can_run_a_program,
        can_trace,
        can_read_another_process,
        can_signal_another_process,
        can_make_a_namespace,
        can_open_outside,
        can_open_proc,
        can_write_inside,
    };
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
        int got = confined(SANDBOX_API, false, attempts[i]);
        if (got != REFUSED)
            printf("# attempt %zu came to %d\n", i, got);
        CHECK_EQ(got, REFUSED);
    }
}

static void test_what_it_still_can(void)
{
    CHECK_EQ(confined(SANDBOX_API, false, can_send), WORKED);
    CHECK_EQ(confined(SANDBOX_API, false, can_open_inside), WORKED);
    CHECK_EQ(confined(SANDBOX_API, true, can_write_inside), WORKED);
}

static void test_the_courier_connects_but_reads_nothing_else(void)
{
    CHECK_EQ(confined(SANDBOX_COURIER, false, can_connect), WORKED);
    CHECK_EQ(confined(SANDBOX_COURIER, false, can_open_outside), REFUSED);
    CHECK_EQ(confined(SANDBOX_COURIER, false, can_run_a_program), REFUSED);
    CHECK_EQ(confined(SANDBOX_COURIER, false, can_read_another_process), REFUSED);
}

static void test_a_child_whose_parent_is_gone_ends(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        sandbox_die_with(getpid()); /* which is not its parent */
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

static bool kernel_can_confine(void)
{
    return confined(SANDBOX_API, false, can_send) != NOT_CONFINED;
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(inside, sizeof inside, "%s/inside", folder);
    snprintf(outside, sizeof outside, "%s/outside", folder);
    close(open(inside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    close(open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    parent = getpid();
    int listener = listen_somewhere();
    socklen_t size = sizeof listener_at;
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&listener_at, &size), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    if (kernel_can_confine()) {
        RUN(test_what_the_api_cannot_do);
        RUN(test_what_it_still_can);
        RUN(test_the_courier_connects_but_reads_nothing_else);
    }
    RUN(test_a_child_whose_parent_is_gone_ends);
    unlink(inside);
    unlink(outside);
    rmdir(folder);
    return test_done();
}
