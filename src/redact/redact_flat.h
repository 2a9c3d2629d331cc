/* The text without its line breaks: a value that a terminal, a mail or a base64 encoder broke into
 * lines stands in it whole. Remembers where the breaks were, so that what is not masked comes out
 * as it came in. Positions are those of the flat stream. Owner thread. */
#ifndef REDACT_FLAT_H
#define REDACT_FLAT_H

#include "buf.h"

/* So many CR and LF in a row are taken out; what follows them stays and ends every match. Bounds
 * what must be remembered. */
enum { REDACT_BREAK_MAX_BYTES = 8 };

struct redact_break {
    uint64_t at; /* it stands before this byte */
    size_t len;
};

struct redact_flat {
    struct buf bytes; /* flat; the first `taken` are gone */
    struct buf raw;   /* the same with its breaks; the first `raw_taken` are gone */
    struct redact_break *breaks;
    size_t break_count, break_capacity;
    uint64_t base; /* position of bytes[0] */
    size_t taken, breaks_taken, raw_taken;
    unsigned in_row; /* CR and LF at the end so far */
};

/* Holds at most held_max_bytes between calls of redact_flat_drop, and a slice beside them. */
struct redact_flat redact_flat_make(size_t held_max_bytes, size_t slice_max_bytes);
void redact_flat_auto(struct redact_flat *f);

enum err redact_flat_add(struct redact_flat *f, struct str slice) MUST_USE;

/* Position of what is to be taken next, and of what will be added next. */
uint64_t redact_flat_front(const struct redact_flat *f);
uint64_t redact_flat_end(const struct redact_flat *f);
/* Does a line break stand before this byte? */
bool redact_flat_is_broken(const struct redact_flat *f, uint64_t at);

/* Takes from the front up to `to`, with the breaks before each byte taken, and appends it to out
 * (NULL: nowhere). Adds to *taken_bytes how many bytes of the stream these were. */
enum err redact_flat_take(struct redact_flat *f, uint64_t to, struct buf *out,
                          uint64_t *taken_bytes) MUST_USE;
/* Takes the break that stands before the front, if there is one. */
enum err redact_flat_take_break(struct redact_flat *f, struct buf *out,
                                uint64_t *taken_bytes) MUST_USE;
/* Forgets what was taken. */
void redact_flat_drop(struct redact_flat *f);

/* A pattern as it stands in flat text: no breaks at its ends, none inside but what follows
 * REDACT_BREAK_MAX_BYTES of one row. In place; returns the new length. */
size_t redact_flat_pattern(char *ptr, size_t len);

#endif
