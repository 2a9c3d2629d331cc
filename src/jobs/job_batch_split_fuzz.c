/* Any bytes as a batch: when the frame is accepted and each job in it is JSON, the whole is. */
#include "job_batch.h"
#include "json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena a = arena_make();
    const struct json_limits wide = {2 * JSON_DEPTH_MAX, SIZE_MAX};
    struct problems problems;
    struct str body = str_bytes(data, size), *jobs;
    size_t count;
    problems_init(&problems, &a);
    if (job_batch_split(body, &a, &problems, &jobs, &count) != OK) {
        ASSERT(problems.count > 0);
        return 0;
    }
    ASSERT(problems.count == 0 && count >= 1 && count <= BATCH_JOBS_MAX);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        ASSERT(jobs[i].ptr > body.ptr && jobs[i].ptr + jobs[i].len < body.ptr + body.len);
        good = good && json_valid(jobs[i], JSON_LIMITS_DEFAULT) == OK;
    }
    ASSERT(!good || json_valid(body, wide) == OK);
    return 0;
}
