#include "cli_table_print.h"

#include <unistd.h>

#include "cli_global.h"
#include "clock.h"
#include "json_decode.h"
#include "term.h"

enum { COLUMNS_MAX = 16, GAP = 2, TEXT_LEAST = 12, FIRST_LEAST = 24, DATE = 10 };
#define ELLIPSIS "\xe2\x80\xa6"

static size_t total(const struct cli_fit *c, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += c[i].gone ? 0 : c[i].width + (sum ? GAP : 0);
    return sum;
}

static bool may_give(const struct cli_fit *c, size_t i)
{
    size_t least = i == 0 ? FIRST_LEAST : TEXT_LEAST;
    return !c[i].gone && !c[i].whole && !c[i].brief && c[i].width > least;
}

/* The widest text that may still give; `count`: none. */
static size_t widest(const struct cli_fit *c, size_t count)
{
    size_t found = count;
    for (size_t i = 0; i < count; i++) {
        if (may_give(c, i) && (found == count || found == 0 || c[i].width > c[found].width))
            found = i;
    }
    return found;
}

/* False: those that are still there do not fit. */
static bool settle(struct cli_fit *c, size_t count, size_t width)
{
    for (size_t i = 0; i < count; i++)
        c[i].width = c[i].natural;
    for (size_t i = 0; i < count && total(c, count) > width; i++)
        c[i].gone = c[i].gone || c[i].empty;
    bool brief = total(c, count) > width;
    for (size_t i = 0; i < count; i++)
        c[i].width = brief && c[i].brief ? c[i].brief : c[i].width;
    while (total(c, count) > width) {
        size_t wide = widest(c, count);
        if (wide == count)
            return false;
        c[wide].width--;
    }
    return true;
}

static size_t count_shown(const struct cli_fit *c, size_t count, size_t *ret_last)
{
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (c[i].gone)
            continue;
        shown++;
        if (shown == 1 || c[i].rank >= c[*ret_last].rank)
            *ret_last = i;
    }
    return shown;
}

void cli_table_fit(struct cli_fit *columns, size_t count, size_t width)
{
    size_t last = 0;
    while (!settle(columns, count, width)) {
        if (count_shown(columns, count, &last) <= 1) {
            columns[last].width = width;
            return;
        }
        columns[last].gone = columns[last].left_out = true;
    }
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
        {"revoked", "\033[31m"},
        {"void", "\033[33m"},
        {"ended", "\033[2m"},
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
        term_put(text, "", stdout);
    } else if (room > 0) {
        struct str begin = str_slice(text, 0, term_fit(text, room - 1));
        term_put(begin, "", stdout);
        fputs(ELLIPSIS, stdout);
        cells = term_cells(begin) + 1;
    }
    if (colour)
        fputs("\033[0m", stdout);
    for (; pad && cells < room; cells++)
        putchar(' ');
}

/* Times are for people on a terminal (room is 0 elsewhere): to the minute, or the day alone. */
static struct str shortened(struct str text, size_t room, struct arena *a)
{
    int64_t ms;
    if (room == 0 || text.len < sizeof "2026-11-24T01:02Z" || clock_parse(text, &ms) != OK)
        return text;
    return room < sizeof "2026-11-24 01:02" - 1
               ? str_slice(text, 0, DATE)
               : arena_printf(a, "%.10s %.5s", text.ptr, text.ptr + 11);
}

/* --- rows --- */

struct table {
    const struct cli_column *columns;
    size_t count;
    struct cli_fit fit[COLUMNS_MAX];
    bool terminal;
    struct arena *arena;
};

static void measure_column(struct table *t, size_t c, struct str array)
{
    struct json_elements all;
    struct str element;
    const struct cli_column *column = &t->columns[c];
    struct cli_fit *fit = &t->fit[c];
    size_t title = strlen(column->title);
    bool times = true;
    int64_t ms;
    *fit = (struct cli_fit){
        .natural = title, .empty = true, .whole = column->whole, .rank = column->rank};
    json_elements_init(&all, array);
    while (json_elements_next(&all, &element)) {
        struct str text = cli_cell(element, column, t->arena);
        size_t cells = term_cells(shortened(text, t->terminal ? SIZE_MAX : 0, t->arena));
        fit->natural = cells > fit->natural ? cells : fit->natural;
        fit->empty = fit->empty && cells == 0;
        times = times && (cells == 0 || clock_parse(text, &ms) == OK);
    }
    if (times && !fit->empty)
        fit->brief = title > DATE ? title : DATE;
}

/* The titles when there is no object. */
static void put_row(const struct table *t, struct str object)
{
    size_t last = 0;
    for (size_t c = 0; c < t->count; c++)
        last = t->fit[c].gone ? last : c;
    for (size_t c = 0; c < t->count; c++) {
        const struct cli_column *column = &t->columns[c];
        size_t room = t->fit[c].width;
        if (t->fit[c].gone)
            continue;
        if (object.ptr)
            cli_cell_put(
                shortened(cli_cell(object, column, t->arena), t->terminal ? room : 0, t->arena),
                column->member, room, c < last);
        else
            cli_cell_put(str_from(column->title), "", room, c < last);
        fputs(c < last ? "  " : "", stdout);
    }
}

static void put_header(const struct table *t)
{
    bool colour = term_colour(STDOUT_FILENO);
    fputs(colour ? "\033[1m" : "", stdout);
    put_row(t, (struct str){NULL, 0});
    fputs(colour ? "\033[0m\n" : "\n", stdout);
}

static void say_left_out(const struct table *t)
{
    char names[256] = "";
    size_t at = 0;
    for (size_t c = 0; c < t->count; c++) {
        if (t->fit[c].left_out && at < sizeof names)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "",
                                   t->columns[c].title);
    }
    if (at)
        cli_note("safelight: no room for %s; a wider terminal or --json shows all", names);
}

void cli_table_print(struct str array, const struct cli_column *columns, size_t count,
                     struct arena *a)
{
    ASSERT(count <= COLUMNS_MAX);
    struct table t = {
        .columns = columns, .count = count, .terminal = isatty(STDOUT_FILENO) == 1, .arena = a};
    struct json_elements all;
    struct str element;
    for (size_t c = 0; c < count; c++)
        measure_column(&t, c, array);
    cli_table_fit(t.fit, count, t.terminal ? term_width(STDOUT_FILENO) : SIZE_MAX);
    put_header(&t);
    json_elements_init(&all, array);
    while (json_elements_next(&all, &element)) {
        put_row(&t, element);
        putchar('\n');
    }
    say_left_out(&t);
}
