#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli.h"
#include "cli_client.h"
#include "cli_commands.h"
#include "cli_output.h"
#include "json_encode.h"

enum { BODY_MAX_BYTES = 64 * 1024, FREE_MIN_MIB = 256 };

/* One check after another, each a line: what, whether it holds, what to do if not. */
struct findings {
    struct buf json;
    struct json_out out;
    bool as_json, bad;
};

static void found(struct findings *f, const char *what, bool good, const char *remedy)
{
    f->bad = f->bad || !good;
    json_out_open(&f->out, '{');
    json_out_member_str(&f->out, "check", str_from(what));
    json_out_member_bool(&f->out, "ok", good);
    if (!good)
        json_out_member_str(&f->out, "remedy", str_from(remedy));
    json_out_close(&f->out, '}');
    if (f->as_json)
        return;
    printf("%-5s %s\n", good ? "ok" : "BAD", what);
    if (!good)
        printf("      %s\n", remedy);
}

static bool private_to_us(const char *folder, const char *name, mode_t type)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == type && (st.st_mode & 077) == 0 &&
           st.st_uid == geteuid();
}

static void check_files(struct findings *f, const char *data)
{
    struct statvfs disk;
    found(f, "data directory is private", private_to_us(data, ".", S_IFDIR),
          "chmod 700 it and run as its owner; safelight init makes a new one");
    found(f, "root key is private", private_to_us(data, "root.key", S_IFREG),
          "chmod 600 DIR/root.key; if it is lost, the secrets are lost with it");
    bool room =
        statvfs(data, &disk) == 0 && disk.f_bavail * (disk.f_frsize / 1024) / 1024 >= FREE_MIN_MIB;
    found(f, "256 MiB of disk are free", room, "free space, or outputs and writes will be refused");
}

static bool is_true(struct str json, const char *member, struct arena *a)
{
    return str_is(cli_member(json, member, a), "true");
}

static void check_server(struct findings *f, const char *data)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    AUTO(buf) struct buf answer = buf_make(BODY_MAX_BYTES);
    bool running = cli_client_operator(&c, data) == 0 &&
                   cli_request(&c, "GET", "/operator/status", STR_EMPTY, &answer) == 0;
    found(f, "the server answers", running, "start it: safelight serve --data DIR");
    if (!running)
        return;
    static const struct {
        const char *member, *what, *remedy;
    } checks[] = {
        {"vault.unlocked", "the vault is unlocked",
         "the root key does not fit this store; look at the server's log"},
        {"vault.memoryLocked", "key memory is locked",
         "raise LimitMEMLOCK (ulimit -l) to 8 MiB or more"},
        {"vault.sandboxed", "the vault is confined (seccomp, Landlock)",
         "use a kernel of 5.13 or newer with Landlock and seccomp on"},
        {"api.memoryLocked", "the api's secret memory is locked",
         "raise LimitMEMLOCK (ulimit -l) to 8 MiB or more"},
        {"api.seccomp", "the api is confined by seccomp", "use a kernel with seccomp filters"},
        {"api.landlock", "the api is confined by Landlock",
         "use a kernel of 5.13 or newer with Landlock on"},
        {"api.capabilitiesDropped", "the api has no capabilities",
         "look at the log for sandbox_incomplete"},
        {"courier.connected", "the courier runs", "look at the server's log for why it ended"},
        {"store.writable", "the store takes writes", "free space, or remount the disk read-write"},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        found(f, checks[i].what, is_true(buf_str(&answer), checks[i].member, &c.arena),
              checks[i].remedy);
}

int cli_doctor(const struct cli_args *args)
{
    const char *data = cli_flag_value(args, "data");
    struct findings f = {.json = buf_make(BODY_MAX_BYTES), .as_json = cli_flag(args, "json")};
    f.out = json_out_make(&f.json);
    json_out_open(&f.out, '[');
    check_files(&f, data);
    check_server(&f, data);
    json_out_close(&f.out, ']');
    if (f.as_json && json_out_end(&f.out) == OK)
        cli_print_json(buf_str(&f.json));
    buf_auto(&f.json);
    return f.bad ? EXIT_CODE_FAILED : 0;
}
