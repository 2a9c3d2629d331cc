/* For the test and the fuzzer: masking done the slow, obvious way, to compare with. */
#ifndef REDACT_REFERENCE_H
#define REDACT_REFERENCE_H

#include <stdlib.h>

#include "redact_runs.h"

/* Marks in mask[text.len] what any of the patterns covers, edges included. */
static inline void reference_mark(const struct redact_patterns *p, struct str text, char *mask)
{
    for (size_t i = 0; i < p->count; i++) {
        struct str one = str_bytes(redact_pattern_ptr(p, i), p->list[i].len);
        for (size_t at = 0; (at = str_search(text, one, at)) < text.len; at++) {
            size_t end = at + one.len;
            memset(mask + at, 1, one.len);
            if (p->list[i].edges & REDACT_LEFT && at > 0 &&
                redact_is_base64((uint8_t)text.ptr[at - 1]))
                mask[at - 1] = 1;
            if (p->list[i].edges & REDACT_RIGHT && end < text.len &&
                redact_is_base64((uint8_t)text.ptr[end]))
                mask[end] = 1;
        }
    }
}

static inline enum err reference_text(const struct redact_patterns *p, struct str text,
                                      struct buf *out)
{
    char *mask = calloc(text.len + 1, 1);
    enum err e = mask ? OK : ERR_LIMIT;
    if (mask)
        reference_mark(p, text, mask);
    for (size_t i = 0; i < text.len && e == OK; i++) {
        if (!mask[i])
            e = buf_put_byte(out, (uint8_t)text.ptr[i]);
        else if (i == 0 || !mask[i - 1])
            e = buf_put(out, STR("***"));
    }
    free(mask);
    return e;
}

#endif
