/* The name a person probably meant. Any thread. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "str.h"

enum { NEAREST_MAX_EDITS = 2 };

/* Fewest insertions, deletions, replacements and swaps of neighbours between a and b, letter case
 * aside, or
 * NEAREST_MAX_EDITS + 1 when it is more than that. Names of at most SECRET_NAME_MAX_BYTES. */
unsigned nearest_edits(struct str a, struct str b);

/* The nearest of names that are offered one by one, if one is near enough to be meant: at most half
 * of `wanted` is changed. `name` is borrowed; empty: none. */
struct nearest {
    struct str wanted, name;
    unsigned edits;
};
struct nearest nearest_to(struct str wanted);
void nearest_offer(struct nearest *n, struct str name);

#endif
