#include "redact_filter.h"

#include <stdlib.h>

#include "alloc.h"

enum {
    GRAM_MIN = 4,
    GRAM_MAX = 8,       /* longer ones say more, but leave less of a pattern to step over */
    STEP_MAX = 13,      /* bits of an entry, and where a longer step gains nothing */
    SPARSE = 8,         /* table entries for each gram: one probe in eight is looked at closer */
    BITS_MIN = 10,      /* 2 KiB */
    BITS_MAX = 20,      /* 2 MiB: beyond the second-level cache the sparseness pays little */
    COST_OF_COMPARE = 8 /* work units, beside one for each byte compared */
};
#define NO_TAIL UINT32_MAX

/* A pattern, in the order of the patterns read backwards. */
struct tail {
    uint32_t end;    /* in patterns->bytes: where it ends */
    uint32_t parent; /* the longest other pattern this one ends with, or NO_TAIL */
    uint16_t len;
    uint8_t edges; /* REDACT_RIGHT also when a parent has it */
};

struct redact_filter {
    const struct redact_patterns *patterns;
    size_t gram, step, table_bytes;
    uint64_t mask;  /* the gram's bytes of eight */
    unsigned shift; /* of the hash */
    /* Bit d of an entry: such a gram stands d bytes before a pattern's end. Then bits for: a
     * pattern begins with this gram, with these four bytes, with these two. */
    uint16_t *table;
    struct tail *tails;
    uint32_t first[257]; /* tails whose last byte is b: first[b] to first[b + 1] */
};
enum { BEGINS = 0x8000, BEGINS_4 = 0x4000, BEGINS_2 = 0x2000, ENDS = 0x1fff };

/* Letters count without their case here: so upper and lower case digits share an entry. */
static inline uint32_t hash(const struct redact_filter *f, uint64_t bytes)
{
    return (uint32_t)(((bytes | 0x2020202020202020u) * 0x9e3779b97f4a7c15u) >> f->shift);
}

/* Of a gram behind which eight bytes can be read. */
static inline uint32_t slot(const struct redact_filter *f, const uint8_t *gram)
{
    uint64_t v;
    memcpy(&v, gram, sizeof v);
    return hash(f, v & f->mask);
}

/* Of a few bytes behind which nothing may be read. */
static uint32_t slot_of(const struct redact_filter *f, const uint8_t *bytes, size_t len)
{
    uint64_t v = 0;
    memcpy(&v, bytes, len);
    return hash(f, v);
}

static inline uint32_t slot_at(const struct redact_filter *f, const struct redact_window *w,
                               size_t at)
{
    return at + sizeof(uint64_t) <= w->len ? slot(f, w->ptr + at)
                                           : slot_of(f, w->ptr + at, f->gram);
}

static int compare_tails(const void *a, const void *b, void *bytes)
{
    const struct tail *x = a, *y = b;
    const uint8_t *p = (const uint8_t *)bytes + x->end, *q = (const uint8_t *)bytes + y->end;
    size_t n = x->len < y->len ? x->len : y->len;
    for (size_t i = 1; i <= n; i++) {
        if (p[-(ptrdiff_t)i] != q[-(ptrdiff_t)i])
            return p[-(ptrdiff_t)i] < q[-(ptrdiff_t)i] ? -1 : 1;
    }
    return (x->len > y->len) - (x->len < y->len);
}

static bool ends_with(const struct redact_filter *f, const struct tail *t, const struct tail *end)
{
    const char *bytes = f->patterns->bytes.ptr;
    return str_ends(str_bytes(bytes + t->end - t->len, t->len),
                    str_bytes(bytes + end->end - end->len, end->len));
}

/* In backward order a pattern follows those it ends with, so the parent of each is its predecessor
 * or one of the predecessor's parents. */
static void link_tails(struct redact_filter *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t parent = i ? (uint32_t)(i - 1) : NO_TAIL;
        while (parent != NO_TAIL && !ends_with(f, &f->tails[i], &f->tails[parent]))
            parent = f->tails[parent].parent;
        f->tails[i].parent = parent;
        if (parent != NO_TAIL)
            f->tails[i].edges |= f->tails[parent].edges & REDACT_RIGHT;
    }
}

