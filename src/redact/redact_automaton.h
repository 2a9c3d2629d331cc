/* The bounded way to find patterns: an Aho-Corasick automaton, which looks at each byte once
 * whatever the text is. Built when the filter was led to too much work. Its transition table is
 * filled as states are visited and has a maximum. Owner thread: reading fills the table. */
#ifndef REDACT_AUTOMATON_H
#define REDACT_AUTOMATON_H

#include "redact_runs.h"

/* About 20 bytes each. A set with more pattern bytes has no automaton: the filter's bound holds. */
#define REDACT_NODES_MAX ((size_t)4 * 1024 * 1024)
/* The transition table, in entries of 4 bytes. */
#define REDACT_TRANSITIONS_MAX ((size_t)4 * 1024 * 1024)

struct redact_automaton;

/* patterns: sorted, not empty; not used after the call. */
struct redact_automaton *redact_automaton_new(const struct redact_patterns *patterns);
void redact_automaton_free(struct redact_automaton **a);

/* Goes on at w->ptr[from] in state *state (0 in the beginning: nothing read) and reports for each
 * end the longest pattern that ends there. State numbers are nodes: they stay valid. */
void redact_automaton_scan(struct redact_automaton *a, const struct redact_window *w, size_t from,
                           uint32_t *state);
/* How many of the last bytes may be the beginning of a pattern. */
size_t redact_automaton_open(const struct redact_automaton *a, uint32_t state);

size_t redact_automaton_memory(const struct redact_automaton *a); /* bytes */

#endif
