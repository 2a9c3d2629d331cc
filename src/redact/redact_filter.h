/* The fast way to find patterns: looks at four bytes of every few, at places such that the end of
 * each pattern is looked at once; what the table knows is verified byte by byte. Each verification
 * costs at most (log2 of the pattern count) * the longest pattern, and is counted as work. Any
 * thread once made: it is only read. */
#ifndef REDACT_FILTER_H
#define REDACT_FILTER_H

#include "redact_runs.h"

struct redact_filter;

/* patterns: sorted, not empty, stay alive and unchanged. */
struct redact_filter *redact_filter_new(const struct redact_patterns *patterns);
void redact_filter_free(struct redact_filter **f);

/* Reports for each end in (from, w->len] the longest pattern that ends there. Stops early when
 * *work (bytes compared and steps made; added to) passes work_max and then returns false. */
bool redact_filter_scan(const struct redact_filter *f, const struct redact_window *w, size_t from,
                        uint64_t work_max, uint64_t *work);

/* Where the first pattern may begin that the window's end cuts; w->len when none. Charged like a
 * scan; false when the work passed work_max. */
bool redact_filter_open(const struct redact_filter *f, const struct redact_window *w,
                        uint64_t work_max, uint64_t *work, size_t *ret_open);

size_t redact_filter_memory(const struct redact_filter *f); /* bytes */

#endif
