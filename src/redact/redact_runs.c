#include "redact_runs.h"

#include <stdlib.h>

#include "alloc.h"

bool redact_is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '-' || c == '_';
}

static bool is_broken(const struct redact_window *w, uint64_t at)
{
    return w->flat && redact_flat_is_broken(w->flat, at);
}

/* Does what begins at start go on in the run? */
static bool joins(const struct redact_window *w, const struct redact_run *run, uint64_t start)
{
    return run->end > start || (run->end == start && !is_broken(w, start));
}

static void add(const struct redact_window *w, uint64_t start, uint64_t end)
{
    struct redact_runs *r = w->runs;
    struct redact_run *last = r->count ? &r->list[r->count - 1] : NULL;
    if (last && last->start <= start && joins(w, last, start)) {
        if (last->end < end)
            last->end = end;
        return;
    }
    for (; r->count && joins(w, last, start); last--, r->count--) {
        start = last->start < start ? last->start : start;
        end = last->end > end ? last->end : end;
    }
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 32;
        r->list = xrealloc(r->list, r->capacity, sizeof *r->list);
    }
    r->list[r->count++] = (struct redact_run){start, end};
}

/* Apart, so that the usual case saves no registers. */
__attribute__((noinline)) static void hit_anywhere(const struct redact_window *w, size_t end,
                                                   size_t len, unsigned edges)
{
    size_t start = end - len;
    /* Not over a line break: the end of every line would wait for what follows. */
    if (edges & REDACT_LEFT && start > 0 && redact_is_base64(w->ptr[start - 1]) &&
        !is_broken(w, w->base + start))
        start--;
    if (edges & REDACT_RIGHT) {
        if (end == w->len)
            w->runs->edge_pending = true;
        else
            end += redact_is_base64(w->ptr[end]);
    }
    add(w, w->base + start, w->base + end);
}

void redact_runs_hit(const struct redact_window *w, size_t end, size_t len, unsigned edges)
{
    const struct redact_runs *r = w->runs;
    struct redact_run *last = r->count ? &r->list[r->count - 1] : NULL;
    uint64_t start = w->base + (end - len);
    /* Mostly it goes on in the run before it. */
    if (edges == 0 && last && last->start <= start && start < last->end)
        last->end = last->end > w->base + end ? last->end : w->base + end;
    else
        hit_anywhere(w, end, len, edges);
}

void redact_runs_next(struct redact_runs *r, uint8_t next)
{
    if (r->edge_pending && redact_is_base64(next))
        r->list[r->count - 1].end++;
    r->edge_pending = false;
}

void redact_runs_drop(struct redact_runs *r, size_t n)
{
    if (n == 0)
        return;
    r->count -= n;
    memmove(r->list, r->list + n, r->count * sizeof *r->list);
}

void redact_runs_auto(struct redact_runs *r)
{
    free(r->list);
    *r = (struct redact_runs){0};
}
