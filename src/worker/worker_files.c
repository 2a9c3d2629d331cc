#include "worker_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "json_decode.h"
#include "json_encode.h"
#include "limit.h"
#include "log.h"

enum { FOLDER_MAX_BYTES = 4096, DOWNLOAD_TRIES = 3, DOWNLOAD_PAUSE_MS = 500 };

struct source {
    struct str src, name;
};
static const struct json_field source_fields[] = {
    JSON_FIELD(struct source, src, "src", JSON_AS_STR, JSON_NULLABLE, JOB_PAYLOAD_MAX_BYTES),
    JSON_FIELD(struct source, name, "name", JSON_AS_STR, JSON_NULLABLE, 4096),
};

static bool plain_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool plain_name(struct str s)
{
    if (s.len == 0 || s.len > 64 || s.ptr[0] == '.' || s.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!plain_char(s.ptr[i]))
            return false;
    }
    return !str_is(s, "job.json") && !str_starts(s, STR("output."));
}

/* ".png" of "https://host/a/b.png?x=1"; empty when there is none that is short and plain. */
static struct str extension_of(struct str src)
{
    struct str path = str_slice(src, 0, str_find(src, '?'));
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '.' && path.ptr[at - 1] != '/')
        at--;
    struct str extension = str_slice(path, at ? at - 1 : 0, path.len);
    if (at == 0 || path.ptr[at - 1] != '.' || extension.len < 2 || extension.len > 6)
        return STR_EMPTY;
    for (size_t i = 1; i < extension.len; i++) {
        if (!plain_char(extension.ptr[i]))
            return STR_EMPTY;
    }
    return extension;
}

void worker_files_name(struct str name, struct str src, int index, char ret[static 80])
{
    char place[32] = "template";
    if (index >= WORKER_FILES_FONT)
        snprintf(place, sizeof place, "font%d", index - WORKER_FILES_FONT);
    else if (index != WORKER_FILES_TEMPLATE)
        snprintf(place, sizeof place, "%d", index);
    if (plain_name(name)) {
        snprintf(ret, 80, "%s-%.*s", place, (int)name.len, name.ptr);
        return;
    }
    struct str extension = extension_of(src);
    snprintf(ret, 80, "%s%.*s", place, (int)extension.len, extension.ptr);
}

struct download {
    struct lease *lease;
    int fd, status;
};

static enum err on_head(void *ctx, int status, struct str type, int64_t length)
{
    struct download *d = ctx;
    (void)type, (void)length;
    d->status = status;
    return status == 200 ? OK : ERR_UPSTREAM;
}

static enum err on_piece(void *ctx, struct str piece)
{
    struct download *d = ctx;
    lease_beat(d->lease, -1, false);
    return lease_over(d->lease) ? ERR_LEASE_LOST : io_write_all(d->fd, piece);
}

static enum err download(struct lease *l, struct str src, const char *path)
{
    struct str url = arena_str(&l->arena, src);
    enum err e = ERR_UNREACHABLE;
    for (int try = 0; try < DOWNLOAD_TRIES && !lease_over(l); try++) {
        AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return ERR_IO;
        struct download d = {.lease = l, .fd = fd};
        struct fetch f = {.body_fd = -1,
                          .on_head = on_head,
                          .on_body = on_piece,
                          .ctx = &d,
                          .body_max_bytes = SIZE_MAX};
        struct fetch_result r __attribute__((cleanup(fetch_result_auto))) = {0};
        e = client_send(l->client, "GET", url.ptr, NULL, &f, &r);
        if (e == OK || e == ERR_INVALID || (d.status >= 400 && d.status < 500))
            return e;
        lease_pause(l, DOWNLOAD_PAUSE_MS << try);
        lease_beat(l, -1, false);
    }
    return e;
}

static bool is_path(struct str key)
{
    AUTO(buf) struct buf text = buf_make(sizeof "path");
    return json_unescape(key, &text) == OK && str_is(buf_str(&text), "path");
}

/* Appends the object with `"path":"NAME"` as its first member (NULL: without), whatever its own
 * "path" says. */
static enum err put_with_path(struct buf *out, struct str object, const char *name)
{
    struct json_members members;
    struct str key, value;
    const char *before = "{";
    json_members_init(&members, object);
    if (name) {
        TRY(buf_printf(out, "{\"path\":\"%s\"", name));
        before = ",";
    }
    while (json_members_next(&members, &key, &value)) {
        if (is_path(key))
            continue;
        TRY(buf_printf(out, "%s\"", before));
        TRY(buf_put(out, key));
        TRY(buf_put(out, STR("\":")));
        TRY(buf_put(out, value));
        before = ",";
    }
    return buf_put(out, before[0] == '{' ? STR("{}") : STR("}"));
}

