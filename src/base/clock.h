/* Time: wall clock and monotonic, in milliseconds, and RFC 3339 text. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "str.h"

enum { CLOCK_TEXT_BYTES = 32 };

int64_t clock_unix_ms(void);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

/* Tests set the wall clock; 0 gives it back. Not thread-safe while threads read it. */
void clock_set_for_tests(int64_t unix_ms);

/* "2026-11-24T01:02:03.456Z" into the caller's array. */
void clock_format(int64_t unix_ms, char ret[static CLOCK_TEXT_BYTES]);

/* RFC 3339 date-time with a zone; fractions beyond ms are cut. ERR_INVALID otherwise. */
enum err clock_parse(struct str text, int64_t *ret_unix_ms) MUST_USE;

#endif