static void sort_tails(struct redact_filter *f)
{
    const struct redact_patterns *p = f->patterns;
    f->tails = xcalloc(p->count, sizeof *f->tails);
    for (size_t i = 0; i < p->count; i++) {
        const struct redact_pattern *one = &p->list[i];
        f->tails[i] = (struct tail){one->at + one->len, NO_TAIL, one->len, one->edges};
    }
    qsort_r(f->tails, p->count, sizeof *f->tails, compare_tails, p->bytes.ptr);
    link_tails(f, p->count);
    for (size_t i = 0; i < p->count; i++)
        f->first[(uint8_t)p->bytes.ptr[f->tails[i].end - 1] + 1] = (uint32_t)i + 1;
    for (size_t b = 1; b <= 256; b++)
        f->first[b] = f->first[b] ? f->first[b] : f->first[b - 1];
}

struct redact_filter *redact_filter_new(const struct redact_patterns *p)
{
    ASSERT(p->count > 0 && p->shortest >= GRAM_MIN);
    struct redact_filter *f = xcalloc(1, sizeof *f);
    f->patterns = p;
    f->gram = p->shortest / 2 < GRAM_MIN ? GRAM_MIN : p->shortest / 2;
    f->gram = f->gram < GRAM_MAX ? f->gram : GRAM_MAX;
    f->mask = UINT64_MAX >> (64 - 8 * f->gram); /* little-endian; elsewhere the last bytes */
    f->step = p->shortest - (f->gram - 1) < STEP_MAX ? p->shortest - (f->gram - 1) : STEP_MAX;
    unsigned bits = BITS_MIN;
    while (bits < BITS_MAX && ((size_t)1 << bits) < p->count * f->step * SPARSE)
        bits++;
    f->shift = 64 - bits;
    f->table_bytes = sizeof *f->table << bits;
    f->table = xcalloc(1, f->table_bytes);
    for (size_t i = 0; i < p->count; i++) {
        const uint8_t *bytes = redact_pattern_ptr(p, i), *last = bytes + p->list[i].len - f->gram;
        for (size_t d = 0; d < f->step; d++)
            f->table[slot_of(f, last - d, f->gram)] |= (uint16_t)(1u << d);
        f->table[slot_of(f, bytes, f->gram)] |= BEGINS;
        f->table[slot_of(f, bytes, 4)] |= BEGINS_4;
        f->table[slot_of(f, bytes, 2)] |= BEGINS_2;
    }
    sort_tails(f);
    return f;
}

void redact_filter_free(struct redact_filter **f)
{
    struct redact_filter *gone = TAKE(*f);
    if (!gone)
        return;
    wipe(gone->table, gone->table_bytes);
    free(gone->table);
    wipe(gone->tails, gone->patterns->count * sizeof *gone->tails);
    free(gone->tails);
    wipe(gone, sizeof *gone);
    free(gone);
}

size_t redact_filter_memory(const struct redact_filter *f)
{
    return sizeof *f + f->table_bytes + f->patterns->count * sizeof *f->tails;
}

/* How many bytes before text_end (of which there are `have`) equal the pattern's last ones. */
static size_t common_tail(const uint8_t *text_end, size_t have, const uint8_t *end, size_t len)
{
    size_t n = have < len ? have : len, i = 0;
    while (i < n && text_end[-(ptrdiff_t)i - 1] == end[-(ptrdiff_t)i - 1])
        i++;
    return i;
}

/* Finds the last pattern, in backward order, that does not come after the text; what the text ends
 * with is that pattern or one of its parents. */
static void verify(const struct redact_filter *f, const struct redact_window *w, size_t end,
                   uint64_t *work)
{
    const uint8_t *text_end = w->ptr + end;
    uint32_t low = f->first[text_end[-1]], high = f->first[text_end[-1] + 1];
    uint32_t found = NO_TAIL;
    size_t found_common = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct tail *t = &f->tails[middle];
        const uint8_t *tail_end = (const uint8_t *)f->patterns->bytes.ptr + t->end;
        size_t same = common_tail(text_end, end, tail_end, t->len);
        *work += COST_OF_COMPARE + same;
        bool after = same < t->len && (same == end || tail_end[-(ptrdiff_t)same - 1] >
                                                          text_end[-(ptrdiff_t)same - 1]);
        if (after) {
            high = middle;
        } else {
            found = middle;
            found_common = same;
            low = middle + 1;
        }
    }
    while (found != NO_TAIL && f->tails[found].len > found_common)
        found = f->tails[found].parent;
    if (found != NO_TAIL)
        redact_runs_hit(w, end, f->tails[found].len, f->tails[found].edges);
}

