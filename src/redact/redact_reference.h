/* For the test and the fuzzer: masking done the slow, obvious way, to compare with. */
#ifndef REDACT_REFERENCE_H
#define REDACT_REFERENCE_H

#include <stdlib.h>

#include "redact_runs.h"

/* Marks what the patterns cover in flat text, edges included: 1 a byte that is masked, 2 one that a
 * single hit covers together with the byte before it. `before` as of reference_flat, or NULL. */
static inline void reference_mark(const struct redact_patterns *p, struct str text,
                                  const unsigned *before, char *mask)
{
    for (size_t i = 0; i < p->count; i++) {
        struct str one = str_bytes(redact_pattern_ptr(p, i), p->list[i].len);
        for (size_t at = 0; (at = str_search(text, one, at)) < text.len; at++) {
            size_t from = at, to = at + one.len;
            if (p->list[i].edges & REDACT_LEFT && from > 0 &&
                redact_is_base64((uint8_t)text.ptr[from - 1]) && !(before && before[from]))
                from--;
            if (p->list[i].edges & REDACT_RIGHT && to < text.len &&
                redact_is_base64((uint8_t)text.ptr[to]))
                to++;
            for (size_t k = from; k < to; k++)
                mask[k] |= (char)(k > from ? 3 : 1);
        }
    }
}

/* The text without its line breaks; before[i] counts the breaks' bytes before flat byte i. */
static inline struct str reference_flat(struct str text, char *flat, unsigned *before)
{
    size_t len = 0, row = 0;
    before[0] = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_break = text.ptr[i] == '\n' || text.ptr[i] == '\r';
        row = is_break ? row + 1 : 0;
        if (is_break && row <= REDACT_BREAK_MAX_BYTES) {
            before[len]++;
        } else {
            flat[len++] = text.ptr[i];
            before[len] = 0;
        }
    }
    return str_bytes(flat, len);
}

static inline enum err reference_text(const struct redact_patterns *p, struct str text,
                                      struct buf *out)
{
    char *mask = calloc(text.len + 1, 1), *flat = calloc(text.len + 1, 1);
    unsigned *before = calloc(text.len + 1, sizeof *before);
    enum err e = mask && flat && before ? OK : ERR_LIMIT;
    if (e == OK) {
        struct str all = reference_flat(text, flat, before);
        reference_mark(p, all, before, mask);
        for (size_t i = 0, at = 0; i <= all.len && e == OK; i++) {
            bool inside = i > 0 && mask[i - 1] && (mask[i] & 2 || (mask[i] && !before[i]));
            if (!inside)
                e = buf_put(out, str_slice(text, at, at + before[i]));
            at += before[i] + 1;
            if (i == all.len || e != OK || inside)
                continue;
            e = mask[i] ? buf_put(out, STR("***")) : buf_put_byte(out, (uint8_t)flat[i]);
        }
    }
    free(mask);
    free(flat);
    free(before);
    return e;
}

#endif
