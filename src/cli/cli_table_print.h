/* A table on stdout that fits where it goes. Owner thread. */
#ifndef CLI_TABLE_PRINT_H
#define CLI_TABLE_PRINT_H

#include "cli_output.h"

void cli_table_print(struct str array, const struct cli_column *columns, size_t count,
                     struct arena *a);

/* One cell in at most `room` cells, the end of a longer one replaced by an ellipsis, with the
 * colour of what it says when it is a state; padded to `room` if asked. */
void cli_cell_put(struct str text, const char *member, size_t room, bool pad);

/* How wide the columns become, with two blanks between, in `width` cells. When they do not fit,
 * empty columns go, times become dates, the widest texts give down to what can still be read (the
 * first column less than the others), and then columns are left out by rank (cli_output.h), for
 * which the others get their room back. Of a single one the rest is cut. */
struct cli_fit {
    size_t natural, brief; /* the title and every cell; as a date, 0: it is no time */
    bool empty, whole;
    unsigned rank;
    size_t width;        /* out */
    bool gone, left_out; /* out: not shown; and there was something to show */
};
void cli_table_fit(struct cli_fit *columns, size_t count, size_t width);

#endif
