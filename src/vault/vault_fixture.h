/* For the vault's tests: a real vault process. The test program starts itself again for it, since
 * the arena of secrets does not survive a fork. */
#ifndef VAULT_FIXTURE_H
#define VAULT_FIXTURE_H

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "ipc.h"
#include "test.h"
#include "vault.h"
#include "vault_serve.h"

#define INSTANCE   STR("01JDF0000000000000000000A0")
#define TEAM       STR("01JDF0000000000000000000T0")
#define OTHER_TEAM STR("01JDF0000000000000000000T1")
#define SECRET_ID  STR("01JDF0000000000000000000S0")

static const char root_a[VAULT_ROOT_KEY_BYTES + 1] = "root key A, 32 bytes, for tests.";
static const char root_b[VAULT_ROOT_KEY_BYTES + 1] = "root key B, 32 bytes, for tests.";
#define ROOT_A  str_bytes(root_a, VAULT_ROOT_KEY_BYTES)
#define ROOT_B  str_bytes(root_b, VAULT_ROOT_KEY_BYTES)
#define NO_ROOT STR_EMPTY

struct fixture {
    pid_t pid;
    struct vault *vault;
    int raw;        /* a second client's socket, for messages of any kind */
    int supervisor; /* the supervisor's end */
};

/* A sanitizer's run-time makes system calls of its own. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIXTURE_CONFINED 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FIXTURE_CONFINED 0
#endif
#ifndef FIXTURE_CONFINED
#define FIXTURE_CONFINED 1
#endif

/* The least the vault can do its work with: it reads, writes, waits, and takes memory. Any other
 * call ends it, so each of these tests also shows that it makes none. */
static bool fixture_confine(void)
{
    static const unsigned allowed[] = {
        SYS_read,           SYS_write,      SYS_recvmsg,       SYS_sendmsg,
        SYS_poll,           SYS_ppoll,      SYS_close,         SYS_futex,
        SYS_getrandom,      SYS_mmap,       SYS_munmap,        SYS_brk,
        SYS_mremap,         SYS_madvise,    SYS_clock_gettime, SYS_rt_sigreturn,
        SYS_rt_sigprocmask, SYS_exit_group,
    };
    struct sock_filter code[2 * ARRAY_LEN(allowed) + 2];
    size_t n = 0;
    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

/* First thing in main: in the started process this serves and does not return. */
static void fixture_begin(int argc, char **argv)
{
    int fds[5];
    if (argc != 6)
        return;
    for (int i = 0; i < 5; i++)
        fds[i] = atoi(argv[i + 1]);
    const struct vault_serve options = {.clients = fds,
                                        .client_count = 2,
                                        .supervisor = fds[2],
                                        .root_key = fds[3],
                                        .pending_root_key = fds[4],
                                        .recovery = -1,
                                        .confine = FIXTURE_CONFINED ? fixture_confine : NULL};
    enum err e = vault_serve(&options);
    _exit(e == OK ? 0 : e == ERR_INVALID ? 3 : 1);
}

static int fixture_memfd(struct str bytes)
{
    int fd = memfd_create("root key", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_OK(io_write_all(fd, bytes));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static struct fixture fixture_start(struct str root, struct str pending)
{
    int client[2], raw[2], supervisor[2];
    CHECK_OK(ipc_pair(client));
    CHECK_OK(ipc_pair(raw));
    CHECK_OK(ipc_pair(supervisor));
    int fds[5] = {client[1], raw[1], supervisor[1], fixture_memfd(root),
                  pending.len ? fixture_memfd(pending) : -1};
    struct fixture f = {.pid = fork(), .raw = raw[0], .supervisor = supervisor[0]};
    if (f.pid == 0) {
        char text[5][16];
        char name[] = "vault";
        char *argv[] = {name, text[0], text[1], text[2], text[3], text[4], NULL};
        for (int i = 0; i < 5; i++) {
            snprintf(text[i], sizeof text[i], "%d", fds[i]);
            fcntl(fds[i], F_SETFD, 0);
        }
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    for (int i = 0; i < 5; i++)
        io_close(&fds[i]);
    f.vault = vault_connect(client[0]);
    return f;
}

/* The process's exit code. */
static int fixture_stop(struct fixture *f)
{
    int status = -1;
    vault_free(&f->vault);
    io_close(&f->raw);
    io_close(&f->supervisor);
    CHECK_EQ(waitpid(f->pid, &status, 0), f->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
