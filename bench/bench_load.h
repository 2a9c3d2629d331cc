/* A load of one thread and epoll over keep-alive connections, one request in flight on each, so
 * that it takes little of the machine it measures. For benches alone: whatever goes wrong ends the
 * program. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "str.h"

struct load {
    const char *name; /* of the program, for its complaints */
    uint16_t port;
    size_t connections;
    uint64_t most;  /* requests */
    double seconds; /* it ends after them, or after `most`, whichever is first */
    /* Writes the n-th request, whole; its length. */
    size_t (*request)(uint64_t n, char *out, size_t max);
    bool (*good)(struct str answer); /* head and body */
};

/* Runs it, prints one line of JSON, and returns how many answers were not good. */
uint64_t load_run(const struct load *load);

_Noreturn void load_die(const char *what);
uint64_t load_number(const char *text);

#endif
