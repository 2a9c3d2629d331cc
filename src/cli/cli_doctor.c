/* doctor: what this installation lacks, and how to mend it. The server's own eyes are lent by the
 * host (cli.h); here are the running server, and what a client sees of one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "cli_client.h"
#include "cli_commands.h"
#include "cli_global.h"
#include "cli_output.h"
#include "cli_table_print.h"
#include "clock.h"
#include "json_encode.h"
#include "term.h"

enum { BODY_MAX_BYTES = 64 * 1024, FREE_MIN_MIB = 256, TOKEN_SOON_DAYS = 7 };
enum { CLOCK_SKEW_MS = 60 * 1000 };
static const int64_t DAY_MS = 24 * 3600 * 1000LL;

/* One check after another, each a line: what, whether it holds, what to do if not. */
struct findings {
    struct buf json;
    struct json_out out;
    bool as_json;
    unsigned bad, warned;
};

static void found(void *ctx, enum cli_verdict verdict, const char *what, const char *remedy)
{
    static const char *const words[] = {[CLI_GOOD] = "ok", [CLI_WARN] = "warn", [CLI_BAD] = "FAIL"};
    struct findings *f = ctx;
    f->bad += verdict == CLI_BAD;
    f->warned += verdict == CLI_WARN;
    json_out_open(&f->out, '{');
    json_out_member_str(&f->out, "check", str_from(what));
    json_out_member_bool(&f->out, "ok", verdict != CLI_BAD);
    json_out_member_str(&f->out, "verdict",
                        verdict == CLI_GOOD   ? STR("ok")
                        : verdict == CLI_WARN ? STR("warn")
                                              : STR("fail"));
    if (verdict != CLI_GOOD)
        json_out_member_str(&f->out, "remedy", str_from(remedy));
    json_out_close(&f->out, '}');
    if (f->as_json || (cli_quiet() && verdict == CLI_GOOD))
        return;
    cli_cell_put(str_from(words[verdict]), "status", 6, true);
    term_put(str_from(what), "", stdout);
    putchar('\n');
    if (verdict == CLI_GOOD || cli_quiet())
        return;
    fputs("      ", stdout);
    term_put(str_from(remedy), "", stdout);
    putchar('\n');
}

static void tell(struct findings *f, bool good, enum cli_verdict otherwise, const char *what,
                 const char *remedy)
{
    found(f, good ? CLI_GOOD : otherwise, what, remedy);
}

static void check_disk(struct findings *f, const char *data)
{
    struct statvfs disk;
    bool room =
        statvfs(data, &disk) == 0 && disk.f_bavail * (disk.f_frsize / 1024) / 1024 >= FREE_MIN_MIB;
    tell(f, room, CLI_BAD, "256 MiB of disk are free",
         "free space, or outputs and writes will be refused");
}

/* --- the running server --- */

static bool is_true(struct str json, const char *member, struct arena *a)
{
    return str_is(cli_member(json, member, a), "true");
}

static void check_server(struct findings *f, const char *data)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct fetch fetch = {.body_fd = -1};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    /* Not as other commands ask: a server that does not answer is a finding, told once. */
    bool running = cli_client_operator(&c, data) == 0 &&
                   client_send(&c.server, "GET", "/operator/status", NULL, &fetch, &answer) == OK &&
                   answer.status == 200;
    char start[4096];
    snprintf(start, sizeof start, "start it: safelight serve --data %s", data);
    tell(f, running, CLI_BAD, "the server answers", start);
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
        {"api.undumpable", "no process leaves a core dump",
         "look at the server's log; something set its limits anew"},
        {"api.seccomp", "the api is confined by seccomp", "use a kernel with seccomp filters"},
        {"api.landlock", "the api is confined by Landlock",
         "use a kernel of 5.13 or newer with Landlock on"},
        {"api.capabilitiesDropped", "the api has no capabilities",
         "look at the log for sandbox_incomplete"},
        {"courier.connected", "the courier runs", "look at the server's log for why it ended"},
        {"store.writable", "the store takes writes", "free space, or remount the disk read-write"},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        tell(f, is_true(buf_str(&answer.body), checks[i].member, &c.arena), CLI_BAD, checks[i].what,
             checks[i].remedy);
    tell(f, !is_true(buf_str(&answer.body), "spool.full", &c.arena), CLI_WARN,
         "jobs are handed out",
         "the disk of the spool is nearly full: free space, or set spool-min-free-bytes");
}

