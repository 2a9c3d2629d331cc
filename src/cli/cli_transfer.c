#include "cli_transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "cli_output.h"
#include "io.h"
#include "limit.h"
#include "progress.h"
#include "unnamed.h"

void cli_file_auto(struct cli_file *f)
{
    io_close(&f->fd);
}

int cli_file_open(const char *path, uint64_t max, struct cli_file *ret)
{
    struct stat st;
    *ret = (struct cli_file){open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), 0};
    const char *why = NULL;
    if (ret->fd < 0)
        why = errno == ENOENT ? "there is no such file as FILE names" : "the file cannot be read";
    else if (fstat(ret->fd, &st) != 0 || !S_ISREG(st.st_mode))
        why = "that is no file";
    if (why) {
        fprintf(stderr, "safelight: %s\n", why);
        return EXIT_CODE_INVALID;
    }
    ret->size = (uint64_t)st.st_size;
    if (ret->size == 0 || ret->size > max) {
        fprintf(stderr, "safelight: the file is %s\n",
                ret->size ? "larger than the limit" : "empty");
        return EXIT_CODE_INVALID;
    }
    return 0;
}

int cli_file_name(const char *path, const char **ret)
{
    const char *slash = strrchr(path, '/');
    *ret = slash ? slash + 1 : path;
    for (const char *at = *ret; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f || *at == '"' || *at == '\\') {
            fputs("safelight: a file's name with quotes, backslashes or control characters cannot "
                  "be sent; name it otherwise\n",
                  stderr);
            return EXIT_CODE_INVALID;
        }
    }
    return 0;
}

struct transfer {
    int fd; /* to write to */
    const struct cli_download *wanted;
    const struct fetch_result *answer; /* has the head's tag when the head is told */
    uint64_t whole, bytes;             /* as the tag says (0: it does not), and as they came */
    struct progress progress;
    bool is_file;    /* the answer is the file, not an error */
    bool unwritten;  /* and it could not be written */
    struct buf said; /* else */
};

static enum err on_progress(void *ctx, uint64_t sent, uint64_t received)
{
    struct transfer *t = ctx;
    progress_at(&t->progress, sent > received ? sent : received);
    return OK;
}

static struct transfer transfer_make(int fd, const char *what, uint64_t whole)
{
    return (struct transfer){.fd = fd,
                             .progress = progress_make(what, PROGRESS_BYTES, whole),
                             .said = buf_make(UPSTREAM_BODY_MAX_BYTES)};
}

static void transfer_auto(struct transfer *t)
{
    progress_auto(&t->progress);
    buf_auto(&t->said);
}

/* --- up --- */

int cli_upload(struct cli_client *c, const char *address, const struct cli_file *f)
{
    struct transfer t __attribute__((cleanup(transfer_auto))) =
        transfer_make(-1, "uploading", f->size);
    struct fetch fetch = {
        .body_fd = f->fd, .body_len = f->size, .on_progress = on_progress, .ctx = &t};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    enum err e =
        client_send(&c->server, "PUT", address, "application/octet-stream", &fetch, &answer);
    progress_auto(&t.progress);
    return cli_ended(c, &fetch, e, &answer);
}

/* --- down --- */

/* Files of ours have a tag of id and size. 0: this is none. */
static uint64_t tagged_bytes(struct str tag, const char *id)
{
    uint64_t bytes = 0;
    size_t at = str_search(tag, str_from(id), 0) + strlen(id) + 1;
    struct str rest = str_slice(tag, at, tag.len);
    return str_to_u64(str_slice(rest, 0, str_find(rest, '"')), INT64_MAX, &bytes) == OK ? bytes : 0;
}

/* A page of some proxy's may well come with status 200. */
static bool is_wanted(const struct cli_download *d, struct str type)
{
    if (d->type)
        return str_starts(type, str_from(d->type));
    return !d->id ||
           (!str_starts(type, STR("text/html")) && !str_starts(type, STR("application/json")));
}

static enum err on_head(void *ctx, int status, struct str type, int64_t length)
{
    struct transfer *t = ctx;
    t->is_file = status == 200 && is_wanted(t->wanted, type);
    if (t->wanted->id)
        t->whole = tagged_bytes(str_from(t->answer->etag), t->wanted->id);
    t->progress.whole = length > 0 ? (uint64_t)length : t->whole;
    return OK;
}

static enum err on_body(void *ctx, struct str piece)
{
    struct transfer *t = ctx;
    if (t->is_file) {
        enum err e = io_write_all(t->fd, piece);
        t->unwritten = e != OK;
        t->bytes += piece.len;
        return e;
    }
    return buf_put(&t->said, piece) == OK ? OK : ERR_TOO_LARGE;
}

