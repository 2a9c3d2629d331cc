/* From values to patterns: every encoding in which a value is looked for, as one sorted list
 * without duplicates. Adding an encoding is one line in the table of redact_encode.c.
 * Owner thread. */
#ifndef REDACT_ENCODE_H
#define REDACT_ENCODE_H

#include "buf.h"

enum {
    REDACT_PATTERN_MIN = 4,   /* the filter looks at four bytes at a time */
    REDACT_PATTERN_MAX = 256, /* longer text is looked for in pieces of this many bytes */
};
/* All pattern bytes of one set: a job's values as far as the arena of secrets can hold them. */
#define REDACT_PATTERNS_MAX_BYTES (64 * 1024 * 1024)

/* Base64 of something inside a larger stream shares its first and last character with what stands
 * beside it: these are masked too when they are base64 characters. */
enum { REDACT_LEFT = 1, REDACT_RIGHT = 2 };

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

/* Adds all encodings of one value. ERR_LIMIT past REDACT_PATTERNS_MAX_BYTES. */
enum err redact_patterns_add(struct redact_patterns *p, struct str value) MUST_USE;
/* Sorts bytewise and drops duplicates; after the last add. */
void redact_patterns_sort(struct redact_patterns *p);

static inline const uint8_t *redact_pattern_ptr(const struct redact_patterns *p, size_t i)
{
    return (const uint8_t *)p->bytes.ptr + p->list[i].at;
}

#endif
