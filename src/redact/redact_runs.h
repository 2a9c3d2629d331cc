/* What is found in the window of a flat stream: hits, united to runs of masked bytes. Two that only
 * touch stay apart when a line break is between them. A hit is reported with its end; ends come in
 * rising order. Owner thread. */
#ifndef REDACT_RUNS_H
#define REDACT_RUNS_H

#include "redact_encode.h"
#include "redact_flat.h"

struct redact_run {
    uint64_t start, end; /* in the flat stream; the run is all bytes in [start, end) */
};

struct redact_runs {
    struct redact_run *list; /* rising, with a byte or a line break between two runs */
    size_t count, capacity;
    bool edge_pending; /* a hit ends where the window ends and masks one base64 character more */
};

/* The part of the stream at hand. */
struct redact_window {
    const uint8_t *ptr;
    size_t len;
    uint64_t base; /* position of ptr[0] in the stream */
    struct redact_runs *runs;
    const struct redact_flat *flat; /* knows the line breaks; NULL: there are none */
};

bool redact_is_base64(uint8_t c); /* of either alphabet */

/* A pattern of len bytes ends at w->ptr[end - 1]. */
void redact_runs_hit(const struct redact_window *w, size_t end, size_t len, unsigned edges);
/* More bytes follow the window, the first of them is `next`. */
void redact_runs_next(struct redact_runs *r, uint8_t next);
/* Forgets the first n runs. */
void redact_runs_drop(struct redact_runs *r, size_t n);
void redact_runs_auto(struct redact_runs *r);

#endif
