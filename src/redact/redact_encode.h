/* From values to patterns: every form of every part of a value, as one sorted list without
 * duplicates. Patterns are flat (redact_flat.h). Owner thread. */
#ifndef REDACT_ENCODE_H
#define REDACT_ENCODE_H

#include "redact_form.h"

enum {
    REDACT_PATTERN_MIN = 4,   /* the filter looks at four bytes at a time */
    REDACT_PATTERN_MAX = 256, /* longer text is looked for in pieces of this many bytes */
};
/* All pattern bytes of one set: a job's values as far as the arena of secrets can hold them. */
#define REDACT_PATTERNS_MAX_BYTES (64 * 1024 * 1024)

struct redact_pattern {
    uint32_t at; /* in redact_patterns.bytes */
    uint16_t len;
    uint8_t edges; /* REDACT_LEFT | REDACT_RIGHT */
};

struct redact_patterns {
    struct buf bytes; /* wipes itself */
    struct redact_pattern *list;
    size_t count, capacity;
    size_t shortest, longest;
};

struct redact_patterns redact_patterns_make(void);
void redact_patterns_auto(struct redact_patterns *p);

/* Adds all forms of one value, or only the usual ones when it is longer than usual_above bytes.
 * ERR_LIMIT past REDACT_PATTERNS_MAX_BYTES. */
enum err redact_patterns_add(struct redact_patterns *p, struct str value,
                             size_t usual_above) MUST_USE;
/* Sorts bytewise and drops duplicates; after the last add. */
void redact_patterns_sort(struct redact_patterns *p);

static inline const uint8_t *redact_pattern_ptr(const struct redact_patterns *p, size_t i)
{
    return (const uint8_t *)p->bytes.ptr + p->list[i].at;
}

#endif
