/* Any JSON as a job of the open-source farm: what is taken is JSON again, and whatever our own
 * rules accept can be judged. */
#include "job_payload.h"
#include "job_stock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(struct str payload, struct arena *a)
{
    struct problems problems;
    struct job_payload p = {0};
    struct str why;
    bool mogrt;
    problems_init(&problems, a);
    if (job_payload_read(payload, JOB_PAYLOAD_RENDER, STR_EMPTY, a, &problems, &p) == OK)
        ASSERT(job_stock_cannot(payload, NULL, a, &why, &mogrt) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena a = arena_make();
    struct problems problems;
    struct str v1 = str_bytes(data, size), payload;
    problems_init(&problems, &a);
    (void)job_stock_has_actions(v1);
    enum err e = job_stock_accept(v1, &a, &problems, &payload);
    ASSERT(e == OK || problems.count > 0 || e == ERR_TOO_LARGE);
    if (json_valid(v1, JSON_LIMITS_DEFAULT) == OK)
        judge(v1, &a);
    /* a key that was written in two ways stands there twice: it is refused when it is scanned */
    if (e == OK && json_valid(payload, JSON_LIMITS_DEFAULT) == OK)
        judge(payload, &a);
    return 0;
}
