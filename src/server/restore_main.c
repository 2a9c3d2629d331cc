#include "restore_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "aead.h"
#include "alloc.h"
#include "io.h"
#include "offline.h"
#include "recovery_text.h"
#include "restore.h"
#include "sandbox.h"

enum {
    EXIT_DONE = 0,
    EXIT_USAGE = 2,
    EXIT_NOT_ALLOWED = 3,
    EXIT_NOT_FOUND = 4,
    EXIT_CONFLICT = 5,
    EXIT_FAILED = 7,
    EXIT_INVALID = 9
};

static const char usage[] =
    "usage: safelight restore FILE --data NEWDIR --recovery-key KEYFILE [--revoked-from OLDDIR]\n"
    "                         [--resume-jobs]\n"
    "       safelight restore --check FILE --recovery-key KEYFILE\n\n"
    "Makes a data directory from a backup: NEWDIR is made, or is empty. Every record is opened "
    "and\n"
    "the audit log verified before anything takes its place; on any error nothing is left behind.\n"
    "The new directory gets a root key of its own. KEYFILE has the recovery key; - reads it from\n"
    "stdin, hidden on a terminal. FILE may be - instead.\n\n"
    "  --check               verify all of that in memory (/dev/shm), write nothing to a disk\n"
    "  --revoked-from OLDDIR tokens that were revoked in the old data directory stay revoked and "
    "the\n"
    "                        others are good; without it all are void until approved, and each\n"
    "                        team's new admin token is printed: TEAM TOKEN\n"
    "  --resume-jobs         jobs and deliveries that were open at the time go on, though they "
    "may\n"
    "                        have been done since; else they end, to be looked at\n";

static int complain(const char *what)
{
    fprintf(stderr, "safelight restore: %s\n", what);
    return EXIT_FAILED;
}

static int exit_for(enum err e)
{
    switch (e) {
    case OK:
        return EXIT_DONE;
    case ERR_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case ERR_UNAUTHORIZED:
        return EXIT_NOT_ALLOWED;
    case ERR_CONFLICT:
    case ERR_IN_USE:
        return EXIT_CONFLICT;
    case ERR_INVALID:
    case ERR_TAMPERED:
        return EXIT_INVALID;
    default:
        return EXIT_FAILED;
    }
}

/* One line that does not show. */
static enum err prompt(struct buf *out)
{
    struct termios before, quiet;
    enum err e = OK;
    char byte;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return ERR_IO;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fputs("Recovery key (not shown): ", stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    while (e == OK && read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
        e = buf_put_byte(out, (uint8_t)byte);
    byte = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return e;
}

static int read_key(const char *file, struct secret **ret)
{
    AUTO(buf) struct buf text = buf_make(RECOVERY_TEXT_MAX_BYTES);
    bool from_stdin = strcmp(file, "-") == 0;
    int fd = from_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain("the recovery key's file cannot be opened");
        return EXIT_NOT_FOUND;
    }
    enum err e = from_stdin && isatty(fd) == 1 ? prompt(&text) : io_read_all(fd, &text);
    if (!from_stdin)
        io_close(&fd);
    if (e == OK)
        e = recovery_text_read(buf_str(&text), ret);
    if (e == OK)
        return EXIT_DONE;
    complain(e == ERR_INVALID || e == ERR_TOO_LARGE
                 ? "that is no recovery key, or there is a typo in it; it begins with SLRK1-"
                 : err_text(e));
    return EXIT_INVALID;
}

static void print_token(struct str team, const char *text)
{
    printf("%.*s %s\n", (int)team.len, team.ptr, text);
}

static void say_counts(const struct restore_report *r)
{
    fprintf(stderr,
            "The backup of %s is sound: %llu teams, %llu secrets in %llu versions, %llu tokens, "
            "%llu audit records,\n%llu rows and %llu files in all; every sealed record opens.\n",
            r->created_at, (unsigned long long)r->teams, (unsigned long long)r->secrets,
            (unsigned long long)r->versions, (unsigned long long)r->tokens,
            (unsigned long long)r->audit_records, (unsigned long long)r->rows,
            (unsigned long long)r->files);
}

static void say_next(const struct restore_options *o, const struct restore_report *r)
{
    if (o->revoked_from)
        fprintf(stderr,
                "Tokens: %lld revoked, as in the old data directory; the others are good.\n",
                (long long)r->revoked);
    else
        fprintf(stderr,
                "All tokens of the backup are void: which were revoked since is not known. Each "
                "team's new admin token\nstands on stdout, only now. Approve the others with: "
                "safelight token approve all --data %s --team T\n",
                o->data);
    if (o->resume_jobs)
        fprintf(stderr, "Jobs and deliveries go on as they were; %lld leases have ended.\n",
                (long long)r->jobs);
    else if (r->jobs + r->deliveries > 0)
        fprintf(stderr,
                "%lld jobs and %lld deliveries were open then and may have been done since: they "
                "have ended as error;\nlook, then submit again, or: safelight job "
                "retry-delivery ID\n",
                (long long)r->jobs, (long long)r->deliveries);
    if (r->lost_templates + r->lost_fonts > 0)
        fprintf(stderr,
                "%lld templates and %lld fonts have no file in the backup; upload them again.\n",
                (long long)r->lost_templates, (long long)r->lost_fonts);
    fprintf(stderr,
            "There is a new root key in %s; backups of it open with the same recovery key.\n"
            "Start it with: safelight serve --data %s\n",
            o->data, o->data);
}

static int run(const struct restore_options *given, const char *key_file)
{
    AUTOP(secret) struct secret *key = NULL;
    struct restore_options o = *given;
    struct restore_report report;
    static char why[DATADIR_WHY_BYTES];
    int code = read_key(key_file, &key);
    if (code != EXIT_DONE)
        return code;
    o.key = key;
    offline_catch_signals();
    enum err e = restore_run(&o, print_token, &report, why);
    if (e != OK) {
        complain(why[0] ? why : err_text(e));
        return exit_for(e);
    }
    fflush(stdout);
    say_counts(&report);
    if (o.data)
        say_next(&o, &report);
    else
        fputs("It was only checked; nothing was written.\n", stderr);
    return EXIT_DONE;
}

/* False: it is not written correctly. */
static bool parse(int argc, char **argv, struct restore_options *o, const char **key, bool *check)
{
    for (int i = 1; i < argc; i++) {
        const char **into = strcmp(argv[i], "--data") == 0           ? &o->data
                            : strcmp(argv[i], "--recovery-key") == 0 ? key
                            : strcmp(argv[i], "--revoked-from") == 0 ? &o->revoked_from
                                                                     : NULL;
        if (into && i + 1 < argc && argv[i + 1][0])
            *into = argv[++i];
        else if (strcmp(argv[i], "--check") == 0)
            *check = true;
        else if (strcmp(argv[i], "--resume-jobs") == 0)
            o->resume_jobs = true;
        else if (!o->file && (argv[i][0] != '-' || strcmp(argv[i], "-") == 0))
            o->file = argv[i];
        else
            return false;
    }
    bool both_stdin = o->file && *key && strcmp(o->file, "-") == 0 && strcmp(*key, "-") == 0;
    return o->file && o->file[0] && *key && !both_stdin && *check == !o->data;
}

int restore_main(int argc, char **argv)
{
    struct restore_options o = {.file = NULL};
    const char *key = NULL;
    bool check = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return EXIT_DONE;
        }
    }
    if (!parse(argc, argv, &o, &key, &check)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    sandbox_begin();
    if (crypto_open() != OK)
        return complain(err_text(ERR_INTERNAL));
    return run(&o, key);
}
