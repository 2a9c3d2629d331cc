/* Results on stdout: an array of objects as a table, or JSON as it came. On a terminal tables fit
 * its width (a remark on stderr says what was left out), times are short and states have colours;
 * elsewhere cells are whole. With --quiet the name or id of each object stands alone on its line.
 * Nothing a server says can make a terminal do more than show it. Owner thread. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdio.h>

#include "arena.h"
#include "cli_args.h"

/* Where a terminal is too narrow for all columns, times become dates, texts end in an ellipsis, and
 * then columns are left out: the highest rank first, of equal ones the rightmost. */
struct cli_column {
    const char *title, *member; /* a member of each object; "stats.error" looks one level down */
    unsigned rank;
    bool whole;                                           /* never cut: ids, states */
    struct str (*of)(struct str object, struct arena *a); /* in place of the member */
};

#define CLI_TEXT(title, member, rank)                                                              \
    {                                                                                              \
        title, member, rank, false, NULL                                                           \
    }
#define CLI_WHOLE(title, member, rank)                                                             \
    {                                                                                              \
        title, member, rank, true, NULL                                                            \
    }
#define CLI_OF(title, member, rank, of)                                                            \
    {                                                                                              \
        title, member, rank, true, of                                                              \
    }

/* Nothing but a header for an empty array. */
void cli_print_table(struct str array, const struct cli_column *columns, size_t count,
                     struct arena *a);
/* One object: "title  value" lines; values are whole. */
void cli_print_object(struct str object, const struct cli_column *columns, size_t count,
                      struct arena *a);
/* Either as JSON with --json, else as above. */
void cli_put_list(const struct cli_args *args, struct str array, const struct cli_column *columns,
                  size_t count, struct arena *a);
void cli_put_one(const struct cli_args *args, struct str object, const struct cli_column *columns,
                 size_t count, struct arena *a);
/* With a newline. Also for ids, names and tokens. */
void cli_print_json(struct str json);

/* The result of a command that has none but that it was done: with --json {"member":"what"}. */
void cli_done(const struct cli_args *args, const char *member, const char *what);

/* A member's value as text: strings unescaped, numbers as written, null and absent empty. */
struct str cli_member(struct str object, const char *member, struct arena *a);
/* What a column says of it: as cli_member, and an array of texts with commas between. */
struct str cli_cell(struct str object, const struct cli_column *column, struct arena *a);

#endif
