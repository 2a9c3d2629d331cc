/* The system calls each process may still make, as libseccomp names. What is not here fails with
 * EPERM in the api and the courier (so that a library's fallback works) and kills the vault. */
#ifndef SERVER_SANDBOX_SYSCALLS_H
#define SERVER_SANDBOX_SYSCALLS_H

/* memory, time, signals, threads, descriptors: what any C program does once it is running */
#define SYSCALLS_COMMON                                                                            \
    "read", "write", "close", "recvmsg", "sendmsg", "poll", "ppoll", "futex", "getrandom", "mmap", \
        "munmap", "mremap", "mprotect", "madvise", "brk", "clock_gettime", "clock_nanosleep",      \
        "nanosleep", "gettimeofday", "rt_sigreturn", "rt_sigprocmask", "rt_sigaction",             \
        "restart_syscall", "exit", "exit_group", "getpid", "gettid", "fstat", "newfstatat"

#define SYSCALLS_THREADS                                                                           \
    "clone", "clone3", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "prctl",     \
        "tgkill", "set_tid_address", "membarrier"

#define SYSCALLS_FILES                                                                             \
    "openat", "open", "lseek", "pread64", "pwrite64", "readv", "writev", "statx", "stat", "lstat", \
        "access", "faccessat", "faccessat2", "fcntl", "ioctl", "dup", "dup2", "getdents64",        \
        "readlink", "readlinkat", "fstatfs", "statfs", "pipe2", "memfd_create", "ftruncate",       \
        "sendfile", "uname", "geteuid", "getuid", "getegid", "getgid", "sysinfo", "umask",         \
        "getcwd"

#define SYSCALLS_FILES_WRITE                                                                       \
    "fsync", "fdatasync", "fallocate", "unlink", "unlinkat", "rename", "renameat", "renameat2",    \
        "fchmod", "fchown", "mkdir", "utimensat"

/* on sockets that exist already */
#define SYSCALLS_SOCKETS                                                                           \
    "accept4", "accept", "recvfrom", "sendto", "getsockname", "getpeername", "getsockopt",         \
        "listen", "setsockopt", "shutdown", "epoll_create1", "epoll_ctl", "epoll_wait",            \
        "epoll_pwait", "eventfd2", "timerfd_create", "timerfd_settime", "select", "pselect6",      \
        "recvmmsg", "sendmmsg"

/* making new connections: the courier alone */
#define SYSCALLS_CONNECT "socket", "socketpair", "connect", "bind"

/* what the sanitizers' run-time does beside the program */
#define SYSCALLS_SANITIZER                                                                         \
    "sigaltstack", "prlimit64", "getrlimit", "openat", "open", "readlink", "pipe2", "kill",        \
        "tgkill", "sched_getaffinity", "stat", "lseek", "ioctl", "sysinfo", "prctl", "sched_yield"

#endif
