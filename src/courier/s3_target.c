#include "s3_target.h"

#include "encode.h"
#include "job_s3.h"
#include "json_decode.h"

enum {
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

static enum err check(const struct s3_target *t, struct str provider)
{
    const struct {
        enum job_s3_part part;
        const struct buf *text;
    } all[] = {{JOB_S3_REGION, &t->region},     {JOB_S3_BUCKET, &t->bucket},
               {JOB_S3_ACL, &t->acl},           {JOB_S3_KEY_ID, &t->key_id},
               {JOB_S3_ENDPOINT, &t->endpoint}, {JOB_S3_PREFIX, &t->prefix}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (job_s3_problem(all[i].part, buf_str(all[i].text)))
            return ERR_INVALID;
    bool ok = (provider.len == 0 || str_is(provider, "s3")) && t->key_secret.len > 0;
    return ok ? OK : ERR_INVALID;
}

static enum err fill(struct str fragment, struct s3_target *t)
{
    struct upload upload;
    struct params params;
    AUTO(buf) struct buf provider = buf_make(JOB_S3_NAME_MAX_BYTES);
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
    struct s3_target t = {.prefix = buf_make(JOB_S3_KEY_MAX_BYTES),
                          .region = buf_make(JOB_S3_NAME_MAX_BYTES),
                          .bucket = buf_make(JOB_S3_NAME_MAX_BYTES),
                          .key_id = buf_make(CREDENTIAL_MAX_BYTES),
                          .key_secret = buf_make(CREDENTIAL_MAX_BYTES),
                          .endpoint = buf_make(URL_MAX_BYTES),
                          .acl = buf_make(JOB_S3_NAME_MAX_BYTES)};
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

static enum err put_key(const struct s3_target *t, struct str object_name, struct buf *out)
{
    AUTO(buf) struct buf key = buf_make(JOB_S3_KEY_MAX_BYTES);
    struct str prefix = buf_str(&t->prefix);
    while (str_starts(prefix, STR("/")))
        prefix = str_slice(prefix, 1, prefix.len);
    while (str_ends(prefix, STR("/")))
        prefix.len--;
    TRY(buf_put(&key, prefix));
    TRY(buf_put(&key, prefix.len ? STR("/") : STR_EMPTY));
    TRY(buf_put(&key, object_name));
    return encode_percent(out, buf_str(&key), true);
}

enum err s3_target_url(const struct s3_target *t, struct str object_name, struct url *ret)
{
    AUTO(buf) struct buf text = buf_make(2 * URL_MAX_BYTES);
    TRY(job_s3_base(buf_str(&t->endpoint), buf_str(&t->region), buf_str(&t->bucket), &text));
    TRY(put_key(t, object_name, &text));
    return url_parse(buf_str(&text), ret);
}
