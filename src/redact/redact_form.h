/* The forms in which a value may stand in text: raw, escaped, quoted, in digits, in base64. One
 * line of the table in redact_form.c is one form. Any thread. */
#ifndef REDACT_FORM_H
#define REDACT_FORM_H

#include "buf.h"

/* Base64 of something inside a larger stream shares its first and last character with what stands
 * beside it: these are masked too when they are base64 characters. */
enum { REDACT_LEFT = 1, REDACT_RIGHT = 2 };

/* Which parts of a value a form is made of. */
enum redact_part {
    REDACT_WHOLE = 1,
    REDACT_LINE = 2,
    REDACT_USUAL = 4 /* with one of these, when memory is short: only the usual forms */
};

enum { REDACT_FORMS_MAX = 256 };
size_t redact_form_count(void);
/* Are letters and digits the same in it? Then it adds nothing for a value made of these. */
bool redact_form_keeps(size_t form);
/* part: REDACT_WHOLE or REDACT_LINE, with or without REDACT_USUAL. */
bool redact_form_is_for(size_t form, unsigned part);

/* Appends the part in a form; nothing when it has none in it (UTF-16 of bytes that are no UTF-8).
 */
enum err redact_form_put(size_t form, struct str part, struct buf *out,
                         uint8_t *ret_edges) MUST_USE;

#endif