/* One template or asset: downloaded when it has an address, copied into job.json. */
static enum err place(struct lease *l, const char *folder, struct str object, int index,
                      struct buf *out, const char **ret_why)
{
    struct problems problems;
    struct source s = {STR_EMPTY, STR_EMPTY};
    char name[80], path[FOLDER_MAX_BYTES], what[32] = "template";
    if (index != WORKER_FILES_TEMPLATE)
        snprintf(what, sizeof what, "asset %d", index);
    problems_init(&problems, &l->arena);
    *ret_why = arena_printf(&l->arena, "%s: cannot be read", what).ptr;
    TRY(json_decode(object, source_fields, ARRAY_LEN(source_fields), STR_EMPTY, &problems, &s));
    if (!str_starts(s.src, STR("http://")) && !str_starts(s.src, STR("https://")))
        return put_with_path(out, object, NULL);
    worker_files_name(s.name, s.src, index, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *ret_why = arena_printf(&l->arena, "%s: could not be downloaded", what).ptr;
    TRY(download(l, s.src, path));
    return put_with_path(out, object, name);
}

static enum err place_assets(struct lease *l, const char *folder, struct str assets,
                             struct buf *out, const char **ret_why)
{
    struct json_elements all;
    struct str element;
    TRY(buf_put_byte(out, '['));
    json_elements_init(&all, assets);
    while (json_elements_next(&all, &element)) {
        if (all.index)
            TRY(buf_put_byte(out, ','));
        TRY(place(l, folder, element, (int)all.index, out, ret_why));
    }
    return buf_put_byte(out, ']');
}

/* The fonts that the server keeps, as {"name", "path"} in the place of the job's list of names. */
static enum err place_fonts(struct lease *l, const char *folder, struct buf *out,
                            const char **ret_why)
{
    struct json_elements all;
    struct str element;
    struct problems problems;
    char name[80], path[FOLDER_MAX_BYTES];
    TRY(buf_put_byte(out, '['));
    problems_init(&problems, &l->arena);
    json_elements_init(&all, l->fonts);
    while (json_elements_next(&all, &element)) {
        struct source s = {STR_EMPTY, STR_EMPTY};
        *ret_why = arena_printf(&l->arena, "font %zu: could not be downloaded", all.index).ptr;
        if (all.index == JOB_ASSETS_MAX)
            return ERR_TOO_LARGE;
        TRY(json_decode(element, source_fields, ARRAY_LEN(source_fields), STR_EMPTY, &problems,
                        &s));
        worker_files_name(s.name, s.src, WORKER_FILES_FONT + (int)all.index, name);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        TRY(download(l, s.src, path));
        TRY(buf_printf(out, "%s{\"name\":\"", all.index ? "," : ""));
        TRY(json_escape(out, s.name));
        TRY(buf_printf(out, "\",\"path\":\"%s\"}", name));
    }
    return buf_put_byte(out, ']');
}

static enum err place_member(struct lease *l, const char *folder, struct str key, struct str value,
                             struct buf *out, const char **ret_why)
{
    if (str_is(key, "assets") && value.ptr[0] == '[')
        return place_assets(l, folder, value, out, ret_why);
    if (str_is(key, "template") && value.ptr[0] == '{')
        return place(l, folder, value, WORKER_FILES_TEMPLATE, out, ret_why);
    if (str_is(key, "fonts"))
        return place_fonts(l, folder, out, ret_why);
    return buf_put(out, value);
}

enum err worker_files_prepare(struct lease *l, const char *folder, const char **ret_why)
{
    AUTO(buf) struct buf job = buf_make(2 * RESOLVED_PAYLOAD_MAX_BYTES);
    char path[FOLDER_MAX_BYTES];
    *ret_why = "the worker cannot make a folder for the job";
    if (mkdir(folder, 0700) != 0)
        return ERR_IO;
    struct json_members members;
    struct str key, value;
    const char *before = "{";
    json_members_init(&members, l->job);
    while (json_members_next(&members, &key, &value)) {
        TRY(buf_printf(&job, "%s\"%.*s\":", before, (int)key.len, key.ptr));
        before = ",";
        TRY(place_member(l, folder, key, value, &job, ret_why));
    }
    TRY(buf_put(&job, STR("}")));
    snprintf(path, sizeof path, "%s/job.json", folder);
    *ret_why = "the worker cannot write the job's file";
    return io_replace_file(path, buf_str(&job), 0600);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void worker_files_remove(const char *folder)
{
    if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        log_warn("folder_not_removed", kv("folder", folder));
}