/* --- the server and token that client commands use --- */

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110). */
static bool parse_date(const char *text, int64_t *ret_ms)
{
    struct tm t = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &t);
    if (!end || *end)
        return false;
    *ret_ms = (int64_t)timegm(&t) * 1000;
    return true;
}

static void check_expiry(struct findings *f, struct cli_client *c, struct str who)
{
    char remedy[160];
    int64_t until;
    struct str text = cli_member(who, "expiresAt", &c->arena);
    if (clock_parse(text, &until) != OK)
        return; /* it never ends */
    snprintf(remedy, sizeof remedy, "it ends %.*s; make another: safelight token create",
             (int)(text.len < 32 ? text.len : 32), text.ptr);
    tell(f, until >= clock_unix_ms() + TOKEN_SOON_DAYS * DAY_MS, CLI_WARN,
         "the token is good for another week", remedy);
}

static bool has_token(void)
{
    static const char *const variables[] = {"SAFELIGHT_TOKEN", "SAFELIGHT_PROFILE",
                                            "NEXRENDER_API_KEY"};
    bool any = cli_profile_flag() != NULL;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        any = any || (getenv(variables[i]) && getenv(variables[i])[0]);
    return any;
}

static void check_client(struct findings *f)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct fetch fetch = {.body_fd = -1};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    int64_t theirs;
    if (!has_token())
        return;
    bool open = cli_client_open(&c) == 0;
    tell(f, open, CLI_BAD, "there is a token to use", "safelight login, or set SAFELIGHT_TOKEN");
    if (!open)
        return;
    enum err e = client_send(&c.server, "GET", "/token", NULL, &fetch, &answer);
    tell(f, e == OK, CLI_BAD, "the token's server answers",
         "is SAFELIGHT_URL, or the profile's address, right?");
    if (e != OK)
        return;
    tell(f, answer.status == 200, CLI_BAD, "the token is valid",
         answer.status == 401 ? "it is unknown, revoked, has ended, or may not be used from here; "
                                "make another: safelight token create"
                              : "the server did not answer as one of ours; is its address right?");
    if (answer.status == 200) {
        struct str who = buf_str(&answer.body);
        struct str role = cli_member(who, "role", &c.arena);
        tell(f, !str_is(role, "worker"), CLI_WARN, "the token's role is for people",
             "it is a worker's: for safelight worker alone, people take another role");
        check_expiry(f, &c, who);
    }
    if (parse_date(answer.date, &theirs)) {
        int64_t off = clock_unix_ms() - theirs;
        tell(f, off < CLOCK_SKEW_MS && off > -CLOCK_SKEW_MS, CLI_WARN,
             "this clock and the server's agree",
             "they differ by more than a minute: set them (timedatectl set-ntp true)");
    }
}

int cli_doctor(const struct cli_args *args)
{
    const char *data = cli_flag_value(args, "data");
    struct findings f = {.json = buf_make(BODY_MAX_BYTES), .as_json = cli_flag(args, "json")};
    f.out = json_out_make(&f.json);
    json_out_open(&f.out, '[');
    struct stat st;
    bool there = stat(data, &st) == 0 && S_ISDIR(st.st_mode);
    if (cli_host()->examine) /* says it when it is not */
        cli_host()->examine(data, cli_flag_value(args, "config"), found, &f);
    if (there) {
        check_disk(&f, data);
        check_server(&f, data);
    }
    check_client(&f);
    json_out_close(&f.out, ']');
    if (f.as_json && json_out_end(&f.out) == OK)
        cli_print_json(buf_str(&f.json));
    else if (!f.as_json)
        cli_note("%u to mend, %u to look at", f.bad, f.warned);
    buf_auto(&f.json);
    return f.bad ? EXIT_CODE_FAILED : 0;
}