/* What was no file, or not all of it. */
static int explain_download(struct cli_client *c, const struct cli_download *d,
                            struct fetch_result *answer, struct transfer *t)
{
    if (t->is_file) {
        fprintf(stderr,
                "safelight: the file is not whole: %llu bytes came instead of %llu; try it again, "
                "and look at what stands between you and the server\n",
                (unsigned long long)t->bytes, (unsigned long long)t->whole);
        return EXIT_CODE_UNREACHABLE;
    }
    if (answer->status == 200)
        return cli_check_type(answer, d->type ? d->type : "application/octet-stream");
    answer->body = t->said;
    t->said = buf_make(0);
    if (answer->status >= 200 && answer->status <= 299) {
        fprintf(stderr, "safelight: there is no file: the server answered with status %d\n",
                answer->status);
        return EXIT_CODE_FAILED;
    }
    c->elsewhere = d->address[0] != '/';
    return cli_explain(c, answer);
}

/* 0: the whole file was written to fd. */
static int fetch_to(struct cli_client *c, const struct cli_download *d, int fd)
{
    struct transfer t __attribute__((cleanup(transfer_auto))) = transfer_make(fd, "downloading", 0);
    struct fetch fetch = {.body_fd = -1,
                          .on_head = on_head,
                          .on_body = on_body,
                          .on_progress = on_progress,
                          .ctx = &t,
                          .body_max_bytes = SIZE_MAX};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    t.wanted = d;
    t.answer = &answer;
    enum err e = client_send(&c->server, "GET", d->address, NULL, &fetch, &answer);
    progress_auto(&t.progress);
    if (t.unwritten) {
        fputs("safelight: the file cannot be written there; is the disk full?\n", stderr);
        return EXIT_CODE_FAILED;
    }
    if (e != OK)
        return cli_unreachable(c, &fetch, e, &answer);
    if (t.is_file && (!t.whole || t.bytes == t.whole))
        return 0;
    return explain_download(c, d, &answer, &t);
}

/* 0, or the exit code of what was said: nothing that stands there is lost unless --force says so,
 * and what is no file (a device, a folder) is left alone in any case. */
static int place_free(const struct cli_args *args, const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return 0;
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
        fputs("safelight: what stands there is no file; choose another name, or - for stdout\n",
              stderr);
        return EXIT_CODE_INVALID;
    }
    if (cli_flag(args, "force"))
        return 0;
    fprintf(stderr,
            "safelight: there is a file of that name already; %s, or --force to overwrite it\n",
            cli_flag(args, "file") ? "choose another name" : "choose one with --file");
    return EXIT_CODE_CONFLICT;
}

static int put_in_place(const struct cli_args *args, struct unnamed *file)
{
    enum err e = unnamed_keep(file, cli_flag(args, "force"));
    if (e == OK)
        return 0;
    int code = place_free(args, file->path); /* somebody was faster */
    if (code != 0)
        return code;
    fputs(e == ERR_STORE_FULL ? "safelight: the file cannot be written there; is the disk full?\n"
                              : "safelight: the file cannot be put in its place\n",
          stderr);
    return EXIT_CODE_FAILED;
}

int cli_file_write(const struct cli_args *args, const char *path, cli_file_writer *write, void *ctx)
{
    int code = place_free(args, path);
    if (code != 0)
        return code;
    AUTO(unnamed) struct unnamed file;
    enum err e = unnamed_open(path, 0666, &file);
    if (e != OK) {
        fputs(e == ERR_INVALID ? "safelight: no file can have that name: it is empty, too long, or "
                                 "ends in a slash\n"
                               : "safelight: the file cannot be made there\n",
              stderr);
        return e == ERR_INVALID ? EXIT_CODE_INVALID : EXIT_CODE_FAILED;
    }
    code = write(ctx, file.fd);
    return code == 0 ? put_in_place(args, &file) : code;
}

struct writing {
    struct cli_client *c;
    const struct cli_download *wanted;
};

static int write_download(void *ctx, int fd)
{
    const struct writing *w = ctx;
    return fetch_to(w->c, w->wanted, fd);
}

int cli_download(struct cli_client *c, const struct cli_args *args, const struct cli_download *d)
{
    const char *file = cli_flag_value(args, "file");
    struct writing w = {c, d};
    if (file && strcmp(file, "-") == 0)
        return fetch_to(c, d, STDOUT_FILENO);
    int code = cli_file_write(args, file ? file : d->name, write_download, &w);
    if (code == 0 && cli_flag(args, "json"))
        cli_done(args, "file", file ? file : d->name);
    else if (code == 0)
        cli_print_json(str_from(file ? file : d->name));
    return code;
}
