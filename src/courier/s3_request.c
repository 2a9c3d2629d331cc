#include "s3_request.h"

#include "clock.h"
#include "encode.h"
#include "hash.h"
#include "sigv4.h"

#include <errno.h>
#include <unistd.h>

enum {
    HASH_PIECE_BYTES = 64 * 1024,
    AUTHORIZATION_MAX_BYTES = 128 * 1024,
    HEADERS_MAX = 5,
};

static enum err put_hash(const uint8_t hash[static HASH_BYTES], struct buf *out)
{
    return encode_hex(out, str_bytes(hash, HASH_BYTES));
}

static enum err hash_file(int fd, uint64_t from, uint64_t len, struct buf *out)
{
    char piece[HASH_PIECE_BYTES];
    struct hash_sha256_state state;
    uint8_t hash[HASH_BYTES];
    hash_sha256_init(&state);
    for (uint64_t done = 0; done < len;) {
        size_t want = len - done < sizeof piece ? (size_t)(len - done) : sizeof piece;
        ssize_t n = pread(fd, piece, want, (off_t)(from + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        hash_sha256_update(&state, str_bytes(piece, (size_t)n));
        done += (uint64_t)n;
    }
    hash_sha256_final(&state, hash);
    return put_hash(hash, out);
}

static bool sends_file(const struct s3_request *q)
{
    return q->whole_file || q->file_bytes > 0;
}

static enum err put_payload_hash(const struct s3_place *p, const struct s3_request *q,
                                 struct buf *out)
{
    uint8_t hash[HASH_BYTES];
    if (sends_file(q) && p->url->https)
        return buf_put(out, STR("UNSIGNED-PAYLOAD"));
    if (sends_file(q))
        return hash_file(p->errand->data_fd, q->file_offset, q->file_bytes, out);
    hash_sha256(q->body, hash);
    return put_hash(hash, out);
}

static enum err put_url(const struct s3_place *p, const struct s3_request *q, struct buf *out)
{
    TRY(buf_put(out, buf_str(&p->url->text)));
    TRY(buf_put(out, q->query.len ? STR("?") : STR_EMPTY));
    return buf_put(out, q->query);
}

/* The headers to be signed, the host first. */
struct signing {
    struct fetch_header list[HEADERS_MAX];
    size_t count;
};

static void add(struct signing *s, struct str name, struct str value)
{
    if (value.len)
        s->list[s->count++] = (struct fetch_header){name, value};
}

static enum err authorize(const struct s3_place *p, const struct s3_request *q,
                          const struct signing *signing, struct str payload_hash, struct str date,
                          struct buf *out)
{
    const struct s3_target *t = p->target;
    struct sigv4 s = {.method = q->method,
                      .path = buf_str(&p->url->path),
                      .query = q->query,
                      .headers = signing->list,
                      .header_count = signing->count,
                      .payload_hash = payload_hash,
                      .date = date,
                      .region = buf_str(&t->region),
                      .service = STR("s3"),
                      .key_id = buf_str(&t->key_id),
                      .key_secret = buf_str(&t->key_secret)};
    return sigv4_authorization(&s, out);
}

enum err s3_request_send(const struct s3_place *p, const struct s3_request *q,
                         struct fetch_result *ret)
{
    char date[SIGV4_DATE_BYTES];
    AUTO(buf) struct buf host = buf_make(512), payload = buf_make(128);
    AUTO(buf) struct buf url = buf_make(2 * URL_MAX_BYTES);
    AUTO(buf) struct buf authorization = buf_make(AUTHORIZATION_MAX_BYTES);
    struct signing signing = {.count = 0};
    sigv4_date(clock_unix_ms(), date);
    TRY(url_authority(p->url, &host));
    TRY(put_url(p, q, &url));
    TRY(put_payload_hash(p, q, &payload));
    /* host is signed and sent by libcurl; the others are sent as they are signed. */
    add(&signing, STR("host"), buf_str(&host));
    add(&signing, STR("content-type"), q->content_type);
    add(&signing, STR("x-amz-content-sha256"), buf_str(&payload));
    add(&signing, STR("x-amz-date"), str_from(date));
    add(&signing, STR("x-amz-acl"), q->acl);
    TRY(authorize(p, q, &signing, buf_str(&payload), str_from(date), &authorization));
    signing.list[0] = (struct fetch_header){STR("Authorization"), buf_str(&authorization)};
    struct fetch f = {.method = q->method,
                      .url = buf_str(&url),
                      .headers = signing.list,
                      .header_count = signing.count,
                      .body = q->body,
                      .body_fd = sends_file(q) ? p->errand->data_fd : -1,
                      .body_offset = q->file_offset,
                      .body_len = q->file_bytes,
                      .ca_file = p->errand->ca_file,
                      .guard = p->errand->guard,
                      .idle_ms = q->idle_ms};
    return fetch_run(&f, ret);
}
