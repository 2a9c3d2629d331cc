/* Any JSON against the job rules: no crash, a problem for every refusal, and every part that is
 * found lies within the payload. */
#include "job_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(const struct job_parts *parts, struct str part)
{
    if (!part.ptr)
        return;
    ASSERT(part.ptr >= parts->payload.ptr);
    ASSERT((size_t)(part.ptr - parts->payload.ptr) + part.len <= parts->payload.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena a = arena_make();
    struct problems problems;
    struct job_payload p = {0};
    struct job_parts parts;
    struct str payload = str_bytes(data, size);
    if (json_valid(payload, JSON_LIMITS_DEFAULT) != OK)
        return 0;
    problems_init(&problems, &a);
    if (job_payload_read(payload, JOB_PAYLOAD_RENDER, STR_EMPTY, &a, &problems, &p) != OK) {
        ASSERT(problems.count > 0);
        return 0;
    }
    ASSERT(problems.count == 0 && p.assets.count <= JOB_ASSETS_MAX);
    (void)job_payload_output_url(&p, STR("F.mp4"), &a);
    ASSERT(job_parts_find(payload, &a, &parts) == OK);
    ASSERT(parts.asset_count == p.assets.count);
    const struct str places[] = {parts.id, parts.template, parts.template_src, parts.upload,
                                 parts.webhook};
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        check_part(&parts, places[i]);
    for (size_t i = 0; i < parts.asset_count; i++) {
        check_part(&parts, parts.assets[i].raw);
        check_part(&parts, parts.assets[i].src);
        check_part(&parts, parts.assets[i].headers);
    }
    return 0;
}
