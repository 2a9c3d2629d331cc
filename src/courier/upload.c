/* The output in the spool, to the bucket the job names: one signed PUT, streamed. */
#include "alloc.h"
#include "clock.h"
#include "encode.h"
#include "errand.h"
#include "hash.h"
#include "s3_error.h"
#include "s3_target.h"
#include "sigv4.h"

#include <errno.h>
#include <unistd.h>

enum { HASH_PIECE_BYTES = 64 * 1024, AUTHORIZATION_MAX_BYTES = 128 * 1024, WHAT_MAX_BYTES = 1024 };

static enum err destination(const struct order *order, struct str fragment, struct url *ret)
{
    AUTO(s3_target) struct s3_target target = {0};
    TRY(s3_target_read(fragment, &target));
    return s3_target_url(&target, order->object_name, ret);
}

static const struct resolve_how HOW = {s3_target_members, destination};

static enum err hash_file(int fd, uint64_t len, struct buf *out)
{
    char piece[HASH_PIECE_BYTES];
    struct hash_sha256_state state;
    uint8_t hash[HASH_BYTES];
    hash_sha256_init(&state);
    for (uint64_t at = 0; at < len;) {
        size_t want = len - at < sizeof piece ? (size_t)(len - at) : sizeof piece;
        ssize_t n = pread(fd, piece, want, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        hash_sha256_update(&state, str_bytes(piece, (size_t)n));
        at += (uint64_t)n;
    }
    hash_sha256_final(&state, hash);
    return encode_hex(out, str_bytes(hash, sizeof hash));
}

/* TLS vouches for the body; without it the signature has to, at the price of reading it twice. */
static enum err put_payload_hash(const struct errand *e, const struct url *url, struct buf *out)
{
    if (url->https)
        return buf_put(out, STR("UNSIGNED-PAYLOAD"));
    return hash_file(e->data_fd, e->order->size_bytes, out);
}

static enum err put_object(const struct errand *e, const struct s3_target *t, const struct url *url,
                           struct fetch_result *ret)
{
    char date[SIGV4_DATE_BYTES];
    AUTO(buf) struct buf host = buf_make(512);
    AUTO(buf) struct buf payload = buf_make(128);
    AUTO(buf) struct buf authorization = buf_make(AUTHORIZATION_MAX_BYTES);
    struct str type = e->order->content_type;
    sigv4_date(clock_unix_ms(), date);
    TRY(url_authority(url, &host));
    TRY(put_payload_hash(e, url, &payload));
    /* host is signed and sent by libcurl; the others are sent as they are signed. */
    struct fetch_header headers[] = {
        {STR("host"), buf_str(&host)},
        {STR("content-type"), type.len ? type : STR("application/octet-stream")},
        {STR("x-amz-content-sha256"), buf_str(&payload)},
        {STR("x-amz-date"), str_from(date)},
        {STR("x-amz-acl"), buf_str(&t->acl)},
    };
    size_t count = ARRAY_LEN(headers) - (t->acl.len ? 0 : 1);
    struct sigv4 s = {.method = STR("PUT"),
                      .path = buf_str(&url->path),
                      .headers = headers,
                      .header_count = count,
                      .payload_hash = buf_str(&payload),
                      .date = str_from(date),
                      .region = buf_str(&t->region),
                      .service = STR("s3"),
                      .key_id = buf_str(&t->key_id),
                      .key_secret = buf_str(&t->key_secret)};
    TRY(sigv4_authorization(&s, &authorization));
    headers[0] = (struct fetch_header){STR("Authorization"), buf_str(&authorization)};
    struct fetch f = {.method = STR("PUT"),
                      .url = buf_str(&url->text),
                      .headers = headers,
                      .header_count = count,
                      .body_fd = e->data_fd,
                      .body_len = e->order->size_bytes,
                      .ca_file = e->ca_file,
                      .guard = e->guard};
    return fetch_run(&f, ret);
}

static enum err describe(const struct s3_target *t, const struct url *url, struct buf *out)
{
    TRY(buf_printf(out, "upload to bucket %.*s at ", (int)t->bucket.len, t->bucket.ptr));
    return url_authority(url, out);
}

void upload_run(const struct errand *e, struct errand_end *ret)
{
    AUTO(resolved) struct resolved r = {0};
    AUTO(s3_target) struct s3_target target = {0};
    AUTO(buf) struct buf what = buf_make(WHAT_MAX_BYTES);
    AUTO(fetch_result) struct fetch_result result = {0};
    char code[S3_CODE_BYTES];
    enum err err = e->data_fd < 0 ? ERR_INVALID : resolve(e, &HOW, &r);
    if (err == OK)
        err = s3_target_read(buf_str(&r.json), &target);
    if (err == OK)
        err = describe(&target, &r.url, &what);
    if (err != OK) {
        errand_refuse(ret, "upload", err);
        return;
    }
    err = put_object(e, &target, &r.url, &result);
    s3_error_code(buf_str(&result.body), code);
    errand_conclude(ret, r.set, buf_str(&what), err, &result, str_from(code));
}
