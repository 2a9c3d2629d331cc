#include "redact.h"

#include <stdlib.h>

#include "alloc.h"
#include "redact_automaton.h"
#include "redact_filter.h"
#include "redact_runs.h"

enum {
    SLICE_BYTES = 16 * 1024, /* of a chunk at a time: stays in the first-level cache */
    /* The filter may spend one unit of work for each byte, and save up this many. Beyond that it
     * is being led astray and the automaton goes on, for so many bytes. */
    CREDIT_MAX = 4096,
    AUTOMATON_BYTES = 64 * 1024,
    LONG_BYTES = 1024, /* a longer value is looked for in the usual forms when memory is short */
};

struct redact_set {
    struct redact_patterns patterns;
    struct redact_filter *filter; /* NULL: nothing to look for */
    bool automaton_fits;
    struct redact_automaton **automaton; /* behind a pointer: made when first needed */
};

struct redact_stream {
    const struct redact_set *set;
    struct redact_flat flat; /* what is not written yet, behind it the slice at hand */
    struct redact_runs runs;
    bool open;          /* the first run has begun to be taken: its "***" waits */
    uint64_t decided;   /* input bytes that are written, as they are or masked */
    uint64_t swallowed; /* input bytes of the open run so far */
    uint64_t work, credit;
    uint64_t automaton_left; /* bytes; 0: the filter is at work */
    uint32_t state;          /* of the automaton */
};

static void patterns_fit(struct redact_set *s)
{
    size_t total = 1;
    for (size_t i = 0; i < s->patterns.count; i++)
        total += s->patterns.list[i].len;
    s->automaton_fits = total <= REDACT_NODES_MAX;
}

static enum err add_values(struct redact_set *s, const struct secret *const *values, size_t count,
                           size_t usual_above)
{
    redact_patterns_auto(&s->patterns);
    s->patterns = redact_patterns_make();
    for (size_t i = 0; i < count; i++)
        TRY(redact_patterns_add(&s->patterns, secret_reveal(values[i]), usual_above));
    return OK;
}

enum err redact_set_new(const struct secret *const *values, size_t count, struct redact_set **ret)
{
    AUTOP(redact_set) struct redact_set *s = xcalloc(1, sizeof *s);
    s->automaton = xcalloc(1, sizeof *s->automaton);
    /* When all forms of all values do not fit: fewer of the long ones first, then of all. */
    static const size_t usual_above[] = {SIZE_MAX, LONG_BYTES, 0};
    enum err e = ERR_LIMIT;
    for (size_t i = 0; i < ARRAY_LEN(usual_above) && e == ERR_LIMIT; i++)
        e = add_values(s, values, count, usual_above[i]);
    TRY(e);
    redact_patterns_sort(&s->patterns);
    if (s->patterns.count)
        s->filter = redact_filter_new(&s->patterns);
    patterns_fit(s);
    *ret = TAKE(s);
    return OK;
}

void redact_set_free(struct redact_set **s)
{
    struct redact_set *gone = TAKE(*s);
    if (!gone)
        return;
    if (gone->automaton)
        redact_automaton_free(gone->automaton);
    free(gone->automaton);
    redact_filter_free(&gone->filter);
    redact_patterns_auto(&gone->patterns);
    free(gone);
}

void redact_set_autop(struct redact_set **s)
{
    redact_set_free(s);
}

size_t redact_set_memory(const struct redact_set *s)
{
    return sizeof *s + s->patterns.bytes.capacity +
           s->patterns.capacity * sizeof *s->patterns.list +
           (s->filter ? redact_filter_memory(s->filter) : 0) +
           (*s->automaton ? redact_automaton_memory(*s->automaton) : 0);
}

struct redact_stream *redact_stream_new(const struct redact_set *set)
{
    struct redact_stream *s = xcalloc(1, sizeof *s);
    s->set = set;
    s->credit = CREDIT_MAX;
    s->flat = redact_flat_make(REDACT_PATTERN_MAX + 1, SLICE_BYTES);
    return s;
}

void redact_stream_free(struct redact_stream **s)
{
    struct redact_stream *gone = TAKE(*s);
    if (!gone)
        return;
    redact_flat_auto(&gone->flat);
    redact_runs_auto(&gone->runs);
    free(gone);
}

void redact_stream_autop(struct redact_stream **s)
{
    redact_stream_free(s);
}

/* Takes of the open run what stands before `until`, and closes it when nothing can make it longer;
 * otherwise s->open stays. */
static enum err take_open(struct redact_stream *s, const struct redact_run *run, uint64_t until,
                          bool end, struct buf *out)
{
    struct redact_flat *f = &s->flat;
    uint64_t to = run->end < until ? run->end : until;
    TRY(redact_flat_take(f, to, NULL, &s->swallowed));
    bool edge = s->runs.edge_pending && run == &s->runs.list[s->runs.count - 1];
    bool cut = run->end == until && redact_flat_is_broken(f, until) && !edge;
    if (run->end >= until && !cut && !end)
        return OK;
    TRY(buf_put(out, STR("***")));
    s->decided += s->swallowed;
    s->swallowed = 0;
    s->open = false;
    return OK;
}

