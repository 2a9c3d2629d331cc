/* A table on stdout that fits where it goes. Owner thread. */
#ifndef CLI_TABLE_PRINT_H
#define CLI_TABLE_PRINT_H

#include "cli_output.h"

void cli_table_print(struct str array, const struct cli_column *columns, size_t count,
                     struct arena *a);

/* One cell in at most `room` cells, the end of a longer one replaced by an ellipsis, with the
 * colour of what it says when it is a state; padded to `room` if asked. */
void cli_cell_put(struct str text, const char *member, size_t room, bool pad);

/* How wide the columns become: `natural` ones (changed in place) with two blanks between, in
 * `width` cells. The widest give first, the first column last; when even the narrowest do not fit,
 * columns at the end are left out. Returns how many are shown. */
size_t cli_table_fit(size_t *natural, size_t count, size_t width);

#endif
