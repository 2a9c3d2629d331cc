/* Writes the payload with some byte ranges replaced and every other byte untouched. One pass: what
 * is put in is never looked at again. The size of the result is known before anything is allocated.
 */
#ifndef REF_SPLICE_H
#define REF_SPLICE_H

#include "buf.h"
#include "secret.h"

struct ref_edit {
    size_t begin, end;          /* range of the input; edits are in order and do not overlap */
    struct str text;            /* replacement as it stands (already JSON) when value is NULL */
    const struct secret *value; /* or a value, JSON-escaped on the way in */
    bool in_address;            /* percent-encoded instead */
};

/* Appends to out, whose maximum caps the result. ERR_TOO_LARGE before anything was written. */
enum err ref_splice(struct str input, const struct ref_edit *edits, size_t count,
                    struct buf *out) MUST_USE;

#endif
