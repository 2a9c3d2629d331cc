#include "metric.h"

#include <pthread.h>

#include "test.h"

enum { THREADS = 8, EACH = 10000, TEXT_MAX_BYTES = 16 * 1024 };

static void *count(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < EACH; i++) {
        metric_add(METRIC_LEASES_EXPIRED, 1, 1);
        metric_observe(METRIC_STORE_GROUP_SIZE, 3);
    }
    return NULL;
}

static bool holds(const struct buf *text, const char *line)
{
    return str_search(buf_str(text), str_from(line), 0) < text->len;
}

static void test_nothing_is_lost_between_threads(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(metric_get(METRIC_LEASES_EXPIRED, 1), THREADS * EACH);
    CHECK_EQ(metric_get(METRIC_LEASES_EXPIRED, 0), 0);
    AUTO(buf) struct buf text = buf_make(TEXT_MAX_BYTES);
    CHECK_OK(metric_write_histogram(&text, METRIC_STORE_GROUP_SIZE));
    CHECK(holds(&text, "safelight_store_group_operations_count 80000\n"));
    CHECK(holds(&text, "safelight_store_group_operations_sum 240000\n"));
}

static void test_a_value_counts_at_its_bound_and_above(void)
{
    AUTO(buf) struct buf text = buf_make(TEXT_MAX_BYTES);
    static const uint64_t values[] = {0, 100, 101, 30000000, 30000001, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        metric_observe(METRIC_HTTP_SECONDS, values[i]);
    CHECK_OK(metric_write_histogram(&text, METRIC_HTTP_SECONDS));
    CHECK(holds(&text, "_bucket{le=\"0.0001\"} 2\n"));
    CHECK(holds(&text, "_bucket{le=\"0.00025\"} 3\n"));
    CHECK(holds(&text, "_bucket{le=\"30\"} 4\n"));
    CHECK(holds(&text, "_bucket{le=\"+Inf\"} 6\n"));
    CHECK(holds(&text, "# TYPE safelight_http_request_duration_seconds histogram\n"));
}

static void test_cells_of_neighbours_are_apart(void)
{
    const struct metric_info *i = metric_info(METRIC_HTTP_REQUESTS);
    metric_add(METRIC_HTTP_REQUESTS, i->cells - 1, 7);
    CHECK_EQ(metric_get(METRIC_HTTP_REQUESTS, i->cells - 1), 7);
    CHECK_EQ(metric_get(METRIC_AUTH_FAILURES, 0), 0);
    AUTO(buf) struct buf text = buf_make(TEXT_MAX_BYTES);
    CHECK_OK(metric_write_histogram(&text, METRIC_STORE_COMMIT_SECONDS));
    CHECK(holds(&text, "_sum 0\n") && holds(&text, "_count 0\n"));
}

static void test_names_are_names(void)
{
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        struct str name = str_from(metric_info(m)->name), help = str_from(metric_info(m)->help);
        CHECK(str_starts(name, STR("safelight_")) && help.len > 0);
        CHECK_EQ(str_find(help, '\n'), help.len);
        CHECK_EQ(str_find(help, '\\'), help.len);
        CHECK_EQ(str_ends(name, STR("_total")), metric_info(m)->kind == METRIC_KIND_COUNTER);
    }
}

static void test_a_sample_that_does_not_fit_is_an_error(void)
{
    AUTO(buf) struct buf small = buf_make(10);
    CHECK_ERR(metric_write_sample(&small, METRIC_JOBS, STR("state=\"queued\""), 1), ERR_TOO_LARGE);
    AUTO(buf) struct buf text = buf_make(TEXT_MAX_BYTES);
    CHECK_OK(metric_write_sample(&text, METRIC_JOBS, STR("state=\"queued\""), 12));
    CHECK_OK(metric_write_sample(&text, METRIC_SPOOL_FULL, STR_EMPTY, 0));
    CHECK_STR(buf_str(&text), "safelight_jobs{state=\"queued\"} 12\nsafelight_spool_full 0\n");
}

int main(void)
{
    RUN(test_nothing_is_lost_between_threads);
    RUN(test_a_value_counts_at_its_bound_and_above);
    RUN(test_cells_of_neighbours_are_apart);
    RUN(test_names_are_names);
    RUN(test_a_sample_that_does_not_fit_is_an_error);
    return test_done();
}
