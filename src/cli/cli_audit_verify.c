/* safelight audit verify: the server's own check, or an exported log checked here, line by line,
 * against a signed checkpoint. For a file no server is asked. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "aead.h"
#include "audit_check.h"
#include "audit_line.h"
#include "cli.h"
#include "cli_audit.h"
#include "cli_commands.h"
#include "cli_output.h"
#include "io.h"
#include "json_encode.h"

#define LOG_TYPE "application/x-ndjson"

enum { ANSWER_MAX_BYTES = 64 * 1024, PIECE_BYTES = 64 * 1024 };

/* A log that comes in pieces. */
struct feed {
    struct audit_check check;
    struct buf line, said; /* said: an answer that is no log */
    bool is_log;
};

static void feed_auto(struct feed *f)
{
    buf_auto(&f->line);
    buf_auto(&f->said);
}

/* False: a fault was found. */
static bool feed_piece(struct feed *f, struct str piece)
{
    while (piece.len) {
        struct str part, rest = str_split(piece, '\n', &part);
        if (buf_put(&f->line, part) != OK) /* longer than any record: no record */
            return audit_check_line(&f->check, STR_EMPTY);
        if (!rest.ptr)
            return true;
        if (!audit_check_line(&f->check, buf_str(&f->line)))
            return false;
        buf_truncate(&f->line, 0);
        piece = rest;
    }
    return true;
}

static void feed_end(struct feed *f)
{
    if (!f->check.fault && f->line.len)
        (void)audit_check_line(&f->check, buf_str(&f->line));
    (void)audit_check_end(&f->check);
}

/* --- the checkpoint and its key --- */

static int say(int code, const char *what)
{
    fprintf(stderr, "safelight: %s\n", what);
    return code;
}

/* --key is the key itself or a file that holds it. */
static int read_key(const char *given, struct audit_key *ret)
{
    AUTO(buf) struct buf text = buf_make(AUDIT_KEY_MAX_BYTES);
    if (audit_key_read(str_from(given), ret) == OK)
        return 0;
    if (io_read_file(given, &text) == OK && audit_key_read(buf_str(&text), ret) == OK)
        return 0;
    return say(EXIT_CODE_INVALID,
               "--key is neither a key nor a file with one; safelight audit key prints it");
}

static int read_checkpoint(const char *file, const struct audit_key *key,
                           struct audit_checkpoint *ret)
{
    AUTO(buf) struct buf note = buf_make(AUDIT_NOTE_MAX_BYTES);
    if (io_read_file(file, &note) != OK)
        return say(EXIT_CODE_INVALID, "the checkpoint's file cannot be read");
    switch (audit_note_open(buf_str(&note), key, ret)) {
    case OK:
        return 0;
    case ERR_TAMPERED:
        return say(EXIT_CODE_FAILED, "the checkpoint's signature does not hold: it was changed");
    case ERR_NOT_FOUND:
        return say(EXIT_CODE_FAILED, "the checkpoint is not one of this key: another log's, or "
                                     "not signed by it");
    default:
        return say(EXIT_CODE_INVALID,
                   "that is no checkpoint; safelight audit checkpoint makes one");
    }
}

struct signed_by {
    struct audit_key key;
    struct audit_checkpoint checkpoint;
    bool has_key, has_checkpoint;
};

static int read_signed(const struct cli_args *args, struct signed_by *ret)
{
    const char *key = cli_flag_value(args, "key"), *file = cli_flag_value(args, "checkpoint");
    if (file && !key)
        return say(EXIT_CODE_USAGE, "--checkpoint needs the --key that signed it; safelight audit "
                                    "key prints it");
    ret->has_key = key != NULL;
    ret->has_checkpoint = file != NULL;
    int code = key ? read_key(key, &ret->key) : 0;
    return code == 0 && file ? read_checkpoint(file, &ret->key, &ret->checkpoint) : code;
}

/* --- the outcome --- */

static void print_json(const struct audit_check *c)
{
    AUTO(buf) struct buf out = buf_make(ANSWER_MAX_BYTES);
    struct json_out o = json_out_make(&out);
    json_out_open(&o, '{');
    json_out_member_bool(&o, "valid", c->fault == AUDIT_FAULT_NONE);
    json_out_member_int(&o, "records", (int64_t)c->tree.size);
    json_out_key(&o, "firstBad");
    if (c->fault)
        json_out_int(&o, c->bad);
    else
        json_out_null(&o);
    json_out_key(&o, "signed");
    if (c->checkpoint)
        json_out_int(&o, (int64_t)c->checkpoint->size);
    else
        json_out_null(&o);
    json_out_member_str(&o, "message", str_from(audit_fault_text(c->fault)));
    json_out_close(&o, '}');
    if (json_out_end(&o) == OK)
        cli_print_json(buf_str(&out));
}

