#include "job_reach.h"

#include "job_payload.h"
#include "job_s3.h"
#include "url.h"

struct address { /* where a part says it goes; each part has some of these members */
    struct str url, src, params, endpoint, region, bucket;
};
static const struct json_field ADDRESS[] = {
    JSON_FIELD(struct address, url, "url", JSON_AS_STR, JSON_NULLABLE, JOB_PAYLOAD_MAX_BYTES),
    JSON_FIELD(struct address, src, "src", JSON_AS_STR, JSON_NULLABLE, JOB_PAYLOAD_MAX_BYTES),
    JSON_FIELD(struct address, params, "params", JSON_AS_OBJECT, JSON_NULLABLE, 0),
};
static const struct json_field BUCKET[] = {
    JSON_FIELD(struct address, endpoint, "endpoint", JSON_AS_STR, JSON_NULLABLE,
               JOB_PAYLOAD_MAX_BYTES),
    JSON_FIELD(struct address, region, "region", JSON_AS_STR, JSON_NULLABLE, JOB_PAYLOAD_MAX_BYTES),
    JSON_FIELD(struct address, bucket, "bucket", JSON_AS_STR, JSON_NULLABLE, JOB_PAYLOAD_MAX_BYTES),
};

/* The text of the address, reference text included. */
static struct str url_of(enum job_part part, struct str fragment, struct arena *a)
{
    struct problems unused;
    struct address at = {.url = STR_EMPTY, .src = STR_EMPTY};
    problems_init(&unused, a);
    if (json_decode(fragment, ADDRESS, ARRAY_LEN(ADDRESS), STR(""), &unused, &at) != OK)
        return STR_EMPTY;
    if (part == JOB_PART_WEBHOOK)
        return at.url;
    if (part == JOB_PART_ASSET)
        return at.src;
    if (part != JOB_PART_UPLOAD || !at.params.ptr ||
        json_decode(at.params, BUCKET, ARRAY_LEN(BUCKET), STR(""), &unused, &at) != OK)
        return STR_EMPTY;
    AUTO(buf) struct buf base = buf_make(4 * JOB_PAYLOAD_MAX_BYTES);
    if (job_s3_base(at.endpoint, at.region, at.bucket, &base) != OK)
        return STR_EMPTY;
    return arena_str(a, buf_str(&base));
}

struct place {
    struct str host, host_port;
};

/* A value in the path or the query does not change the host; a '$' in the host is no host. */
static struct place place_of(struct str text, struct arena *a)
{
    AUTO(url) struct url url = {.https = false};
    AUTO(buf) struct buf host = buf_make(URL_MAX_BYTES), host_port = buf_make(URL_MAX_BYTES);
    struct place none = {STR_EMPTY, STR_EMPTY};
    size_t end = str_search(text, STR("://"), 0) + sizeof "://" - 1;
    while (end < text.len && !strchr("/?#", text.ptr[end]))
        end++;
    if (url_parse(str_slice(text, 0, end), &url) != OK || url_authority(&url, &host) != OK ||
        url_host_port(&url, &host_port) != OK)
        return none;
    return (struct place){arena_str(a, buf_str(&host)), arena_str(a, buf_str(&host_port))};
}

struct str job_bundle_host(enum job_part part, const struct ref_bundle *b, struct arena *a)
{
    return place_of(url_of(part, b->fragment, a), a).host;
}

/* The places of a payload, each worked out when the first reference asks. */
struct places {
    const struct job_parts *parts;
    struct arena *arena;
    struct known {
        bool done;
        struct place place;
    } upload, webhook, template, *assets;
};

static struct place look(struct places *p, struct known *k, enum job_part part, struct str fragment)
{
    if (!k->done)
        k->place = place_of(url_of(part, fragment, p->arena), p->arena);
    k->done = true;
    return k->place;
}

static struct place place_at(struct places *p, size_t offset)
{
    const struct job_parts *parts = p->parts;
    if (job_part_holds(parts, parts->upload, offset))
        return look(p, &p->upload, JOB_PART_UPLOAD, parts->upload);
    if (job_part_holds(parts, parts->webhook, offset))
        return look(p, &p->webhook, JOB_PART_WEBHOOK, parts->webhook);
    if (job_part_holds(parts, parts->template, offset))
        return look(p, &p->template, JOB_PART_ASSET, parts->template);
    for (size_t i = 0; i < parts->asset_count; i++)
        if (job_part_holds(parts, parts->assets[i].raw, offset))
            return look(p, &p->assets[i], JOB_PART_ASSET, parts->assets[i].raw);
    return (struct place){STR_EMPTY, STR_EMPTY};
}

enum err job_reach_find(struct str payload, const struct ref_list *refs, struct arena *a,
                        struct job_reach **ret)
{
    struct job_parts parts;
    TRY(job_parts_find(payload, a, &parts));
    struct places places = {.parts = &parts, .arena = a};
    places.assets = arena_array(a, parts.asset_count + 1, sizeof *places.assets);
    struct job_reach *reach = arena_array(a, refs->count + 1, sizeof *reach);
    for (size_t i = 0; i < refs->count; i++) {
        const struct ref *ref = &refs->refs[i];
        struct place place = {STR_EMPTY, STR_EMPTY};
        bool exposed = !ref->literal && job_parts_exposes(&parts, ref->begin);
        if (!ref->literal && !exposed)
            place = place_at(&places, ref->begin);
        reach[i] = (struct job_reach){exposed ? ref_sink_for_worker(ref->sink) : ref->sink, exposed,
                                      place.host, place.host_port};
    }
    *ret = reach;
    return OK;
}
