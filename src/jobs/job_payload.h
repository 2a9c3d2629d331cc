/* The payload of POST /jobs or /jobs/join against the rules (docs/API.md), without the store: what
 * a job row needs to know of it, and every problem with its pointer. Also where the parts of a
 * stored payload stand in its bytes. Owner thread. */
#ifndef JOB_PAYLOAD_H
#define JOB_PAYLOAD_H

#include "job_rules.h"

struct job_payload {
    struct str template_id;
    bool stored_template;    /* it names a template by id alone and no engine that does without */
    bool composition;        /* it names one */
    bool mogrt;              /* template.src is the address of one */
    struct str engine, tags; /* engine: as it asks for; empty: it does not */
    int64_t priority;
    struct job_assets assets;
    struct str *fonts; /* file names */
    size_t font_count;
    struct job_settings settings;
    bool has_upload;
    struct job_upload upload;
};

enum job_payload_of { JOB_PAYLOAD_RENDER, JOB_PAYLOAD_JOIN, JOB_PAYLOAD_NESTED };

/* `payload` is valid JSON (ref_scan said so). `at` is where it stands in what was submitted: "", or
 * the pointer of a nested job's asset. ERR_INVALID with problems; then *ret has what could be read
 * of the assets. */
enum err job_payload_read(struct str payload, enum job_payload_of of, struct str at,
                          struct arena *arena, struct problems *problems,
                          struct job_payload *ret) MUST_USE;

/* The settings of a stored payload, with every default. */
enum err job_payload_settings(struct str payload, struct arena *arena,
                              struct job_settings *ret) MUST_USE;

/* The address that answers show: reference text as it stands, never a value. Empty without an
 * upload. */
struct str job_payload_output_url(const struct job_payload *p, struct str file_name,
                                  struct arena *arena);

/* Raw values in a stored payload; absent: ptr NULL. All borrow from it. */
struct job_part_asset {
    struct str raw, src, headers;
    bool job; /* a nested one: what stands in it is that job's own */
};
struct job_parts {
    struct str payload, id, template, template_src, upload, webhook;
    struct job_part_asset *assets;
    size_t asset_count;
};
enum err job_parts_find(struct str payload, struct arena *arena, struct job_parts *ret) MUST_USE;

/* Does the byte at this offset of the payload lie in the part? */
static inline bool job_part_holds(const struct job_parts *parts, struct str part, size_t offset)
{
    if (!part.ptr)
        return false;
    size_t begin = (size_t)(part.ptr - parts->payload.ptr);
    return offset >= begin && offset < begin + part.len;
}
/* Does it stand in a nested job? */
bool job_parts_nested(const struct job_parts *parts, size_t offset);
/* A worker gets what is not in upload, webhook, addresses, their headers and nested jobs. */
bool job_parts_exposes(const struct job_parts *parts, size_t offset);

#endif
