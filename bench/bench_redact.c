/* Redaction: bytes per second by number of values, in ordinary and in hostile text, beside memcpy.
 * Prints one line for each case: build, GB/s, share of memcpy, memory of the set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "random.h"
#include "redact.h"

enum { TEXT_BYTES = 32 * 1024 * 1024, CHUNK_BYTES = 4096, VALUES_MAX = 5000, ROUNDS = 3 };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum err e)
{
    if (e != OK) {
        fprintf(stderr, "bench_redact: %s\n", err_code(e));
        exit(1);
    }
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";

/* 16 to 40 characters, as keys and tokens are. */
static size_t make_value(uint64_t *state, char *ret)
{
    size_t len = 16 + next_random(state) % 25;
    for (size_t i = 0; i < len; i++)
        ret[i] = letters[next_random(state) % 64];
    return len;
}

/* What a renderer prints; every 8 KiB or so, one of the values. */
static void make_log(uint64_t *state, const struct secret *const *values, size_t count, char *text)
{
    size_t at = 0, last = 0;
    while (at + 300 < TEXT_BYTES) {
        at += (size_t)snprintf(
            text + at, 300,
            "[%08u] frame=%6u fps=%3u.%02u q=%2u.0 size=%8ukB layer-%x "
            "/tmp/render/%08x/frame_%05u.png ok\n",
            next_random(state) % 100000000, next_random(state) % 100000, next_random(state) % 100,
            next_random(state) % 100, next_random(state) % 52, next_random(state) % 1000000,
            next_random(state) % 65536, next_random(state), next_random(state) % 100000);
        if (at - last > 8192) {
            struct str value = secret_reveal(values[next_random(state) % count]);
            memcpy(text + at, value.ptr, value.len);
            at += value.len;
            text[at++] = '\n';
            last = at;
        }
    }
    memset(text + at, '\n', TEXT_BYTES - at);
}

static double copy_gbs(const char *text, char *to)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_s();
        for (size_t at = 0; at < TEXT_BYTES; at += CHUNK_BYTES) {
            memcpy(to + at, text + at, CHUNK_BYTES);
            __asm__ volatile(
                "" ::
                    : "memory"); /* UNSAFE: empty, so that the copy is not optimised away */
        }
        double gbs = TEXT_BYTES / (now_s() - start) / 1e9;
        best = gbs > best ? gbs : best;
    }
    return best;
}

static void measure(const char *name, struct secret **values, size_t count, const char *text,
                    double copy)
{
    AUTOP(redact_set) struct redact_set *set = NULL;
    double start = now_s();
    must(redact_set_new((const struct secret *const *)values, count, &set));
    double build_ms = (now_s() - start) * 1e3, best = 0;
    AUTO(buf) struct buf out = buf_make(TEXT_BYTES + 1024);
    must(buf_reserve(&out, TEXT_BYTES + 1024));
    memset(out.ptr, 0, out.capacity);
    for (int round = 0; round < ROUNDS; round++) {
        out.len = 0;
        AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(set);
        start = now_s();
        for (size_t at = 0; at < TEXT_BYTES; at += CHUNK_BYTES)
            must(redact_feed(s, str_bytes(text + at, CHUNK_BYTES), &out));
        must(redact_finish(s, &out));
        double gbs = TEXT_BYTES / (now_s() - start) / 1e9;
        best = gbs > best ? gbs : best;
    }
    printf("%-18s %5zu values  built in %7.2f ms  %6.2f GB/s  (memcpy / %5.1f)  %9zu bytes\n", name,
           count, build_ms, best, copy / best, redact_set_memory(set));
}

/* Values that share twenty letters: the text is all of that letter, or all but a value. */
static void hostile(size_t count, bool before, char *text, double copy)
{
    struct secret *values[VALUES_MAX] = {NULL};
    for (size_t i = 0; i < count; i++) {
        char value[48];
        int len = before ? snprintf(value, sizeof value, "%04zuaaaaaaaaaaaaaaaaaaaa", i)
                         : snprintf(value, sizeof value, "aaaaaaaaaaaaaaaaaaaa%04zu", i);
        must(secret_new(str_bytes(value, (size_t)len), &values[i]));
    }
    memset(text, 'a', TEXT_BYTES);
    measure(before ? "hostile, NNNNaaa" : "hostile, aaaNNNN", values, count, text, copy);
    for (size_t i = 0; i < TEXT_BYTES; i++)
        text[i] = before ? "000xaaaaaaaaaaaaaaaaaaaa"[i % 24] : "aaaaaaaaaaaaaaaaaaaa000"[i % 23];
    measure(before ? "hostile, nearly 1" : "hostile, nearly 2", values, count, text, copy);
    for (size_t i = 0; i < count; i++)
        secret_free(&values[i]);
}

int main(void)
{
    static const size_t counts[] = {10, 100, 1000, 5000};
    char *text = xmalloc(TEXT_BYTES), *to = xcalloc(1, TEXT_BYTES);
    memset(text, 'x', TEXT_BYTES);
    double copy = copy_gbs(text, to);
    printf("memcpy, 4 KiB chunks: %.2f GB/s; text %d MiB\n", copy, TEXT_BYTES >> 20);
    for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
        struct secret *values[VALUES_MAX] = {NULL};
        uint64_t state = 42;
        for (size_t i = 0; i < counts[c]; i++) {
            char value[48];
            size_t len = make_value(&state, value);
            must(secret_new(str_bytes(value, len), &values[i]));
        }
        make_log(&state, (const struct secret *const *)values, counts[c], text);
        measure("log", values, counts[c], text, copy);
        for (size_t i = 0; i < counts[c]; i++)
            secret_free(&values[i]);
        hostile(counts[c], false, text, copy);
        hostile(counts[c], true, text, copy);
    }
    struct secret *same = NULL;
    must(secret_new(STR("qz8#"), &same));
    uint64_t state = 7;
    make_log(&state, (const struct secret *const *)&same, 1, text);
    measure("log, 4-byte value", &same, 1, text, copy);
    secret_free(&same);
    must(secret_new(STR("aaaa"), &same));
    memset(text, 'a', TEXT_BYTES);
    measure("hostile, all hits", &same, 1, text, copy);
    secret_free(&same);
    free(text);
    free(to);
    return 0;
}
