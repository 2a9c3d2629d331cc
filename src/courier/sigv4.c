#include "sigv4.h"

#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "encode.h"
#include "hash.h"

enum { CANONICAL_MAX_BYTES = 256 * 1024, KEY_MAX_BYTES = 128 * 1024, DAY_CHARS = 8 };

struct parameter {
    struct str name, value;
};

static int by_name(const void *a, const void *b)
{
    const struct fetch_header *x = a, *y = b;
    return str_compare(x->name, y->name);
}

static int by_name_and_value(const void *a, const void *b)
{
    const struct parameter *x = a, *y = b;
    int order = str_compare(x->name, y->name);
    return order ? order : str_compare(x->value, y->value);
}

static enum err put_query(struct str query, struct buf *out)
{
    struct parameter list[SIGV4_PARAMETERS_MAX];
    size_t count = 0;
    while (query.len) {
        struct str one;
        query = str_split(query, '&', &one);
        if (count == SIGV4_PARAMETERS_MAX)
            return ERR_INVALID;
        list[count].value = str_split(one, '=', &list[count].name);
        count++;
    }
    qsort(list, count, sizeof list[0], by_name_and_value);
    for (size_t i = 0; i < count; i++) {
        TRY(buf_put(out, i ? STR("&") : STR_EMPTY));
        TRY(buf_put(out, list[i].name));
        TRY(buf_put_byte(out, '='));
        TRY(buf_put(out, list[i].value));
    }
    return OK;
}

static enum err put_names(const struct fetch_header *sorted, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        TRY(buf_put(out, i ? STR(";") : STR_EMPTY));
        TRY(buf_put(out, sorted[i].name));
    }
    return OK;
}

static enum err put_line(struct buf *out, struct str text)
{
    TRY(buf_put(out, text));
    return buf_put_byte(out, '\n');
}

static enum err put_canonical(const struct sigv4 *s, const struct fetch_header *sorted,
                              struct buf *out)
{
    TRY(put_line(out, s->method));
    TRY(put_line(out, s->path));
    TRY(put_query(s->query, out));
    TRY(put_line(out, STR_EMPTY));
    for (size_t i = 0; i < s->header_count; i++) {
        TRY(buf_put(out, sorted[i].name));
        TRY(buf_put_byte(out, ':'));
        TRY(put_line(out, sorted[i].value));
    }
    TRY(put_line(out, STR_EMPTY));
    TRY(put_names(sorted, s->header_count, out));
    TRY(put_line(out, STR_EMPTY));
    return buf_put(out, s->payload_hash);
}

static enum err put_scope(const struct sigv4 *s, struct buf *out)
{
    TRY(buf_put(out, str_slice(s->date, 0, DAY_CHARS)));
    TRY(buf_put_byte(out, '/'));
    TRY(buf_put(out, s->region));
    TRY(buf_put_byte(out, '/'));
    TRY(buf_put(out, s->service));
    return buf_put(out, STR("/aws4_request"));
}

static enum err put_string_to_sign(const struct sigv4 *s, struct str canonical, struct buf *out)
{
    uint8_t hash[HASH_BYTES];
    hash_sha256(canonical, hash);
    TRY(put_line(out, STR("AWS4-HMAC-SHA256")));
    TRY(put_line(out, s->date));
    TRY(put_scope(s, out));
    TRY(put_line(out, STR_EMPTY));
    return encode_hex(out, str_bytes(hash, sizeof hash));
}

/* The key of each step is the result of the step before; every one signs as well as the secret. */
static enum err sign(const struct sigv4 *s, struct str text, struct buf *out)
{
    const struct str steps[] = {str_slice(s->date, 0, DAY_CHARS), s->region, s->service,
                                STR("aws4_request"), text};
    AUTO(buf) struct buf first = buf_make(KEY_MAX_BYTES);
    TRY(buf_put(&first, STR("AWS4")));
    TRY(buf_put(&first, s->key_secret));
    uint8_t key[HASH_BYTES], next[HASH_BYTES];
    hash_hmac_sha256(buf_str(&first), steps[0], key);
    for (size_t i = 1; i < ARRAY_LEN(steps); i++) {
        hash_hmac_sha256(str_bytes(key, sizeof key), steps[i], next);
        memcpy(key, next, sizeof key);
    }
    enum err err = encode_hex(out, str_bytes(key, sizeof key));
    wipe(key, sizeof key);
    wipe(next, sizeof next);
    return err;
}

enum err sigv4_authorization(const struct sigv4 *s, struct buf *out)
{
    struct fetch_header sorted[SIGV4_HEADERS_MAX];
    if (s->header_count > SIGV4_HEADERS_MAX || s->date.len != SIGV4_DATE_BYTES - 1)
        return ERR_INVALID;
    for (size_t i = 0; i < s->header_count; i++)
        sorted[i] = s->headers[i];
    qsort(sorted, s->header_count, sizeof sorted[0], by_name);
    AUTO(buf) struct buf canonical = buf_make(CANONICAL_MAX_BYTES);
    AUTO(buf) struct buf to_sign = buf_make(CANONICAL_MAX_BYTES);
    TRY(put_canonical(s, sorted, &canonical));
    TRY(put_string_to_sign(s, buf_str(&canonical), &to_sign));
    TRY(buf_put(out, STR("AWS4-HMAC-SHA256 Credential=")));
    TRY(buf_put(out, s->key_id));
    TRY(buf_put_byte(out, '/'));
    TRY(put_scope(s, out));
    TRY(buf_put(out, STR(",SignedHeaders=")));
    TRY(put_names(sorted, s->header_count, out));
    TRY(buf_put(out, STR(",Signature=")));
    return sign(s, buf_str(&to_sign), out);
}

/* "2026-11-24T01:02:03.456Z" without punctuation and fraction. */
void sigv4_date(int64_t unix_ms, char ret[static SIGV4_DATE_BYTES])
{
    char text[CLOCK_TEXT_BYTES];
    size_t len = 0;
    clock_format(unix_ms, text);
    for (const char *c = text; *c && *c != '.' && len < SIGV4_DATE_BYTES - 2; c++)
        if (*c != '-' && *c != ':')
            ret[len++] = *c;
    ret[len++] = 'Z';
    ret[len] = 0;
}
