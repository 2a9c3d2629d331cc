/* The name a person probably meant. Any thread. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "str.h"

enum { NEAREST_MAX_EDITS = 2 };

/* Fewest insertions, deletions and replacements between a and b, letter case aside, or
 * NEAREST_MAX_EDITS + 1 when it is more than that. Names of at most SECRET_NAME_MAX_BYTES. */
unsigned nearest_edits(struct str a, struct str b);

#endif
