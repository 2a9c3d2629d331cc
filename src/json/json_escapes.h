/* Backslash escapes of a JSON string: checking one, reading a string piece by piece. Any thread. */
#ifndef JSON_ESCAPES_H
#define JSON_ESCAPES_H

#include "str.h"

enum { JSON_ESCAPE_MAX_BYTES = 4 }; /* what one escape can stand for, in UTF-8 */

/* Reads the escape that starts with the backslash at p. Returns how many bytes it takes in the
 * text, or 0 with *ret_why set. A surrogate pair is one escape. */
size_t json_escape_read(const char *p, const char *end, uint32_t *ret_code, const char **ret_why);

/* Takes the next piece off the front of a scanned raw string: a run without escapes, borrowed, or
 * one escape decoded into `scratch`. False when nothing is left. */
bool json_piece_next(struct str *rest, char scratch[static JSON_ESCAPE_MAX_BYTES],
                     struct str *ret_piece);

size_t json_unescaped_len(struct str raw);
/* Does the scanned raw string stand for `text`? */
bool json_raw_is(struct str raw, bool escaped, struct str text);

#endif
