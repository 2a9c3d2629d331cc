#include "restore_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aead.h"
#include "alloc.h"
#include "io.h"
#include "json_encode.h"
#include "offline.h"
#include "progress.h"
#include "prompt.h"
#include "recovery_text.h"
#include "restore.h"
#include "sandbox.h"

enum {
    EXIT_DONE = 0,
    EXIT_USAGE = 2,
    EXIT_NOT_ALLOWED = 3,
    EXIT_CONFLICT = 5,
    EXIT_FAILED = 7,
    EXIT_INVALID = 9
};

enum { RESULT_MAX_BYTES = 32 * 1024 * 1024 };

/* What was said on the command line, and the result on its way to stdout. */
struct telling {
    struct restore_options options;
    const char *key_file;
    bool check, json, quiet;
    bool told; /* with tokens in it */
};

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
    case ERR_UNAUTHORIZED:
        return EXIT_NOT_ALLOWED;
    case ERR_CONFLICT:
    case ERR_IN_USE:
        return EXIT_CONFLICT;
    case ERR_NOT_FOUND: /* the backup or the old data directory */
    case ERR_INVALID:
    case ERR_TAMPERED:
        return EXIT_INVALID;
    default:
        return EXIT_FAILED;
    }
}

static int read_key(const char *file, struct secret **ret)
{
    AUTO(buf) struct buf text = buf_make(RECOVERY_TEXT_MAX_BYTES);
    bool from_stdin = strcmp(file, "-") == 0;
    int fd = from_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain("the recovery key's file cannot be opened");
        return EXIT_INVALID;
    }
    enum err e = from_stdin && isatty(fd) == 1 ? prompt_hidden("Recovery key (not shown): ", &text)
                                               : io_read_all(fd, &text);
    if (!from_stdin)
        io_close(&fd);
    if (e == OK)
        e = recovery_text_read(buf_str(&text), ret);
    if (e == OK)
        return EXIT_DONE;
    if (e == ERR_IO && from_stdin)
        return complain(
            "there is no terminal to ask on: give the key in a file, or through a pipe");
    complain(e == ERR_INVALID || e == ERR_TOO_LARGE || e == ERR_USAGE
                 ? "that is no recovery key, or there is a typo in it; it begins with SLRK1-"
                 : err_text(e));
    return EXIT_INVALID;
}

/* --- the result --- */

static void put_json(struct json_out *o, const struct restore_report *r,
                     const struct restore_first *first, size_t count)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"teams", (int64_t)r->teams},
                   {"secrets", (int64_t)r->secrets},
                   {"versions", (int64_t)r->versions},
                   {"tokens", (int64_t)r->tokens},
                   {"auditRecords", (int64_t)r->audit_records},
                   {"rows", (int64_t)r->rows},
                   {"files", (int64_t)r->files},
                   {"jobsEnded", r->jobs},
                   {"deliveriesEnded", r->deliveries},
                   {"tokensRevoked", r->revoked},
                   {"tokensVoid", r->suspended},
                   {"templatesLost", r->lost_templates},
                   {"fontsLost", r->lost_fonts}};
    json_out_open(o, '{');
    json_out_member_str(o, "createdAt", str_from(r->created_at));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        json_out_member_int(o, numbers[i].name, numbers[i].value);
    json_out_key(o, "adminTokens");
    json_out_open(o, '[');
    for (size_t i = 0; i < count; i++) {
        json_out_open(o, '{');
        json_out_member_str(o, "team", first[i].team);
        json_out_member_str(o, "token", str_from(first[i].text));
        json_out_close(o, '}');
    }
    json_out_close(o, ']');
    json_out_close(o, '}');
}