/* The ends that the gram at p speaks of. False when the work passed work_max. */
static bool look_closer(const struct redact_filter *f, const struct redact_window *w, size_t p,
                        size_t from, unsigned entry, uint64_t work_max, uint64_t *work)
{
    for (; entry; entry &= entry - 1) {
        size_t end = p + f->gram + (size_t)__builtin_ctz(entry);
        if (end <= from || end > w->len)
            continue;
        (*work)++;
        if (f->table[slot_at(f, w, end - f->gram)] & 1)
            verify(f, w, end, work);
        if (*work > work_max)
            return false;
    }
    return true;
}

bool redact_filter_scan(const struct redact_filter *f, const struct redact_window *w, size_t from,
                        uint64_t work_max, uint64_t *work)
{
    /* The gram at p decides about the ends p + gram to p + gram + step - 1. */
    size_t reach = f->gram + f->step - 1;
    size_t p = from + 1 > reach ? from + 1 - reach : 0;
    for (; p + sizeof(uint64_t) <= w->len; p += f->step) {
        unsigned entry = f->table[slot(f, w->ptr + p)] & ENDS;
        if (entry && !look_closer(f, w, p, from, entry, work_max, work))
            return false;
    }
    for (; p + f->gram <= w->len; p += f->step) {
        unsigned entry = f->table[slot_of(f, w->ptr + p, f->gram)] & ENDS;
        if (entry && !look_closer(f, w, p, from, entry, work_max, work))
            return false;
    }
    return true;
}

/* Does a pattern begin with all of `text` and go on? */
static bool begins_pattern(const struct redact_filter *f, struct str text, uint64_t *work)
{
    const struct redact_patterns *p = f->patterns;
    size_t low = 0, high = p->count;
    while (low < high) { /* the first pattern that comes after the text */
        size_t middle = low + (high - low) / 2;
        struct str one = str_bytes(redact_pattern_ptr(p, middle), p->list[middle].len);
        *work += COST_OF_COMPARE + (one.len < text.len ? one.len : text.len) / 8;
        if (str_compare(one, text) > 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low < p->count &&
           str_starts(str_bytes(redact_pattern_ptr(p, low), p->list[low].len), text);
}

/* No pattern begins with what stands from `at` on when this says no. */
static inline bool may_begin(const struct redact_filter *f, const struct redact_window *w,
                             size_t at)
{
    size_t len = w->len - at;
    if (len >= f->gram)
        return f->table[slot_at(f, w, at)] & BEGINS;
    if (len >= 4)
        return f->table[slot_of(f, w->ptr + at, 4)] & BEGINS_4;
    return len < 2 || f->table[slot_of(f, w->ptr + at, 2)] & BEGINS_2;
}

/* The first place from `at` on where one may begin, or the window's end. */
static size_t next_begin(const struct redact_filter *f, const struct redact_window *w, size_t at)
{
    for (; at + sizeof(uint64_t) <= w->len; at++)
        if (f->table[slot(f, w->ptr + at)] & BEGINS)
            return at;
    while (at < w->len && !may_begin(f, w, at))
        at++;
    return at;
}

bool redact_filter_open(const struct redact_filter *f, const struct redact_window *w,
                        uint64_t work_max, uint64_t *work, size_t *ret_open)
{
    size_t at = w->len > f->patterns->longest ? w->len - f->patterns->longest + 1 : 0;
    for (at = next_begin(f, w, at); at < w->len; at = next_begin(f, w, at + 1)) {
        if (begins_pattern(f, str_bytes(w->ptr + at, w->len - at), work))
            break;
        if (*work > work_max)
            return false;
    }
    *ret_open = at;
    return true;
}
