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
};

struct redact_set {
    struct redact_patterns patterns;
    struct redact_filter *filter; /* NULL: nothing to look for */
    bool automaton_fits;
    struct redact_automaton **automaton; /* behind a pointer: made when first needed */
};

struct redact_stream {
    const struct redact_set *set;
    /* What is not written yet stands here, behind it the slice at hand. Before `base` all is
     * written, but for the run that is open there, if the first run starts before base. */
    struct buf held;
    uint64_t base;
    struct redact_runs runs;
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

enum err redact_set_new(const struct secret *const *values, size_t count, struct redact_set **ret)
{
    AUTOP(redact_set) struct redact_set *s = xcalloc(1, sizeof *s);
    s->patterns = redact_patterns_make();
    s->automaton = xcalloc(1, sizeof *s->automaton);
    for (size_t i = 0; i < count; i++)
        TRY(redact_patterns_add(&s->patterns, secret_reveal(values[i])));
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
    s->held = buf_make(SLICE_BYTES + REDACT_PATTERN_MAX + 1);
    return s;
}

void redact_stream_free(struct redact_stream **s)
{
    struct redact_stream *gone = TAKE(*s);
    if (!gone)
        return;
    buf_auto(&gone->held);
    redact_runs_auto(&gone->runs);
    free(gone);
}

void redact_stream_autop(struct redact_stream **s)
{
    redact_stream_free(s);
}

/* Writes what stands before held[until] and drops it. A run that reaches until stays open, unless
 * this is the end: its bytes are dropped, its "***" waits. */
static enum err put_until(struct redact_stream *s, size_t until, bool end, struct buf *out)
{
    size_t at = 0, done = 0;
    for (; done < s->runs.count; done++) {
        struct redact_run run = s->runs.list[done];
        size_t from = run.start > s->base ? (size_t)(run.start - s->base) : 0;
        size_t to = (size_t)(run.end - s->base);
        if (from > until || (from == until && !end && to > from))
            break;
        if (from > at)
            TRY(buf_put(out, str_slice(buf_str(&s->held), at, from)));
        at = to < until ? to : until;
        if (to >= until && !end)
            break;
        TRY(buf_put(out, STR("***")));
    }
    bool open = done < s->runs.count && s->runs.list[done].start < s->base + until;
    if (!open && at < until)
        TRY(buf_put(out, str_slice(buf_str(&s->held), at, until)));
    redact_runs_drop(&s->runs, done);
    size_t rest = s->held.len - until;
    if (rest && until)
        memmove(s->held.ptr, s->held.ptr + until, rest);
    buf_truncate(&s->held, rest);
    s->base += until;
    return OK;
}

/* A run that starts at or after base is found again by the automaton, which starts there. */
static void start_automaton(struct redact_stream *s)
{
    if (!*s->set->automaton)
        *s->set->automaton = redact_automaton_new(&s->set->patterns);
    while (s->runs.count && s->runs.list[s->runs.count - 1].start >= s->base)
        s->runs.count--;
    s->runs.edge_pending = false;
    s->automaton_left = AUTOMATON_BYTES;
    s->state = 0;
}

/* Finds what ends behind held[from], and the place from which on nothing is decided. */
static size_t search(struct redact_stream *s, size_t from)
{
    struct redact_window w = {(const uint8_t *)s->held.ptr, s->held.len, s->base, &s->runs};
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
    if (open > 0 && redact_is_base64(w.ptr[open - 1]))
        open--;
    return open;
}

static enum err feed_slice(struct redact_stream *s, struct str slice, struct buf *out)
{
    redact_runs_next(&s->runs, (uint8_t)slice.ptr[0]);
    size_t from = s->held.len;
    TRY(buf_put(&s->held, slice));
    s->work += slice.len;
    return put_until(s, search(s, from), false, out);
}

enum err redact_feed(struct redact_stream *s, struct str chunk, struct buf *out)
{
    if (!s->set->filter) {
        TRY(buf_put(out, chunk));
        s->base += chunk.len;
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
    enum err e = put_until(s, s->held.len, true, out);
    if (e != OK)
        buf_truncate(out, before);
    return e;
}

uint64_t redact_consumed(const struct redact_stream *s)
{
    bool open = s->runs.count && s->runs.list[0].start < s->base;
    return open ? s->runs.list[0].start : s->base;
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