static enum err tell(void *ctx, const struct restore_report *r, const struct restore_first *first,
                     size_t count)
{
    struct telling *t = ctx;
    AUTO(buf) struct buf out = buf_make(RESULT_MAX_BYTES);
    struct json_out o = json_out_make(&out);
    if (t->json) {
        put_json(&o, r, first, count);
        TRY(json_out_end(&o));
        TRY(buf_put_byte(&out, '\n'));
    } else {
        for (size_t i = 0; i < count; i++)
            TRY(buf_printf(&out, "%.*s %s\n", (int)first[i].team.len, first[i].team.ptr,
                           first[i].text));
    }
    t->told = count > 0;
    return out.len ? io_tell(buf_str(&out)) : OK;
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

static void say_tokens(const struct restore_options *o, const struct restore_report *r)
{
    if (!o->revoked_from)
        fprintf(stderr,
                "All tokens of the backup are void: which were revoked since is not known. Each "
                "team's new admin token\nstands on stdout, only now. Approve the others with: "
                "safelight token approve all --data %s --team T\n",
                o->data);
    else if (r->suspended == 0)
        fprintf(stderr,
                "Tokens: %lld revoked, as in the old data directory; the others are good.\n",
                (long long)r->revoked);
    else
        fprintf(stderr,
                "Tokens: %lld revoked, as in the old data directory, and %lld void, as there or in "
                "the backup; the others are\ngood. Void are those that nobody had approved after "
                "an earlier restore: safelight token approve ID --data %s --team T\n",
                (long long)r->revoked, (long long)r->suspended, o->data);
}

static void say_next(const struct restore_options *o, const struct restore_report *r)
{
    say_tokens(o, r);
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

static void say(const struct telling *t, const struct restore_report *r)
{
    if (t->quiet)
        return;
    say_counts(r);
    if (t->check)
        fputs("It was only checked; nothing was written.\n", stderr);
    else
        say_next(&t->options, r);
}

static int run(struct telling *t)
{
    AUTOP(secret) struct secret *key = NULL;
    struct restore_report report;
    static char why[DATADIR_WHY_BYTES];
    int code = read_key(t->key_file, &key);
    if (code != EXIT_DONE)
        return code;
    t->options.key = key;
    t->options.tell = tell;
    t->options.tell_ctx = t;
    offline_catch_signals();
    enum err e = restore_run(&t->options, &report, why);
    if (e == OK) {
        say(t, &report);
        if (report.unsynced)
            fprintf(stderr,
                    "safelight restore: it is restored, but %s cannot be synced: whether all of it "
                    "survives a power cut is not\nknown. Look at the disk, then restore once more "
                    "into a new folder. What stands on stdout belongs to this one.\n",
                    t->options.data);
        return EXIT_DONE;
    }
    complain(why[0] ? why : err_text(e));
    if (t->told)
        fputs("Tokens that stand on stdout are void.\n", stderr);
    return exit_for(e);
}

int restore_main(int argc, char **argv)
{
    struct telling t = {.key_file = NULL};
    struct restore_options *o = &t.options;
    const struct offline_flag flags[] = {
        {"--data", &o->data, NULL},
        {"--recovery-key", &t.key_file, NULL},
        {"--revoked-from", &o->revoked_from, NULL},
        {"--check", NULL, &t.check},
        {"--resume-jobs", NULL, &o->resume_jobs},
        {"--json", NULL, &t.json},
        {"--quiet", NULL, &t.quiet},
    };
    const char *wrong = NULL;
    if (!offline_words(argc - 1, argv + 1, flags, ARRAY_LEN(flags), &o->file) || !o->file ||
        !t.key_file)
        wrong = "say FILE, the backup, and --recovery-key KEYFILE";
    else if (t.check == (o->data != NULL))
        wrong = "say --data DIR, the folder to make, or --check";
    else if (strcmp(o->file, "-") == 0 && strcmp(t.key_file, "-") == 0)
        wrong = "backup and recovery key cannot both come from stdin";
    if (wrong) {
        complain(wrong);
        return EXIT_USAGE;
    }
    if (t.quiet)
        progress_silence();
    sandbox_begin();
    if (crypto_open() != OK)
        return complain(err_text(ERR_INTERNAL));
    return offline_ended(run(&t));
}
