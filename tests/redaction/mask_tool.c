/* src/redact behind a pipe, for tests/redaction/measure.py. Integers are little-endian, bytes stand
 * behind their length. Commands on stdin:
 *   S u32 count, then each value                  the values to mask; no answer
 *   T u32 chunk, text                             answers the masked text, fed so many bytes at a
 * time A text                                        the same, once for each place where the text
 * may be cut in two, and again with a fresh stream from where the first had decided; answers the
 * masked text and then as many differing cuts (u32) */
#include <stdio.h>
#include <stdlib.h>

#include "redact.h"

enum { TEXT_MAX_BYTES = 256 * 1024 * 1024, VALUES_MAX = 20000 };

static void must(bool ok)
{
    if (!ok)
        exit(1);
}

static size_t read_u32(void)
{
    uint8_t b[4];
    must(fread(b, 1, sizeof b, stdin) == sizeof b);
    return b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
}

static struct buf read_bytes(void)
{
    size_t len = read_u32();
    struct buf b = buf_make(TEXT_MAX_BYTES);
    must(buf_reserve(&b, len) == OK && fread(b.ptr, 1, len, stdin) == len);
    b.len = len;
    return b;
}

static void write_u32(size_t v)
{
    for (int i = 0; i < 4; i++)
        must(putchar((int)(v >> 8 * i & 255)) != EOF);
}

static void write_bytes(const struct buf *b)
{
    write_u32(b->len);
    must(fwrite(b->ptr, 1, b->len, stdout) == b->len);
}

static void read_values(struct redact_set **set)
{
    static struct secret *values[VALUES_MAX];
    size_t count = read_u32();
    must(count <= VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        AUTO(buf) struct buf b = read_bytes();
        must(secret_new(buf_str(&b), &values[i]) == OK);
    }
    redact_set_free(set);
    must(redact_set_new((const struct secret *const *)values, count, set) == OK);
    for (size_t i = 0; i < count; i++)
        secret_free(&values[i]);
}

static void mask(const struct redact_set *set, struct str text, size_t chunk, struct buf *out)
{
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(set);
    for (size_t at = 0; at < text.len; at += chunk)
        must(redact_feed(s, str_slice(text, at, at + chunk), out) == OK);
    must(redact_finish(s, out) == OK);
}

static bool cut_differs(const struct redact_set *set, struct str text, size_t cut, bool again,
                        struct str want)
{
    AUTO(buf) struct buf out = buf_make(TEXT_MAX_BYTES);
    AUTOP(redact_stream) struct redact_stream *s = redact_stream_new(set);
    must(redact_feed(s, str_slice(text, 0, cut), &out) == OK);
    if (again) {
        cut = redact_consumed(s);
        redact_stream_free(&s);
        s = redact_stream_new(set);
    }
    must(redact_feed(s, str_slice(text, cut, text.len), &out) == OK);
    must(redact_finish(s, &out) == OK);
    return !str_equal(buf_str(&out), want);
}

static void mask_all_cuts(const struct redact_set *set)
{
    AUTO(buf) struct buf text = read_bytes(), out = buf_make(TEXT_MAX_BYTES);
    size_t differing = 0;
    mask(set, buf_str(&text), text.len ? text.len : 1, &out);
    for (size_t cut = 0; cut <= text.len; cut++) {
        differing += cut_differs(set, buf_str(&text), cut, false, buf_str(&out));
        differing += cut_differs(set, buf_str(&text), cut, true, buf_str(&out));
    }
    write_bytes(&out);
    write_u32(differing);
}

static void mask_chunks(const struct redact_set *set)
{
    size_t chunk = read_u32();
    AUTO(buf) struct buf text = read_bytes(), out = buf_make(TEXT_MAX_BYTES);
    must(chunk > 0);
    mask(set, buf_str(&text), chunk, &out);
    write_bytes(&out);
}

int main(void)
{
    AUTOP(redact_set) struct redact_set *set = NULL;
    for (int command; (command = getchar()) != EOF; must(fflush(stdout) == 0)) {
        must(command == 'S' || set);
        if (command == 'S')
            read_values(&set);
        else if (command == 'T')
            mask_chunks(set);
        else if (command == 'A')
            mask_all_cuts(set);
        else
            return 1;
    }
    return 0;
}
