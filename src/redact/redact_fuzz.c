/* Input: a byte that sets how text is cut; values, each behind its length; a 0; the text. Text and
 * values are folded to few letters when bit 7 of the first byte is set, so that they meet. The
 * result is that of the naive search, however the text is cut, also when it goes on in a fresh
 * stream where the last one had decided. */
#include "redact.h"
#include "redact_automaton.h"
#include "redact_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A value has some hundred forms: more of it would only make each run slow. */
enum { VALUES_MAX = 4, VALUE_MAX_BYTES = 48, INPUT_MAX_BYTES = 2048 };

static void check(bool ok)
{
    if (!ok)
        abort();
}

static size_t read_values(struct reader *r, struct secret **values, struct redact_patterns *p)
{
    size_t count = 0;
    uint8_t len;
    struct str value;
    while (count < VALUES_MAX && reader_u8(r, &len) == OK && len && len <= VALUE_MAX_BYTES &&
           reader_bytes(r, len, &value) == OK) {
        check(secret_new(value, &values[count++]) == OK);
        check(redact_patterns_add(p, value, SIZE_MAX) == OK);
    }
    redact_patterns_sort(p);
    return count;
}

static void run(const struct redact_set *set, struct str text, uint8_t plan, struct buf *out)
{
    size_t piece = 1 + (plan & 31), at = 0;
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(set);
    uint64_t start = 0;
    while (at < text.len) {
        size_t next = at + piece < text.len ? at + piece : text.len;
        check(redact_feed(s, str_slice(text, at, next), out) == OK);
        at = next;
        piece = piece * 2 % 61 + 1;
        if (plan & 32 && at < text.len && redact_consumed(s) > 0) {
            at = start = start + redact_consumed(s);
            redact_stream_free(&s);
            s = redact_stream_new(set);
            piece = plan & 64 ? 4096 : piece + 600; /* enough to get on */
        }
    }
    check(redact_finish(s, out) == OK);
    check(start + redact_consumed(s) == text.len);
}

/* The automaton alone, since little text seldom leads the filter astray. */
static void run_automaton(const struct redact_patterns *p, struct str text)
{
    char *mask = calloc(text.len + 1, 1);
    check(mask != NULL);
    reference_mark(p, text, NULL, mask);
    struct redact_runs runs = {0};
    struct redact_window w = {(const uint8_t *)text.ptr, text.len, 0, &runs, NULL};
    struct redact_automaton *a = redact_automaton_new(p);
    uint32_t state = 0;
    redact_automaton_scan(a, &w, 0, &state);
    for (size_t i = 0; i < runs.count; i++) {
        for (uint64_t at = runs.list[i].start; at < runs.list[i].end; at++)
            mask[at] ^= 4;
    }
    for (size_t i = 0; i < text.len; i++)
        check((mask[i] & 1) == (mask[i] >> 2 & 1));
    redact_automaton_free(&a);
    redact_runs_auto(&runs);
    free(mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > INPUT_MAX_BYTES)
        return 0;
    uint8_t copy[INPUT_MAX_BYTES];
    memcpy(copy, data, size);
    for (size_t i = 1; i < size && copy[0] & 128; i++)
        copy[i] = copy[i] >= 32 ? (uint8_t) "abab=\nBz"[copy[i] & 7] : copy[i];
    struct reader r = {str_bytes(copy + 1, size - 1)};
    struct secret *values[VALUES_MAX] = {NULL};
    struct redact_patterns p = redact_patterns_make();
    size_t count = read_values(&r, values, &p);
    AUTOP(redact_set) struct redact_set *set = NULL;
    check(redact_set_new((const struct secret *const *)values, count, &set) == OK);
    AUTO(buf) struct buf got = buf_make(32768), want = buf_make(32768);
    check(reference_text(&p, r.rest, &want) == OK);
    run(set, r.rest, copy[0], &got);
    check(str_equal(buf_str(&got), buf_str(&want)));
    if (p.count)
        run_automaton(&p, r.rest);
    for (size_t i = 0; i < count; i++)
        secret_free(&values[i]);
    redact_patterns_auto(&p);
    return 0;
}
