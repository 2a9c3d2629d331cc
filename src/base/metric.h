/* Counters and histograms, from one table (metric.def). Counting is a relaxed addition in one of a
 * few copies, chosen by thread, so that threads do not fight for a cache line; reading adds the
 * copies up. Everything starts at 0 with the process. Any thread. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "buf.h"

enum metric {
#define METRIC(id, kind, name, cells, labels, help) METRIC_##id,
#include "metric.def"
#undef METRIC
    METRIC_COUNT
};

enum metric_kind {
    METRIC_KIND_COUNTER, /* `cells` numbers that grow */
    METRIC_KIND_GAUGE,   /* looked up by whoever writes the page */
    METRIC_KIND_SECONDS, /* a histogram of durations, observed in microseconds */
    METRIC_KIND_SIZES,   /* a histogram of small numbers */
};

struct metric_info {
    const char *name, *labels, *help;
    enum metric_kind kind;
    size_t cells;
};
const struct metric_info *metric_info(enum metric m);

void metric_add(enum metric m, size_t cell, uint64_t n); /* of a counter */
uint64_t metric_get(enum metric m, size_t cell);
void metric_observe(enum metric m, uint64_t value); /* of a histogram */

/* --- the text format of Prometheus --- */

/* # HELP and # TYPE. */
enum err metric_write_head(struct buf *out, enum metric m) MUST_USE;
/* One sample. labels: `kind="upload",result="done"`, or empty. */
enum err metric_write_sample(struct buf *out, enum metric m, struct str labels,
                             double value) MUST_USE;
/* All of a histogram, with its head. */
enum err metric_write_histogram(struct buf *out, enum metric m) MUST_USE;

#endif
