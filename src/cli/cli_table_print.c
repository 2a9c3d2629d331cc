#include "cli_table_print.h"

#include <unistd.h>

#include "clock.h"
#include "json_decode.h"
#include "term.h"

enum { COLUMNS_MAX = 16, GAP = 2, CELL_LEAST = 6, FIRST_LEAST = 16 };
#define ELLIPSIS "\xe2\x80\xa6"

static size_t total(const size_t *widths, size_t count)
{
    size_t sum = count ? GAP * (count - 1) : 0;
    for (size_t c = 0; c < count; c++)
        sum += widths[c];
    return sum;
}

/* The widest that may still give; `count`: none. */
static size_t widest(const size_t *widths, size_t count)
{
    size_t found = count;
    for (size_t c = 1; c < count; c++) {
        if (widths[c] > CELL_LEAST && (found == count || widths[c] > widths[found]))
            found = c;
    }
    return found;
}

size_t cli_table_fit(size_t *natural, size_t count, size_t width)
{
    size_t shown = count;
    while (total(natural, shown) > width) {
        size_t wide = widest(natural, shown);
        if (wide < shown)
            natural[wide]--;
        else if (natural[0] > FIRST_LEAST)
            natural[0]--;
        else if (shown > 1)
            shown--;
        else
            natural[0] = width;
    }
    return shown;
}

/* --- cells --- */

static const char *colour_of(struct str text, const char *member)
{
    static const struct {
        const char *text, *colour;
    } states[] = {
        {"finished", "\033[32m"},
        {"uploaded", "\033[32m"},
        {"ok", "\033[32m"},
        {"error", "\033[31m"},
        {"failed", "\033[31m"},
        {"refused", "\033[31m"},
        {"FAIL", "\033[31m"},
        {"warn", "\033[33m"},
        {"manually_cancelled", "\033[33m"},
        {"queued", "\033[2m"},
        {"render:dorender", "\033[36m"},
    };
    const char *last = strrchr(member, '.');
    last = last ? last + 1 : member;
    if (strcmp(last, "status") != 0 || !term_colour(STDOUT_FILENO))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (str_is(text, states[i].text))
            return states[i].colour;
    }
    return NULL;
}

void cli_cell_put(struct str text, const char *member, size_t room, bool pad)
{
    const char *colour = colour_of(text, member);
    size_t cells = term_cells(text);
    if (colour)
        fputs(colour, stdout);
    if (cells <= room) {
        cli_put_printable(text, "", stdout);
    } else if (room > 0) {
        struct str begin = str_slice(text, 0, term_fit(text, room - 1));
        cli_put_printable(begin, "", stdout);
        fputs(ELLIPSIS, stdout);
        cells = term_cells(begin) + 1;
    }
    if (colour)
        fputs("\033[0m", stdout);
    for (; pad && cells < room; cells++)
        putchar(' ');
}

/* Times are for people on a terminal: to the minute. */
static struct str cell_of(struct str object, const char *member, bool terminal, struct arena *a)
{
    struct str text = cli_member(object, member, a);
    int64_t ms;
    if (!terminal || clock_parse(text, &ms) != OK || text.len < sizeof "2026-11-24T01:02Z")
        return text;
    return arena_printf(a, "%.10s %.5s", text.ptr, text.ptr + 11);
}

/* --- rows --- */

struct table {
    const struct cli_column *columns;
    size_t count, widths[COLUMNS_MAX];
    bool terminal;
    struct arena *arena;
};

static void measure(struct table *t, struct str array)
{
    struct json_elements all;
    struct str element;
    for (size_t c = 0; c < t->count; c++)
        t->widths[c] = strlen(t->columns[c].title);
    json_elements_init(&all, array);
    while (json_elements_next(&all, &element)) {
        for (size_t c = 0; c < t->count; c++) {
            size_t cells =
                term_cells(cell_of(element, t->columns[c].member, t->terminal, t->arena));
            t->widths[c] = cells > t->widths[c] ? cells : t->widths[c];
        }
    }
}

static void put_header(const struct table *t)
{
    bool colour = term_colour(STDOUT_FILENO);
    fputs(colour ? "\033[1m" : "", stdout);
    for (size_t c = 0; c < t->count; c++) {
        cli_cell_put(str_from(t->columns[c].title), "", t->widths[c], c + 1 < t->count);
        fputs(c + 1 < t->count ? "  " : "", stdout);
    }
    fputs(colour ? "\033[0m\n" : "\n", stdout);
}

void cli_table_print(struct str array, const struct cli_column *columns, size_t count,
                     struct arena *a)
{
    ASSERT(count <= COLUMNS_MAX);
    struct table t = {
        .columns = columns, .count = count, .terminal = isatty(STDOUT_FILENO) == 1, .arena = a};
    struct json_elements all;
    struct str element;
    measure(&t, array);
    if (t.terminal)
        t.count = cli_table_fit(t.widths, count, term_width(STDOUT_FILENO));
    put_header(&t);
    json_elements_init(&all, array);
    while (json_elements_next(&all, &element)) {
        for (size_t c = 0; c < t.count; c++) {
            const char *member = columns[c].member;
            cli_cell_put(cell_of(element, member, t.terminal, a), member, t.widths[c],
                         c + 1 < t.count);
            fputs(c + 1 < t.count ? "  " : "", stdout);
        }
        putchar('\n');
    }
}
