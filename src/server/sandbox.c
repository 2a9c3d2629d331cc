#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attr.h"
#include "log.h"
#include "sandbox_syscalls.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const char *const vault_calls[] = {SYSCALLS_COMMON, NULL};
static const char *const courier_calls[] = {SYSCALLS_COMMON,  SYSCALLS_THREADS, SYSCALLS_FILES,
                                            SYSCALLS_SOCKETS, SYSCALLS_CONNECT, NULL};
static const char *const api_calls[] = {SYSCALLS_COMMON,      SYSCALLS_THREADS, SYSCALLS_FILES,
                                        SYSCALLS_FILES_WRITE, SYSCALLS_SOCKETS, NULL};
static const char *const sanitizer_calls[] = {SYSCALLS_SANITIZER, NULL};

void sandbox_begin(void)
{
    struct rlimit none = {0, 0};
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void sandbox_die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}

bool sandbox_drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
    memset(none, 0, sizeof none);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &header, none) == 0;
}

static int kept_listening = -1;

void sandbox_keep_listening(int fd)
{
    kept_listening = fd;
}

/* A send with MSG_FASTOPEN connects, and a listening socket that was shut down can be used for it:
 * with these calls open to every flag, connect and socket would be missing from the list in vain.
 */
static int allow_call(scmp_filter_ctx filter, const char *name, int number)
{
    static const struct {
        const char *name;
        unsigned flags_at;
    } sends[] = {{"sendto", 3}, {"sendmsg", 2}, {"sendmmsg", 3}};
    for (size_t i = 0; i < ARRAY_LEN(sends); i++) {
        if (strcmp(name, sends[i].name) == 0)
            return seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, number, 1,
                SCMP_CMP(sends[i].flags_at, SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
    }
    if (strcmp(name, "shutdown") == 0 && kept_listening >= 0)
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
                                SCMP_CMP(0, SCMP_CMP_NE, (scmp_datum_t)kept_listening, 0));
    if (strcmp(name, "tgkill") == 0) /* abort and threads; not the other processes */
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
                                SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

static bool add_calls(scmp_filter_ctx filter, const char *const *names)
{
    for (; *names; names++) {
        int number = seccomp_syscall_resolve_name(*names);
        /* A name this architecture does not have cannot be called either. */
        if (number == __NR_SCMP_ERROR || number < 0)
            continue;
        int e = allow_call(filter, *names, number);
        if (e != 0 && e != -EEXIST)
            return false;
    }
    return true;
}

static bool seccomp_on(enum sandbox_process process)
{
    /* A killed vault stops the server: better than one that runs on after something tried to make
     * it do what it never does. */
    uint32_t otherwise =
        process == SANDBOX_VAULT && !SANITIZED ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
    const char *const *names = process == SANDBOX_VAULT     ? vault_calls
                               : process == SANDBOX_COURIER ? courier_calls
                                                            : api_calls;
    scmp_filter_ctx filter = seccomp_init(otherwise);
    if (!filter)
        return false;
    bool ok = add_calls(filter, names) && (!SANITIZED || add_calls(filter, sanitizer_calls)) &&
              seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

/* Landlock has no library in Debian 12 and three system calls. Kernel headers there know ABI 2; the
 * later members are named here. */
struct landlock_rules {
    uint64_t files, network, scoped;
};
enum {
    FILES_READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    FILES_WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                  LANDLOCK_ACCESS_FS_MAKE_DIR,
    FILES_ALL_ABI1 = (1 << 13) - 1,
    FILES_TRUNCATE_ABI3 = 1 << 14,
    NETWORK_ALL_ABI4 = 3, /* bind, connect over TCP */
    SCOPED_ABI6 = 3,      /* abstract sockets and signals: none beyond ourselves */
};

static bool allow_path(int ruleset, const struct sandbox_path *p, int abi)
{
    int fd = open(p->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT; /* nothing there to reach */
    uint64_t access = FILES_READ;
    if (p->writable)
        access |= FILES_WRITE | (abi >= 3 ? FILES_TRUNCATE_ABI3 : 0);
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    long e = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    if (e != 0 && errno == EINVAL) { /* a file: no folder rights */
        rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
        e = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(fd);
    return e == 0;
}

static bool landlock_on(enum sandbox_process process, const struct sandbox_path *paths,
                        size_t count)
{
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return false;
    struct landlock_rules rules = {.files = FILES_ALL_ABI1};
    if (abi >= 3)
        rules.files |= FILES_TRUNCATE_ABI3;
    if (abi >= 4 && process != SANDBOX_COURIER)
        rules.network = NETWORK_ALL_ABI4;
    if (abi >= 6)
        rules.scoped = SCOPED_ABI6;
    /* As much of the structure as this kernel is sure to know. */
    size_t size = abi >= 6   ? sizeof rules
                  : abi >= 4 ? offsetof(struct landlock_rules, scoped)
                             : offsetof(struct landlock_rules, network);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (ruleset < 0)
        return false;
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        ok = allow_path(ruleset, &paths[i], abi) && ok;
    ok = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 && ok;
    close(ruleset);
    return ok;
}

struct sandbox_report sandbox_confine(enum sandbox_process process,
                                      const struct sandbox_path *paths, size_t count)
{
    struct sandbox_report report;
    struct rlimit core = {1, 1};
    getrlimit(RLIMIT_CORE, &core);
    tzset(); /* the C library opens the zone's file at the first date, and the log writes dates */
    report.undumpable = prctl(PR_GET_DUMPABLE) == 0 && core.rlim_max == 0;
    report.capabilities = sandbox_drop_capabilities();
    report.landlock = landlock_on(process, paths, count);
    report.seccomp = seccomp_on(process);
    static const char *const names[] = {"vault", "courier", "api"};
    if (!report.capabilities || !report.landlock || !report.seccomp)
        log_warn("sandbox_incomplete", kv("process", names[process]),
                 kv("capabilities_dropped", report.capabilities), kv("landlock", report.landlock),
                 kv("seccomp", report.seccomp),
                 kv("remedy", "it serves all the same, less confined; safelight doctor says what "
                              "this kernel lacks"));
    return report;
}
