#include "metric.h"

#include <inttypes.h>
#include <stdatomic.h>

/* Upper bounds; what is above the last counts under +Inf. */
static const uint64_t SECONDS_BOUNDS_US[] = {100,     250,     500,     1000,     2500,    5000,
                                             10000,   25000,   50000,   100000,   250000,  500000,
                                             1000000, 2500000, 5000000, 10000000, 30000000};
static const uint64_t SIZES_BOUNDS[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

enum {
    SHARDS = 4,
    SECONDS_CELLS = ARRAY_LEN(SECONDS_BOUNDS_US) + 2, /* +Inf, and the sum */
    SIZES_CELLS = ARRAY_LEN(SIZES_BOUNDS) + 2,
};

/* How many cells each metric takes, and where they begin. */
#define CELLS_COUNTER(n) (n)
#define CELLS_GAUGE(n)   (n)
#define CELLS_SECONDS(n) ((n) + SECONDS_CELLS)
#define CELLS_SIZES(n)   ((n) + SIZES_CELLS)
enum {
#define METRIC(id, kind, name, cells, labels, help)                                                \
    FIRST_##id, LAST_##id = FIRST_##id + CELLS_##kind(cells) - 1,
#include "metric.def"
#undef METRIC
    CELLS_ALL
};

static const struct metric_info infos[METRIC_COUNT] = {
#define METRIC(id, kind, name, cells, labels, help)                                                \
    [METRIC_##id] = {name, labels, help, METRIC_KIND_##kind, cells},
#include "metric.def"
#undef METRIC
};
static const size_t first[METRIC_COUNT] = {
#define METRIC(id, kind, name, cells, labels, help) [METRIC_##id] = FIRST_##id,
#include "metric.def"
#undef METRIC
};

static struct shard {
    _Alignas(64) atomic_uint_fast64_t cells[CELLS_ALL];
} shards[SHARDS];
static atomic_uint threads;

static struct shard *shard_of_thread(void)
{
    static _Thread_local struct shard *mine;
    if (!mine)
        mine = &shards[atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % SHARDS];
    return mine;
}

static void add(size_t cell, uint64_t n)
{
    atomic_fetch_add_explicit(&shard_of_thread()->cells[cell], n, memory_order_relaxed);
}

static uint64_t sum(size_t cell)
{
    uint64_t all = 0;
    for (size_t i = 0; i < SHARDS; i++)
        all += atomic_load_explicit(&shards[i].cells[cell], memory_order_relaxed);
    return all;
}

const struct metric_info *metric_info(enum metric m)
{
    ASSERT(m < METRIC_COUNT);
    return &infos[m];
}

void metric_add(enum metric m, size_t cell, uint64_t n)
{
    ASSERT(m < METRIC_COUNT && cell < infos[m].cells);
    add(first[m] + cell, n);
}

uint64_t metric_get(enum metric m, size_t cell)
{
    ASSERT(m < METRIC_COUNT && cell < infos[m].cells);
    return sum(first[m] + cell);
}

static const uint64_t *bounds_of(enum metric m, size_t *ret_count)
{
    ASSERT(infos[m].kind == METRIC_KIND_SECONDS || infos[m].kind == METRIC_KIND_SIZES);
    bool seconds = infos[m].kind == METRIC_KIND_SECONDS;
    *ret_count = seconds ? ARRAY_LEN(SECONDS_BOUNDS_US) : ARRAY_LEN(SIZES_BOUNDS);
    return seconds ? SECONDS_BOUNDS_US : SIZES_BOUNDS;
}

void metric_observe(enum metric m, uint64_t value)
{
    size_t count, at = 0;
    const uint64_t *bounds = bounds_of(m, &count);
    while (at < count && value > bounds[at])
        at++;
    add(first[m] + at, 1);
    add(first[m] + count + 1, value);
}

/* --- text --- */

enum err metric_write_head(struct buf *out, enum metric m)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "histogram"};
    const struct metric_info *i = metric_info(m);
    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", i->name, i->help, i->name,
                      types[i->kind]);
}

enum err metric_write_sample(struct buf *out, enum metric m, struct str labels, double value)
{
    return buf_printf(out, "%s%s%.*s%s %.15g\n", metric_info(m)->name, labels.len ? "{" : "",
                      (int)labels.len, labels.ptr, labels.len ? "}" : "", value);
}

enum err metric_write_histogram(struct buf *out, enum metric m)
{
    size_t count;
    const uint64_t *bounds = bounds_of(m, &count);
    const char *name = infos[m].name;
    double unit = infos[m].kind == METRIC_KIND_SECONDS ? 1e-6 : 1;
    uint64_t below = 0;
    TRY(metric_write_head(out, m));
    for (size_t i = 0; i < count; i++) {
        below += sum(first[m] + i);
        TRY(buf_printf(out, "%s_bucket{le=\"%.15g\"} %" PRIu64 "\n", name, (double)bounds[i] * unit,
                       below));
    }
    below += sum(first[m] + count);
    return buf_printf(out,
                      "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.15g\n%s_count %" PRIu64 "\n",
                      name, below, name, (double)sum(first[m] + count + 1) * unit, name, below);
}
