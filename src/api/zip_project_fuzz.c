/* Whatever the bytes: a project's path is a relative one in UTF-8 that leads out of no folder. */
#include "zip_project.h"

#include "json_chars.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str path)
{
    struct str rest = path, part;
    ASSERT(path.len <= ZIP_PATH_MAX_BYTES && path.ptr[0] != '/');
    for (const char *p = path.ptr, *end = p + path.len; p < end;) {
        unsigned n = json_utf8_len(p, end);
        ASSERT(n > 0 && (unsigned char)*p >= ' ' && *p != '\\' && *p != ':');
        p += n;
    }
    do {
        rest = str_split(rest, '/', &part);
        ASSERT(part.len > 0 && !str_is(part, ".") && !str_is(part, ".."));
    } while (rest.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena a = arena_make();
    struct str file = str_bytes(data, size), path = STR_EMPTY;
    struct zip_directory d;
    size_t from = size > ZIP_TAIL_MAX_BYTES ? size - ZIP_TAIL_MAX_BYTES : 0;
    if (zip_directory_find(str_slice(file, from, size), size, &d))
        path = zip_project_of(str_slice(file, d.offset, d.offset + d.bytes), d.count, &a);
    if (path.len)
        check(path);
    if (size > 1) { /* the directory alone: more of it is reached */
        path = zip_project_of(str_slice(file, 1, size), data[0] % 8, &a);
        if (path.len)
            check(path);
    }
    return 0;
}
