/* Scan and splice of job payloads, beside memcpy of the same bytes and beside jansson's parse,
 * substitute, dump. Rounds are interleaved; the figures are medians. Run it from a release build:
 *
 *     meson setup build-release -Dbuildtype=release && ninja -C build-release bench_refs
 *     build-release/bench/bench_refs
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "alloc.h"
#include "limit.h"
#include "ref_scan.h"
#include "ref_splice.h"

enum { ROUNDS = 15, ROUND_BYTES = 4 * 1024 * 1024 };

#define VALUE "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum err e)
{
    ASSERT(e == OK);
}

static void put_asset(struct buf *b, unsigned i, bool with_ref)
{
    const char *ref = with_ref ? "${secret.ASSET_TOKEN}" : "public-no-token-here";
    switch (i % 4) {
    case 0:
        must(buf_printf(b,
                        "{\"type\":\"image\",\"layerName\":\"product_%u\",\"src\":\"https://assets."
                        "example.com/campaigns/2026/autumn/products/%u/main-1920x1080.png\","
                        "\"params\":{\"headers\":{\"Accept\":\"image/png\",\"Authorization\":"
                        "\"Bearer %s\"}}}",
                        i, i, ref));
        break;
    case 1:
        must(buf_printf(b,
                        "{\"type\":\"data\",\"layerName\":\"headline_%u\",\"property\":\"Source "
                        "Text\",\"value\":\"Autumn sale: 30%% off\\nuntil %u November \\u2013 "
                        "\xc3\xbc"
                        "berall\",\"note\":\"%s\"}",
                        i, i, ref));
        break;
    case 2:
        must(buf_printf(b,
                        "{\"type\":\"data\",\"layerName\":\"box_%u\",\"property\":\"Effects.Fill."
                        "Color\",\"value\":[0.25,0.5,0.%u,1],\"enabled\":true,\"conform\":null,"
                        "\"note\":\"%s\"}",
                        i, i, ref));
        break;
    default:
        must(buf_printf(b,
                        "{\"type\":\"function\",\"name\":\"nx:layer-autoscale\",\"layerName\":"
                        "\"logo_%u\",\"params\":{\"mode\":\"fit\",\"padding\":%u,\"apiKey\":\"%s\"}"
                        "}",
                        i, i, ref));
    }
}

static void make_payload(struct buf *b, size_t size, size_t refs)
{
    size_t assets = size / 190, used = 0;
    must(buf_put(b, STR("{\"template\":{\"id\":\"01JCV5Q2M8XYZABCDEFGHJKMNP\",\"composition\":"
                        "\"main\"},\"upload\":{\"provider\":\"s3\",\"params\":{\"region\":"
                        "\"us-east-1\",\"bucket\":\"renders\",\"accessKeyId\":\"AKIDEXAMPLE\","
                        "\"accessKeySecret\":\"${secret.AWS_SECRET_ACCESS_KEY}\"}},\"assets\":[")));
    for (unsigned i = 0; b->len < size; i++) {
        bool with_ref = used + 1 < refs && i * (refs - 1) / (assets + 1) >= used;
        used += with_ref;
        if (i)
            must(buf_put(b, STR(",")));
        put_asset(b, i, with_ref);
    }
    must(buf_put(b, STR("],\"settings\":{\"quality\":\"high\",\"codec\":\"h264\"}}")));
}

struct sample {
    struct buf payload, copy;
    size_t refs;
    const struct secret *value;
    size_t result_bytes;
};

static void run_ours(struct sample *s)
{
    AUTO(arena) struct arena arena = arena_make();
    AUTO(buf) struct buf out = buf_make(RESOLVED_PAYLOAD_MAX_BYTES);
    struct problems problems;
    struct ref_list list;
    problems_init(&problems, &arena);
    must(ref_scan(buf_str(&s->payload), REF_SHAPE_JOB, &arena, &problems, &list));
    struct ref_edit *edits = arena_array(&arena, list.count, sizeof *edits);
    for (size_t i = 0; i < list.count; i++)
        edits[i] = (struct ref_edit){
            .begin = list.refs[i].begin, .end = list.refs[i].end, .value = s->value};
    must(ref_splice(buf_str(&s->payload), edits, list.count, &out));
    s->refs = list.count;
    s->result_bytes = out.len;
}

static void run_scan(struct sample *s)
{
    AUTO(arena) struct arena arena = arena_make();
    struct problems problems;
    struct ref_list list;
    problems_init(&problems, &arena);
    must(ref_scan(buf_str(&s->payload), REF_SHAPE_JOB, &arena, &problems, &list));
}

static void run_memcpy(struct sample *s)
{
    memcpy(s->copy.ptr, s->payload.ptr, s->payload.len);
    __asm__ volatile("" : : "r"(s->copy.ptr) : "memory"); /* the copy is wanted */
}

