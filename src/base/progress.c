#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "interrupt.h"
#include "term.h"

enum { REDRAW_MS = 100, BAR_MOST = 40, BAR_LEAST = 8, LINE_BYTES = 256 };

static bool silent;

void progress_silence(void)
{
    silent = true;
}

struct progress progress_make(const char *what, enum progress_unit unit, uint64_t whole)
{
    return (struct progress){
        .what = what, .unit = unit, .whole = whole, .shown = !silent && term_rich(STDERR_FILENO)};
}

/* "12.3 of 45.6 MiB", "12 of 45", "12%" */
static int put_amount(const struct progress *p, uint64_t done, char *ret, size_t size)
{
    static const double MIB = 1024.0 * 1024.0;
    unsigned long long whole = p->whole;
    if (p->unit == PROGRESS_PERCENT)
        return snprintf(ret, size, "%llu%%", (unsigned long long)done);
    if (p->unit == PROGRESS_ITEMS && !p->whole)
        return snprintf(ret, size, "%llu", (unsigned long long)done);
    if (p->unit == PROGRESS_ITEMS)
        return snprintf(ret, size, "%llu of %llu", (unsigned long long)done, whole);
    if (!p->whole)
        return snprintf(ret, size, "%.1f MiB", (double)done / MIB);
    return snprintf(ret, size, "%.1f of %.1f MiB", (double)done / MIB, (double)whole / MIB);
}

void progress_line(const struct progress *p, uint64_t done, size_t width, char ret[static 256])
{
    char amount[64], bar[BAR_MOST + 1];
    size_t bar_cells = 0;
    uint64_t whole = p->unit == PROGRESS_PERCENT ? 100 : p->whole;
    done = whole && done > whole ? whole : done;
    int amount_len = put_amount(p, done, amount, sizeof amount);
    size_t used = strlen(p->what) + (size_t)amount_len + sizeof " []  " - 1;
    if (whole && width > used + BAR_LEAST)
        bar_cells = width - used < BAR_MOST ? width - used : BAR_MOST;
    for (size_t i = 0; i < bar_cells; i++)
        bar[i] = (double)i < (double)done / (double)whole * (double)bar_cells ? '#' : '.';
    bar[bar_cells] = 0;
    if (bar_cells)
        snprintf(ret, LINE_BYTES, "%s [%s] %s", p->what, bar, amount);
    else
        snprintf(ret, LINE_BYTES, "%s %s", p->what, amount);
    if (strlen(ret) > width)
        ret[width] = 0;
}

void progress_at(struct progress *p, uint64_t done)
{
    char line[LINE_BYTES];
    int64_t now = clock_monotonic_ms();
    if (!p->shown || (p->drawn && now - p->drawn_ms < REDRAW_MS))
        return;
    size_t width = term_width(STDERR_FILENO) - 1; /* the last column would wrap on some */
    progress_line(p, done, width < LINE_BYTES ? width : LINE_BYTES - 1, line);
    interrupt_line(true);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    p->drawn = true;
    p->drawn_ms = now;
}

void progress_auto(struct progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
    interrupt_line(false);
}
