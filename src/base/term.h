/* What a person's terminal can do, and how wide text is on it. Any thread. */
#ifndef BASE_TERM_H
#define BASE_TERM_H

#include <stdio.h>

#include "str.h"

/* A terminal that obeys control sequences: not a file or pipe, and TERM is neither unset nor dumb.
 */
bool term_rich(int fd);
/* And colours are wanted there: NO_COLOR (no-color.org) is unset or empty. */
bool term_colour(int fd);

enum { TERM_WIDTH_DEFAULT = 80, TERM_WIDTH_LEAST = 20, TERM_WIDTH_MOST = 1000 };
/* Columns: COLUMNS if it is a number, else what the terminal says, else the default; within the
 * bounds. */
size_t term_width(int fd);

/* One character of UTF-8 text. Those that a terminal would obey or that would turn text around
 * (controls, line separators, bidirectional overrides, tags), and bytes that are no UTF-8, are
 * not `safe`: one '?' of one cell stands for each. */
struct term_char {
    struct str bytes;
    unsigned cells; /* 0 combining, 1, or 2 wide */
    bool safe;
};
/* Takes the next one off *rest; false at the end. */
bool term_next(struct str *rest, struct term_char *ret);

/* Writes text that somebody else said: '?' for what is not safe; characters in `kept` ("\n\t") are
 * written all the same. */
void term_put(struct str s, const char *kept, FILE *to);
/* Cells that the whole text takes, unsafe characters as '?'. */
size_t term_cells(struct str s);
/* Bytes of the longest beginning of s that takes at most `cells`. */
size_t term_fit(struct str s, size_t cells);

#endif