/* The new string when `text` has a reference, else NULL. */
static json_t *substituted(const char *text)
{
    const char *begin = strstr(text, "${secret.");
    const char *end = begin ? strchr(begin, '}') : NULL;
    if (!end)
        return NULL;
    AUTO(buf) struct buf b = buf_make(1 << 20);
    must(buf_put(&b, str_bytes(text, (size_t)(begin - text))));
    must(buf_put(&b, STR(VALUE)));
    must(buf_put(&b, str_from(end + 1)));
    return json_stringn(b.ptr, b.len);
}

static void substitute(json_t *at)
{
    const char *key;
    void *tmp;
    size_t i;
    json_t *child, *fresh;
    if (json_is_object(at)) {
        json_object_foreach_safe(at, tmp, key, child)
        {
            if (json_is_string(child) && (fresh = substituted(json_string_value(child))))
                json_object_set_new(at, key, fresh);
            else
                substitute(child);
        }
    } else if (json_is_array(at)) {
        json_array_foreach(at, i, child)
        {
            if (json_is_string(child) && (fresh = substituted(json_string_value(child))))
                json_array_set_new(at, i, fresh);
            else
                substitute(child);
        }
    }
}

static void run_jansson(struct sample *s)
{
    json_t *root = json_loadb(s->payload.ptr, s->payload.len, JSON_REJECT_DUPLICATES, NULL);
    ASSERT(root);
    substitute(root);
    char *text = json_dumps(root, JSON_COMPACT);
    ASSERT(text);
    free(text);
    json_decref(root);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

enum { OURS, SCAN, MEMCPY, JANSSON, WAYS };
static void (*const ways[WAYS])(struct sample *) = {run_ours, run_scan, run_memcpy, run_jansson};

static void measure(size_t size, size_t refs, const struct secret *secret)
{
    AUTO(buf) struct buf payload = buf_make(1 << 20), copy = buf_make(1 << 20);
    make_payload(&payload, size, refs);
    must(buf_put(&copy, buf_str(&payload)));
    struct sample s = {.payload = payload, .copy = copy, .value = secret};
    double us[WAYS][ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        for (int way = 0; way < WAYS; way++) {
            size_t times = ROUND_BYTES / size / (way == JANSSON ? 8 : 1) + 1;
            double from = seconds();
            for (size_t i = 0; i < times; i++)
                ways[way](&s);
            us[way][round] = (seconds() - from) / (double)times * 1e6;
        }
    }
    double bytes = (double)payload.len, median[WAYS];
    for (int way = 0; way < WAYS; way++) {
        qsort(us[way], ROUNDS, sizeof us[way][0], by_value);
        median[way] = us[way][ROUNDS / 2];
    }
    printf("%8zu %5zu %10.2f %8.2f %8.2f %9.1f %10.2f %9.1fx %9.1fx\n", payload.len, s.refs,
           median[OURS], bytes / median[OURS] / 1e3, bytes / median[SCAN] / 1e3,
           bytes / median[MEMCPY] / 1e3, median[JANSSON], median[OURS] / median[MEMCPY],
           median[JANSSON] / median[OURS]);
}

int main(void)
{
    AUTOP(secret) struct secret *secret = NULL;
    must(secret_new(STR(VALUE), &secret));
    printf("%8s %5s %10s %8s %8s %9s %10s %10s %10s\n", "bytes", "refs", "ours us", "GB/s", "scan",
           "memcpy", "jansson us", "x memcpy", "jansson/x");
    measure(1200, 1, secret);
    measure(10 * 1000, 8, secret);
    measure(100 * 1000, 40, secret);
    return 0;
}
