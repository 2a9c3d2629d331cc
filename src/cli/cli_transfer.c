#include "cli_transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "cli_output.h"
#include "io.h"
#include "limit.h"
#include "progress.h"

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
    int fd;           /* to write to */
    const char *type; /* NULL: of any kind, from wherever */
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

static enum err on_head(void *ctx, int status, struct str type, int64_t length)
{
    struct transfer *t = ctx;
    t->is_file = status == 200 && (!t->type || str_starts(type, str_from(t->type)));
    t->progress.whole = length > 0 ? (uint64_t)length : 0;
    return OK;
}

static enum err on_body(void *ctx, struct str piece)
{
    struct transfer *t = ctx;
    if (t->is_file) {
        enum err e = io_write_all(t->fd, piece);
        t->unwritten = e != OK;
        return e;
    }
    return buf_put(&t->said, piece) == OK ? OK : ERR_TOO_LARGE;
}

/* 0: the whole file was written to fd. */
static int fetch_to(struct cli_client *c, const char *address, const char *type, int fd)
{
    struct transfer t __attribute__((cleanup(transfer_auto))) = transfer_make(fd, "downloading", 0);
    t.type = type;
    struct fetch fetch = {.body_fd = -1,
                          .on_head = on_head,
                          .on_body = on_body,
                          .on_progress = on_progress,
                          .ctx = &t,
                          .body_max_bytes = SIZE_MAX};
    struct fetch_result answer __attribute__((cleanup(fetch_result_auto))) = {0};
    enum err e = client_send(&c->server, "GET", address, NULL, &fetch, &answer);
    progress_auto(&t.progress);
    if (t.unwritten) {
        fputs("safelight: the file cannot be written there; is the disk full?\n", stderr);
        return EXIT_CODE_FAILED;
    }
    if (e != OK)
        return cli_unreachable(c, &fetch, e, &answer);
    if (t.is_file)
        return 0;
    if (type && answer.status == 200)
        return cli_check_type(&answer, type);
    answer.body = t.said;
    t.said = buf_make(0);
    if (answer.status >= 200 && answer.status <= 299) {
        fprintf(stderr, "safelight: there is no file: the server answered with status %d\n",
                answer.status);
        return EXIT_CODE_FAILED;
    }
    c->elsewhere = address[0] != '/';
    return cli_explain(c, &answer);
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

static int put_in_place(const struct cli_args *args, const char *part, const char *path)
{
    if (cli_flag(args, "force") ? rename(part, path) == 0 : io_move_new(part, path) == OK)
        return 0;
    int code = place_free(args, path); /* somebody was faster */
    if (code == 0) {
        fputs("safelight: the file cannot be put in its place\n", stderr);
        code = EXIT_CODE_FAILED;
    }
    return code;
}

int cli_file_write(const struct cli_args *args, const char *path, cli_file_writer *write, void *ctx)
{
    int code = place_free(args, path);
    if (code != 0)
        return code;
    AUTO(buf) struct buf part = buf_make(PATH_MAX);
    /* A name of its own: what somebody else has there stays, and two may fetch at once. */
    if (buf_printf(&part, "%s.part-XXXXXX", path) != OK || buf_put_byte(&part, 0) != OK) {
        fputs("safelight: the file's name is too long\n", stderr);
        return EXIT_CODE_INVALID;
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    AUTO(fd) int fd = mkostemp(part.ptr, O_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0666 & ~mask) != 0) {
        fputs("safelight: the file cannot be made there\n", stderr);
        return EXIT_CODE_FAILED;
    }
    code = write(ctx, fd);
    if (code == 0)
        code = put_in_place(args, part.ptr, path);
    if (code != 0)
        (void)unlink(part.ptr);
    return code;
}

struct download {
    struct cli_client *c;
    const char *address, *type;
};

static int write_download(void *ctx, int fd)
{
    const struct download *d = ctx;
    return fetch_to(d->c, d->address, d->type, fd);
}

int cli_download(struct cli_client *c, const struct cli_args *args, const char *address,
                 const char *type, const char *name)
{
    const char *file = cli_flag_value(args, "file");
    struct download d = {c, address, type};
    if (file && strcmp(file, "-") == 0)
        return fetch_to(c, address, type, STDOUT_FILENO);
    int code = cli_file_write(args, file ? file : name, write_download, &d);
    if (code == 0 && cli_flag(args, "json"))
        cli_done(args, "file", file ? file : name);
    else if (code == 0)
        cli_print_json(str_from(file ? file : name));
    return code;
}
