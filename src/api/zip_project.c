#include "zip_project.h"

#include <unistd.h>

#include "buf.h"
#include "json_chars.h"

enum {
    ENTRY_BYTES = 46,
    ENTRY_AT_FLAGS = 8,
    ENTRY_AT_METHOD = 10,
    ENTRY_AT_NAME_LEN = 28,
    ENTRY_AT_EXTRA_LEN = 30,
    ENTRY_AT_COMMENT_LEN = 32,
    ENTRY_AT_DISK = 34,
    END_AT_DISK = 4,
    END_AT_DIRECTORY_DISK = 6,
    END_AT_COUNT_HERE = 8,
    END_AT_COUNT = 10,
    END_AT_BYTES = 12,
    END_AT_OFFSET = 16,
    END_AT_COMMENT_LEN = 20,
    FLAG_ENCRYPTED = 1,
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
};
#define ENTRY_MAGIC "PK\001\002"
#define END_MAGIC   "PK\005\006"

static uint32_t read_le(struct str s, size_t at, size_t bytes)
{
    uint32_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v |= (uint32_t)(unsigned char)s.ptr[at + i] << 8 * i;
    return v;
}

/* --- the end of the file --- */

static bool end_at(struct str tail, size_t at, uint64_t file_bytes, struct zip_directory *ret)
{
    struct str end = str_slice(tail, at, tail.len);
    if (end.len < ZIP_END_BYTES || !str_starts(end, STR(END_MAGIC)) ||
        end.len - ZIP_END_BYTES != read_le(end, END_AT_COMMENT_LEN, 2))
        return false;
    uint64_t end_offset = file_bytes - end.len;
    struct zip_directory d = {.offset = read_le(end, END_AT_OFFSET, 4),
                              .bytes = read_le(end, END_AT_BYTES, 4),
                              .count = read_le(end, END_AT_COUNT, 2)};
    if (read_le(end, END_AT_DISK, 2) != 0 || read_le(end, END_AT_DIRECTORY_DISK, 2) != 0 ||
        read_le(end, END_AT_COUNT_HERE, 2) != d.count || d.bytes > ZIP_DIRECTORY_MAX_BYTES ||
        d.offset + d.bytes != end_offset) /* also what has 64 bit sizes */
        return false;
    *ret = d;
    return true;
}

/* A comment may hold what looks like another end: then there is none. */
bool zip_directory_find(struct str tail, uint64_t file_bytes, struct zip_directory *ret)
{
    unsigned found = 0;
    if (tail.len > file_bytes)
        return false;
    for (size_t at = 0; at + ZIP_END_BYTES <= tail.len; at++)
        found += end_at(tail, at, file_bytes, ret);
    return found == 1;
}

/* --- the directory --- */

struct listing {
    struct str rest;
    struct str root; /* the first part of every path so far */
    bool one_root;
    struct str project;
    unsigned projects;
};

/* One that means the same everywhere: relative, forward, in UTF-8. */
static bool plain_path(struct str path)
{
    struct str rest = path, part;
    if (path.len == 0 || path.len > ZIP_PATH_MAX_BYTES)
        return false;
    for (const char *p = path.ptr, *end = p + path.len; p < end;) {
        unsigned n = json_utf8_len(p, end);
        unsigned char c = (unsigned char)*p;
        if (n == 0 || c < ' ' || c == 0x7f || c == '\\' || c == ':')
            return false;
        p += n;
    }
    if (path.ptr[path.len - 1] == '/') /* a folder */
        rest.len--;
    do {
        rest = str_split(rest, '/', &part);
        if (part.len == 0 || str_is(part, ".") || str_is(part, ".."))
            return false;
    } while (rest.ptr);
    return true;
}

static bool ends_nocase(struct str s, struct str end)
{
    return s.len > end.len && str_equal_nocase(str_slice(s, s.len - end.len, s.len), end);
}

static bool is_project(struct str path)
{
    struct str rest = path, part;
    if (!ends_nocase(path, STR(".aep")) && !ends_nocase(path, STR(".aepx")))
        return false;
    do {
        rest = str_split(rest, '/', &part);
        if (str_is(part, "__MACOSX") || str_starts(part, STR("._")) ||
            str_equal_nocase(part, STR("Adobe After Effects Auto-Save")))
            return false;
    } while (rest.ptr);
    return true;
}

static void take_path(struct listing *r, struct str path, bool first)
{
    struct str root = str_slice(path, 0, str_find(path, '/'));
    if (first)
        r->root = root;
    r->one_root = r->one_root && root.len < path.len && str_equal(root, r->root);
    if (is_project(path)) {
        r->project = path;
        r->projects++;
    }
}

/* Moves behind the entry. */
static bool take_entry(struct listing *r, bool first)
{
    struct str e = r->rest;
    if (e.len < ENTRY_BYTES || !str_starts(e, STR(ENTRY_MAGIC)))
        return false;
    uint32_t flags = read_le(e, ENTRY_AT_FLAGS, 2), method = read_le(e, ENTRY_AT_METHOD, 2);
    size_t name_len = read_le(e, ENTRY_AT_NAME_LEN, 2);
    size_t len = ENTRY_BYTES + name_len + read_le(e, ENTRY_AT_EXTRA_LEN, 2) +
                 read_le(e, ENTRY_AT_COMMENT_LEN, 2);
    struct str path = str_slice(e, ENTRY_BYTES, ENTRY_BYTES + name_len);
    if (len > e.len || (flags & FLAG_ENCRYPTED) || read_le(e, ENTRY_AT_DISK, 2) != 0 ||
        (method != METHOD_STORED && method != METHOD_DEFLATED) || !plain_path(path))
        return false;
    take_path(r, path, first);
    r->rest = str_slice(e, len, e.len);
    return true;
}

struct str zip_project_of(struct str directory, uint32_t count, struct arena *a)
{
    struct listing r = {.rest = directory, .one_root = true};
    for (uint32_t i = 0; i < count; i++) {
        if (!take_entry(&r, i == 0))
            return STR_EMPTY;
    }
    if (r.rest.len || r.projects != 1)
        return STR_EMPTY;
    size_t from = r.one_root ? r.root.len + 1 : 0;
    return arena_str(a, str_slice(r.project, from, r.project.len));
}

/* --- a file --- */

static bool read_at(int fd, uint64_t offset, size_t len, struct buf *out)
{
    char piece[16 * 1024];
    while (len > 0) {
        ssize_t n = pread(fd, piece, len < sizeof piece ? len : sizeof piece, (off_t)offset);
        if (n <= 0 || buf_put(out, str_bytes(piece, (size_t)n)) != OK)
            return false;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

struct str zip_project_read(int fd, uint64_t file_bytes, struct arena *a)
{
    AUTO(buf) struct buf tail = buf_make(ZIP_TAIL_MAX_BYTES);
    AUTO(buf) struct buf directory = buf_make(ZIP_DIRECTORY_MAX_BYTES + 1);
    struct zip_directory d;
    size_t len = file_bytes < ZIP_TAIL_MAX_BYTES ? (size_t)file_bytes : ZIP_TAIL_MAX_BYTES;
    if (!read_at(fd, file_bytes - len, len, &tail) ||
        !zip_directory_find(buf_str(&tail), file_bytes, &d) ||
        !read_at(fd, d.offset, d.bytes, &directory))
        return STR_EMPTY;
    return zip_project_of(buf_str(&directory), d.count, a);
}
