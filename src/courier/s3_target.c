#include "s3_target.h"

#include "encode.h"
#include "job_s3.h"
#include "json_decode.h"

enum {
    NAME_MAX_BYTES = 255,
    KEY_MAX_BYTES = 1024, /* S3's own limit */
    CREDENTIAL_MAX_BYTES = SECRET_VALUE_MAX_BYTES,
};

struct upload {
    struct str provider, prefix, params;
};
static const struct json_field UPLOAD[] = {
    JSON_FIELD(struct upload, provider, "provider", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct upload, prefix, "prefix", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct upload, params, "params", JSON_AS_OBJECT, JSON_REQUIRED, 0),
};

struct params {
    struct str region, bucket, key_id, key_secret, endpoint, acl;
};
static const struct json_field PARAMS[] = {
    JSON_FIELD(struct params, region, "region", JSON_AS_RAW, JSON_REQUIRED, 0),
    JSON_FIELD(struct params, bucket, "bucket", JSON_AS_RAW, JSON_REQUIRED, 0),
    JSON_FIELD(struct params, key_id, "accessKeyId", JSON_AS_RAW, JSON_REQUIRED, 0),
    JSON_FIELD(struct params, key_secret, "accessKeySecret", JSON_AS_RAW, JSON_REQUIRED, 0),
    JSON_FIELD(struct params, endpoint, "endpoint", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct params, acl, "acl", JSON_AS_RAW, JSON_OPTIONAL, 0),
};

static enum err decode(struct str fragment, struct upload *ret_upload, struct params *ret_params)
{
    AUTO(arena) struct arena arena = arena_make();
    struct problems problems;
    problems_init(&problems, &arena);
    *ret_upload = (struct upload){0};
    *ret_params = (struct params){0};
    TRY(json_decode(fragment, UPLOAD, ARRAY_LEN(UPLOAD), STR_EMPTY, &problems, ret_upload));
    return json_decode(ret_upload->params, PARAMS, ARRAY_LEN(PARAMS), STR("params"), &problems,
                       ret_params);
}

enum err s3_target_members(struct str fragment, struct str ret[static RESOLVE_MEMBERS_MAX])
{
    struct upload upload;
    struct params params;
    TRY(decode(fragment, &upload, &params));
    ret[0] = params.endpoint;
    ret[1] = params.region;
    ret[2] = params.bucket;
    return OK;
}

/* Letters, digits and `marks`: what a region, a bucket or an ACL is made of. */
static bool word_ok(struct str word, const char *marks)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == 0 || !strchr(marks, c)))
            return false;
    }
    return true;
}

static bool credentials_ok(const struct s3_target *t)
{
    struct str id = buf_str(&t->key_id);
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.ptr[i] <= 0x20 || (unsigned char)id.ptr[i] > 0x7e)
            return false;
    return id.len > 0 && t->key_secret.len > 0;
}

static enum err check(const struct s3_target *t, struct str provider)
{
    struct str bucket = buf_str(&t->bucket);
    bool ok = (provider.len == 0 || str_is(provider, "s3")) && t->region.len > 0 &&
              bucket.len > 0 && bucket.ptr[0] != '.' && word_ok(buf_str(&t->region), "-_") &&
              word_ok(bucket, "-_.") && word_ok(buf_str(&t->acl), "-") && credentials_ok(t);
    return ok ? OK : ERR_INVALID;
}

static enum err fill(struct str fragment, struct s3_target *t)
{
    struct upload upload;
    struct params params;
    AUTO(buf) struct buf provider = buf_make(NAME_MAX_BYTES);
    TRY(decode(fragment, &upload, &params));
    TRY(resolve_text(upload.provider, &provider));
    TRY(resolve_text(upload.prefix, &t->prefix));
    TRY(resolve_text(params.region, &t->region));
    TRY(resolve_text(params.bucket, &t->bucket));
    TRY(resolve_text(params.key_id, &t->key_id));
    TRY(resolve_text(params.key_secret, &t->key_secret));
    TRY(resolve_text(params.endpoint, &t->endpoint));
    TRY(resolve_text(params.acl, &t->acl));
    return check(t, buf_str(&provider));
}

enum err s3_target_read(struct str fragment, struct s3_target *ret)
{
    struct s3_target t = {.prefix = buf_make(KEY_MAX_BYTES),
                          .region = buf_make(NAME_MAX_BYTES),
                          .bucket = buf_make(NAME_MAX_BYTES),
                          .key_id = buf_make(CREDENTIAL_MAX_BYTES),
                          .key_secret = buf_make(CREDENTIAL_MAX_BYTES),
                          .endpoint = buf_make(URL_MAX_BYTES),
                          .acl = buf_make(NAME_MAX_BYTES)};
    if (fill(fragment, &t) != OK) {
        s3_target_auto(&t);
        return ERR_INVALID;
    }
    *ret = t;
    return OK;
}

void s3_target_auto(struct s3_target *t)
{
    struct buf *all[] = {&t->prefix,     &t->region,   &t->bucket, &t->key_id,
                         &t->key_secret, &t->endpoint, &t->acl};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        buf_auto(all[i]);
}

/* A server or proxy that folds "a/../b" would put the file into another place than was signed. */
static bool dotted(struct str key)
{
    struct str segment;
    while (key.len) {
        key = str_split(key, '/', &segment);
        if (str_is(segment, ".") || str_is(segment, ".."))
            return true;
    }
    return false;
}

static enum err put_key(const struct s3_target *t, struct str object_name, struct buf *out)
{
    AUTO(buf) struct buf key = buf_make(KEY_MAX_BYTES);
    struct str prefix = buf_str(&t->prefix);
    while (str_starts(prefix, STR("/")))
        prefix = str_slice(prefix, 1, prefix.len);
    while (str_ends(prefix, STR("/")))
        prefix.len--;
    TRY(buf_put(&key, prefix));
    TRY(buf_put(&key, prefix.len ? STR("/") : STR_EMPTY));
    TRY(buf_put(&key, object_name));
    if (dotted(buf_str(&key)))
        return ERR_INVALID;
    return encode_percent(out, buf_str(&key), true);
}

enum err s3_target_url(const struct s3_target *t, struct str object_name, struct url *ret)
{
    AUTO(buf) struct buf text = buf_make(2 * URL_MAX_BYTES);
    struct str endpoint = buf_str(&t->endpoint);
    if (str_find(endpoint, '?') < endpoint.len || str_find(endpoint, '#') < endpoint.len)
        return ERR_INVALID;
    TRY(job_s3_base(endpoint, buf_str(&t->region), buf_str(&t->bucket), &text));
    TRY(put_key(t, object_name, &text));
    return url_parse(buf_str(&text), ret);
}
