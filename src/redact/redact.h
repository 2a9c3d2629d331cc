/* Removes known values from a stream of bytes, in every listed encoding, across any chunk boundary;
 * overlapping hits are united; each run of masked bytes is written as one "***" (so that length
 * does not show). Linear time, also on hostile input. Encodings: docs/REDACTION.md. The pattern set
 * holds value bytes: it lives briefly, in memory that is wiped. Owner thread. */
#ifndef REDACT_H
#define REDACT_H

#include "buf.h"
#include "secret.h"

struct redact_set; /* compiled patterns of one job's values */

/* Values shorter than SECRET_MASK_MIN_BYTES are left out. ERR_LIMIT: the values' encodings need
 * more than 64 MiB; then the text must be withheld, not passed on. The values may be freed. */
enum err redact_set_new(const struct secret *const *values, size_t count,
                        struct redact_set **ret) MUST_USE;
void redact_set_free(struct redact_set **s);
void redact_set_autop(struct redact_set **s);
size_t redact_set_memory(const struct redact_set *s); /* bytes held, for metrics */

struct redact_stream; /* position in one stream; borrows the set */
struct redact_stream *redact_stream_new(const struct redact_set *set);
void redact_stream_free(struct redact_stream **s);
void redact_stream_autop(struct redact_stream **s);

/* Appends to out what can be decided. Held back is what may be the beginning of a pattern (at most
 * 256 bytes), and a run of masked bytes that may go on: its "***" is written when it has ended.
 * ERR_TOO_LARGE when out is full: out is as before, the stream is of no use any more. */
enum err redact_feed(struct redact_stream *s, struct str chunk, struct buf *out) MUST_USE;
/* The end of the stream: what was held back comes out, masked where it must be. */
enum err redact_finish(struct redact_stream *s, struct buf *out) MUST_USE;

/* How many input bytes are decided, that is: neither held back nor part of an open match. What was
 * written is exactly the masked form of these bytes, and a fresh stream that is fed from here on
 * writes exactly what this one would. A run longer than what is fed decides nothing: a caller that
 * starts afresh for each piece must end the text there rather than cut the run. */
uint64_t redact_consumed(const struct redact_stream *s);

/* Work done so far: bytes compared, looked at by the automaton, or moved; tests prove by it that
 * time is linear. */
uint64_t redact_work(const struct redact_stream *s);

/* All at once. */
enum err redact_text(const struct redact_set *set, struct str text, struct buf *out) MUST_USE;

#endif
