#include "redact_encode.h"

#include <stdlib.h>

#include "alloc.h"
#include "limit.h"
#include "redact_flat.h"

/* Comparing here is not constant in time, and cannot be: the whole folder exists to find values in
 * text that somebody else chose. What it gives away, a masked log gives away as well. */

enum { LINE_MIN_BYTES = 16 }; /* a shorter line of a longer value is likely a word or a brace */

struct redact_patterns redact_patterns_make(void)
{
    return (struct redact_patterns){.bytes = buf_make(REDACT_PATTERNS_MAX_BYTES)};
}

void redact_patterns_auto(struct redact_patterns *p)
{
    buf_auto(&p->bytes);
    free(p->list);
    p->list = NULL;
    p->count = p->capacity = 0;
}

static void add_piece(struct redact_patterns *p, size_t at, size_t len, uint8_t edges)
{
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? p->capacity * 2 : 64;
        p->list = xrealloc(p->list, p->capacity, sizeof *p->list);
    }
    p->list[p->count++] =
        (struct redact_pattern){.at = (uint32_t)at, .len = (uint16_t)len, .edges = edges};
}

/* A long pattern is looked for as pieces that touch each other; the last one ends where the
 * pattern ends. So a part of it that was cut off elsewhere is masked too, and no more than a piece
 * is ever held back. */
static void add_pieces(struct redact_patterns *p, size_t at, size_t len, uint8_t edges)
{
    size_t done = 0;
    for (; len - done > REDACT_PATTERN_MAX; done += REDACT_PATTERN_MAX)
        add_piece(p, at + done, REDACT_PATTERN_MAX, edges);
    if (done)
        done = len - REDACT_PATTERN_MAX;
    add_piece(p, at + done, len - done, edges);
}

struct known {
    size_t at, len;
    uint8_t edges;
};

static bool is_known(const struct known *known, size_t count, struct str all, struct known fresh)
{
    for (size_t i = 0; i < count; i++) {
        if (known[i].edges == fresh.edges &&
            str_equal(str_slice(all, known[i].at, known[i].at + known[i].len),
                      str_slice(all, fresh.at, fresh.at + fresh.len)))
            return true;
    }
    return false;
}

static bool is_plain(struct str part)
{
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return true;
}

/* Most forms of most values are the value itself: these are not made at all where that is plain, or
 * dropped at once, so that the bytes do not pile up before the sort. */
static enum err add_part(struct redact_patterns *p, struct str part, unsigned kind)
{
    struct known known[REDACT_FORMS_MAX];
    size_t known_count = 0;
    bool plain = is_plain(part);
    for (size_t i = 0; i < redact_form_count(); i++) {
        if (!redact_form_is_for(i, kind) || (i > 0 && plain && redact_form_keeps(i)))
            continue; /* form 0 is the value as it is */
        struct known fresh = {.at = p->bytes.len};
        TRY(redact_form_put(i, part, &p->bytes, &fresh.edges));
        if (p->bytes.len == fresh.at)
            continue;
        fresh.len = redact_flat_pattern(p->bytes.ptr + fresh.at, p->bytes.len - fresh.at);
        if (fresh.len < REDACT_PATTERN_MIN ||
            is_known(known, known_count, buf_str(&p->bytes), fresh)) {
            buf_truncate(&p->bytes, fresh.at);
            continue;
        }
        buf_truncate(&p->bytes, fresh.at + fresh.len);
        known[known_count++] = fresh;
        add_pieces(p, fresh.at, fresh.len, fresh.edges);
    }
    return OK;
}

static enum err add_value(struct redact_patterns *p, struct str value, unsigned usual)
{
    if (value.len < SECRET_MASK_MIN_BYTES)
        return OK;
    TRY(add_part(p, value, REDACT_WHOLE | usual));
    struct str trimmed = str_trim(value);
    if (trimmed.len < value.len && trimmed.len >= SECRET_MASK_MIN_BYTES)
        TRY(add_part(p, trimmed, REDACT_WHOLE | usual));
    struct str rest = trimmed;
    while (rest.ptr) {
        struct str line;
        rest = str_split(rest, '\n', &line);
        line = str_trim(line);
        if (line.len >= LINE_MIN_BYTES && line.len < trimmed.len)
            TRY(add_part(p, line, REDACT_LINE | usual));
    }
    return OK;
}

enum err redact_patterns_add(struct redact_patterns *p, struct str value, size_t usual_above)
{
    /* The buffers' maximum is the limit of the set. */
    enum err e = add_value(p, value, value.len > usual_above ? REDACT_USUAL : 0);
    return e == ERR_TOO_LARGE ? ERR_LIMIT : e;
}

static int compare(const void *a, const void *b, void *bytes)
{
    const struct redact_pattern *x = a, *y = b;
    const char *all = bytes;
    return str_compare(str_bytes(all + x->at, x->len), str_bytes(all + y->at, y->len));
}

void redact_patterns_sort(struct redact_patterns *p)
{
    if (p->count == 0)
        return;
    qsort_r(p->list, p->count, sizeof *p->list, compare, p->bytes.ptr);
    size_t kept = 1;
    for (size_t i = 1; i < p->count; i++) {
        if (compare(&p->list[kept - 1], &p->list[i], p->bytes.ptr) == 0)
            p->list[kept - 1].edges |= p->list[i].edges;
        else
            p->list[kept++] = p->list[i];
    }
    p->count = kept;
    p->shortest = REDACT_PATTERN_MAX;
    for (size_t i = 0; i < kept; i++) {
        p->shortest = p->list[i].len < p->shortest ? p->list[i].len : p->shortest;
        p->longest = p->list[i].len > p->longest ? p->list[i].len : p->longest;
    }
}