/* Writes what stands before `until`. A run that reaches until stays open, unless this is the end or
 * a line break follows. */
static enum err put_until(struct redact_stream *s, uint64_t until, bool end, struct buf *out)
{
    struct redact_flat *f = &s->flat;
    size_t done = 0;
    for (;; done++) {
        if (!s->open) {
            bool more = done < s->runs.count && s->runs.list[done].start < until;
            TRY(redact_flat_take(f, more ? s->runs.list[done].start : until, out, &s->decided));
            TRY(redact_flat_take_break(f, out, &s->decided));
            if (!more)
                break;
            s->open = true;
        }
        TRY(take_open(s, &s->runs.list[done], until, end, out));
        if (s->open)
            break;
    }
    redact_runs_drop(&s->runs, done);
    redact_flat_drop(f);
    return OK;
}

/* A run that starts in what is held is found again by the automaton, which starts there. */
static void start_automaton(struct redact_stream *s)
{
    if (!*s->set->automaton)
        *s->set->automaton = redact_automaton_new(&s->set->patterns);
    while (s->runs.count && s->runs.list[s->runs.count - 1].start >= s->flat.base)
        s->runs.count--;
    s->runs.edge_pending = false;
    s->automaton_left = AUTOMATON_BYTES;
    s->state = 0;
}

/* Finds what ends behind byte `from` of what is held, and from where on nothing is decided. */
static uint64_t search(struct redact_stream *s, size_t from)
{
    const struct redact_flat *f = &s->flat;
    struct redact_window w = {(const uint8_t *)f->bytes.ptr, f->bytes.len, f->base, &s->runs, f};
    const struct redact_set *set = s->set;
    size_t fresh = w.len - from, open = w.len;
    if (s->automaton_left == 0) {
        s->credit = s->credit + fresh < CREDIT_MAX ? s->credit + fresh : CREDIT_MAX;
        uint64_t work_max = set->automaton_fits ? s->work + s->credit : UINT64_MAX;
        uint64_t before = s->work;
        bool done = redact_filter_scan(set->filter, &w, from, work_max, &s->work) &&
                    redact_filter_open(set->filter, &w, work_max, &s->work, &open);
        uint64_t spent = s->work - before;
        s->credit = spent < s->credit ? s->credit - spent : 0;
        if (!done) {
            start_automaton(s);
            from = 0;
        }
    }
    if (s->automaton_left) {
        redact_automaton_scan(*set->automaton, &w, from, &s->state);
        s->work += w.len - from;
        s->automaton_left = s->automaton_left > fresh ? s->automaton_left - fresh : 0;
        open = w.len - redact_automaton_open(*set->automaton, s->state);
    }
    /* A pattern that begins at `open` may mask one base64 character before it. */
    if (open > 0 && redact_is_base64(w.ptr[open - 1]) && !redact_flat_is_broken(f, f->base + open))
        open--;
    return f->base + open;
}

static enum err feed_slice(struct redact_stream *s, struct str slice, struct buf *out)
{
    size_t from = s->flat.bytes.len;
    TRY(redact_flat_add(&s->flat, slice));
    s->work += slice.len;
    if (s->flat.bytes.len == from) /* nothing but line breaks */
        return put_until(s, redact_flat_front(&s->flat), false, out);
    redact_runs_next(&s->runs, (uint8_t)s->flat.bytes.ptr[from]);
    return put_until(s, search(s, from), false, out);
}

enum err redact_feed(struct redact_stream *s, struct str chunk, struct buf *out)
{
    if (!s->set->filter) {
        TRY(buf_put(out, chunk));
        s->decided += chunk.len;
        return OK;
    }
    size_t before = out->len;
    for (size_t at = 0; at < chunk.len; at += SLICE_BYTES) {
        enum err e = feed_slice(s, str_slice(chunk, at, at + SLICE_BYTES), out);
        if (e != OK) {
            buf_truncate(out, before);
            return e;
        }
    }
    return OK;
}

enum err redact_finish(struct redact_stream *s, struct buf *out)
{
    size_t before = out->len;
    enum err e = put_until(s, redact_flat_end(&s->flat), true, out);
    if (e != OK)
        buf_truncate(out, before);
    return e;
}

uint64_t redact_consumed(const struct redact_stream *s)
{
    return s->decided;
}

uint64_t redact_work(const struct redact_stream *s)
{
    return s->work;
}

enum err redact_text(const struct redact_set *set, struct str text, struct buf *out)
{
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(set);
    TRY(redact_feed(s, text, out));
    return redact_finish(s, out);
}
