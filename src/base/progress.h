/* How far something is, on one line of standard error that is drawn over and over: on a terminal
 * alone, at most ten times a second, and not after progress_silence(). It clears itself before
 * anything else may be said. Owner thread.
 *
 *     AUTO(progress) struct progress p = progress_make("uploading", PROGRESS_BYTES, size);
 *     ... progress_at(&p, sent); ...
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include "str.h"

enum progress_unit { PROGRESS_BYTES, PROGRESS_ITEMS, PROGRESS_PERCENT };

struct progress {
    const char *what; /* a word or two, borrowed; may be changed between calls */
    enum progress_unit unit;
    uint64_t whole; /* 0: not known, then only what is done is shown */
    bool shown, drawn;
    int64_t drawn_ms; /* monotonic */
};

struct progress progress_make(const char *what, enum progress_unit unit, uint64_t whole);
void progress_at(struct progress *p, uint64_t done);
void progress_auto(struct progress *p); /* clears the line; also before something is said */

/* From now on nothing is drawn in this process (--quiet). Before threads. */
void progress_silence(void);

/* The line itself, for tests: at most `width` cells, no control characters. */
void progress_line(const struct progress *p, uint64_t done, size_t width, char ret[static 256]);

#endif
