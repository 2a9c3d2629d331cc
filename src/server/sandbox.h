/* What each process gives up once it has what it needs: privileges, core dumps, being traced, most
 * system calls (seccomp, allow-list) and most of the file system and network (Landlock). Applied in
 * the process itself. What the kernel does not offer is logged once, reported, and fatal to none of
 * the three. Main thread, before other threads start (they inherit seccomp and Landlock). */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* For every process of ours, at its start: not dumpable, not traceable, no core, no new privileges.
 */
void sandbox_begin(void);

/* In a child, right after fork: it dies with its parent, also when that died before this call.
 * parent: as it saw itself. */
void sandbox_die_with(pid_t parent);

/* After everything that needs root was opened: every capability goes, for good. */
bool sandbox_drop_capabilities(void);

/* Before sandbox_confine: this listening socket is not ours alone and must not be shut down. The
 * HTTP library does that when it stops, and a service manager that passed the socket could not
 * listen on it any more. -1: none. */
void sandbox_keep_listening(int fd);

enum sandbox_process { SANDBOX_VAULT, SANDBOX_COURIER, SANDBOX_API };

struct sandbox_path {
    const char *path;
    bool writable;
};

struct sandbox_report {
    bool undumpable;   /* no core dump, nobody else's ptrace */
    bool capabilities; /* dropped */
    bool landlock;     /* files (and TCP, where the kernel can) are confined */
    bool seccomp;
};

/* paths: what stays reachable, beneath each; the vault has none. */
struct sandbox_report sandbox_confine(enum sandbox_process process,
                                      const struct sandbox_path *paths, size_t count);

#endif