static int tell(const struct cli_args *args, const struct audit_check *c)
{
    if (cli_flag(args, "json"))
        print_json(c);
    if (c->fault) {
        fprintf(stderr, "safelight: record %lld %s\n", (long long)c->bad,
                audit_fault_text(c->fault));
        return EXIT_CODE_FAILED;
    }
    if (cli_flag(args, "json"))
        return 0;
    printf("%llu records, each as it was written\n", (unsigned long long)c->tree.size);
    if (c->checkpoint)
        printf("the first %llu are those that were signed\n",
               (unsigned long long)c->checkpoint->size);
    else
        fputs("safelight: without a --checkpoint nobody knows whether the end was cut off, or all "
              "of it made up\n",
              stderr);
    return 0;
}

/* --- where the log comes from --- */

static int feed_file(const char *path, struct feed *f)
{
    char piece[PIECE_BYTES];
    bool is_stdin = strcmp(path, "-") == 0;
    AUTO(fd) int opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    int fd = is_stdin ? STDIN_FILENO : opened;
    ssize_t n = -1;
    while (fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0) {
        if (!feed_piece(f, str_bytes(piece, (size_t)n)))
            return 0;
    }
    return n == 0 ? 0 : say(EXIT_CODE_INVALID, "the exported log cannot be read");
}

static enum err on_head(void *ctx, int status, struct str type, int64_t length)
{
    struct feed *f = ctx;
    (void)length;
    f->is_log = status == 200 && str_starts(type, STR(LOG_TYPE));
    return OK;
}

static enum err on_body(void *ctx, struct str piece)
{
    struct feed *f = ctx;
    if (!f->is_log)
        return buf_put(&f->said, piece) == OK ? OK : ERR_TOO_LARGE;
    (void)feed_piece(f, piece); /* the rest is read all the same, and not looked at */
    return OK;
}

static int feed_server(struct cli_client *c, struct str path, struct feed *f)
{
    struct fetch fetch = {.body_fd = -1,
                          .on_head = on_head,
                          .on_body = on_body,
                          .ctx = f,
                          .body_max_bytes = SIZE_MAX};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    struct str address = arena_printf(&c->arena, "%.*s/export", (int)path.len, path.ptr);
    enum err e = client_send(&c->server, "GET", address.ptr, NULL, &fetch, &answer);
    if (e != OK)
        return cli_unreachable(c, &fetch, e, &answer);
    if (f->is_log)
        return 0;
    if (answer.status == 200)
        return cli_check_type(&answer, LOG_TYPE);
    answer.body = f->said;
    f->said = buf_make(0);
    return cli_explain(c, &answer);
}

/* The server's own check knows the key of the chain, and so names the very record. */
static int ask_server(const struct cli_args *args, struct cli_client *c, struct str path)
{
    AUTO(buf) struct buf answer = buf_make(ANSWER_MAX_BYTES);
    struct str address = arena_printf(&c->arena, "%.*s/verify", (int)path.len, path.ptr);
    int code = cli_request(c, "GET", address.ptr, STR_EMPTY, &answer);
    if (code != 0)
        return code;
    struct str verdict = buf_str(&answer), records = cli_member(verdict, "records", &c->arena);
    bool valid = str_is(cli_member(verdict, "valid", &c->arena), "true");
    if (cli_flag(args, "json"))
        cli_print_json(verdict);
    else if (valid)
        printf("%.*s records, each as it was written\n", (int)records.len, records.ptr);
    if (valid)
        return 0;
    struct str bad = cli_member(verdict, "firstBad", &c->arena);
    fprintf(stderr, "safelight: record %.*s was changed, moved or removed\n", (int)bad.len,
            bad.ptr);
    return EXIT_CODE_FAILED;
}

static int check_here(const struct cli_args *args, const struct signed_by *by,
                      struct cli_client *server, struct str path)
{
    struct feed f __attribute__((cleanup(feed_auto))) = {.line = buf_make(AUDIT_LINE_MAX_BYTES),
                                                         .said = buf_make(ANSWER_MAX_BYTES)};
    audit_check_begin(&f.check, by->has_checkpoint ? &by->checkpoint : NULL,
                      by->has_key ? &by->key : NULL);
    int code = server ? feed_server(server, path, &f) : feed_file(args->positional[0], &f);
    if (code != 0)
        return code;
    feed_end(&f);
    return tell(args, &f.check);
}

int cli_audit_verify(const struct cli_args *args)
{
    struct cli_client c __attribute__((cleanup(cli_client_auto))) = {0};
    struct signed_by by = {.has_key = false};
    struct str path;
    if (crypto_open() != OK)
        return say(EXIT_CODE_FAILED, "the cryptographic library does not work here");
    int code = read_signed(args, &by);
    if (code != 0)
        return code;
    if (args->positional_count > 0 && (cli_flag(args, "data") || cli_flag(args, "team")))
        return say(EXIT_CODE_USAGE, "a file is checked without a server: leave out --data and "
                                    "--team");
    if (args->positional_count > 0)
        return check_here(args, &by, NULL, STR_EMPTY);
    code = cli_audit_open(&c, args, &path);
    if (code == 0)
        code = ask_server(args, &c, path);
    return code == 0 && by.has_checkpoint ? check_here(args, &by, &c, path) : code;
}
