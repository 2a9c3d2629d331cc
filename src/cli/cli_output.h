/* Results on stdout: an array of objects as a table, or JSON as it came. Owner thread. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdio.h>

#include "arena.h"

struct cli_column {
    const char *title, *member; /* a member of each object; "stats.error" looks one level down */
};

/* Columns as wide as their widest cell; nothing but a header for an empty array. Control characters
 * are shown as '?'. */
void cli_print_table(struct str array, const struct cli_column *columns, size_t count,
                     struct arena *a);
/* One object: "title  value" lines. */
void cli_print_object(struct str object, const struct cli_column *columns, size_t count,
                      struct arena *a);
/* With a newline; control characters, which JSON text does not hold, are shown as '?'. */
void cli_print_json(struct str json);

/* Terminals obey control characters (escape sequences begin with one, in UTF-8 some are two bytes):
 * each is written as '?', except those in `kept`. */
void cli_put_printable(struct str s, const char *kept, FILE *to);

/* A member's value as text: strings unescaped, numbers as written, null and absent empty. */
struct str cli_member(struct str object, const char *member, struct arena *a);

#endif
