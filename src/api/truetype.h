/* TrueType fonts: is it one, and of what family. Reads the table of tables and the table `name`;
 * nothing of a font is run or drawn. Hostile bytes are the normal case. Any thread. */
#ifndef API_TRUETYPE_H
#define API_TRUETYPE_H

#include "buf.h"

/* NULL: it is a whole TrueType font, as far as its table of tables tells. Else a sentence. */
const char *truetype_problem(struct str file);
/* Of a font without a problem: its family name in UTF-8, without control characters, as long as
 * `out` allows. ERR_NOT_FOUND: it has none that can be used. */
enum err truetype_family(struct str file, struct buf *out) MUST_USE;

#endif
