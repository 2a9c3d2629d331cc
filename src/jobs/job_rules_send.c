/* Upload and webhook: where a job's result goes. */
#include "job_rules.h"
#include "job_s3.h"

struct upload {
    struct str provider, prefix, output_url, params;
};
static const struct json_field UPLOAD[] = {
    JSON_FIELD(struct upload, provider, "provider", JSON_AS_STR, JSON_NULLABLE, JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct upload, prefix, "prefix", JSON_AS_STR, JSON_NULLABLE, JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct upload, output_url, "outputUrl", JSON_AS_STR, JSON_NULLABLE,
               JOB_URL_MAX_BYTES),
    JSON_FIELD(struct upload, params, "params", JSON_AS_OBJECT, JSON_REQUIRED, 0),
};
static const char *const UPLOAD_KNOWN[] = {"provider", "prefix", "outputUrl", "params", NULL};

static const struct json_field PARAMS[] = {
    JSON_FIELD(struct job_upload, region, "region", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY,
               JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct job_upload, bucket, "bucket", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY,
               JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct job_upload, access_key_id, "accessKeyId", JSON_AS_STR,
               JSON_REQUIRED | JSON_NOT_EMPTY, JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct job_upload, access_key_secret, "accessKeySecret", JSON_AS_STR,
               JSON_REQUIRED | JSON_NOT_EMPTY, JOB_TEXT_MAX_BYTES),
    JSON_FIELD(struct job_upload, endpoint, "endpoint", JSON_AS_STR, JSON_NULLABLE,
               JOB_URL_MAX_BYTES),
    JSON_FIELD(struct job_upload, acl, "acl", JSON_AS_STR, JSON_NULLABLE, JOB_TEXT_MAX_BYTES),
};
static const char *const PARAMS_KNOWN[] = {"region",   "bucket", "accessKeyId", "accessKeySecret",
                                           "endpoint", "acl",    NULL};

static const char NOT_A_URL[] = "must be an http or https address, without a user in it";

/* What is literal is judged here, so that nothing is rendered that cannot be handed over. */
static enum err check_literals(struct job_rules *r, const struct job_upload *u)
{
    const struct {
        enum job_s3_part part;
        struct str text;
        const char *pointer;
    } all[] = {{JOB_S3_REGION, u->region, "/upload/params/region"},
               {JOB_S3_BUCKET, u->bucket, "/upload/params/bucket"},
               {JOB_S3_ACL, u->acl, "/upload/params/acl"},
               {JOB_S3_KEY_ID, u->access_key_id, "/upload/params/accessKeyId"},
               {JOB_S3_ENDPOINT, u->endpoint, "/upload/params/endpoint"},
               {JOB_S3_PREFIX, u->prefix, "/upload/prefix"}};
    enum err e = OK;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        const char *why = all[i].text.len && !job_rules_refers(all[i].text)
                              ? job_s3_problem(all[i].part, all[i].text)
                              : NULL;
        if (why)
            e = job_rules_add(r, all[i].pointer, why);
    }
    return e;
}

/* What is appended to it must become a part of its path. */
static bool is_output_base(struct str url)
{
    return job_rules_url(url) && str_find(url, '?') == url.len && str_find(url, '#') == url.len;
}

enum err job_rules_upload(struct job_rules *r, struct str object, struct job_upload *ret)
{
    struct upload u = {0};
    struct job_upload all = {0};
    enum err e = job_rules_only(r, object, job_rules_at(r, "/upload"), UPLOAD_KNOWN);
    enum err shape =
        json_decode(object, UPLOAD, ARRAY_LEN(UPLOAD), job_rules_at(r, "/upload"), r->problems, &u);
    if (u.params.ptr) {
        struct str at = job_rules_at(r, "/upload/params");
        enum err params = job_rules_only(r, u.params, at, PARAMS_KNOWN);
        e = params == OK ? e : params;
        params = json_decode(u.params, PARAMS, ARRAY_LEN(PARAMS), job_rules_at(r, "/upload/params"),
                             r->problems, &all);
        e = params == OK ? e : params;
    }
    if (u.provider.len && !str_is(u.provider, "s3"))
        e = job_rules_add(r, "/upload/provider", "must be s3, the only provider");
    if (u.output_url.len && !is_output_base(u.output_url))
        e = job_rules_add(r, "/upload/outputUrl",
                          "must be an http or https address without user, query and fragment");
    if (all.endpoint.len && job_rules_refers(all.endpoint) && !job_rules_url(all.endpoint))
        e = job_rules_add(r, "/upload/params/endpoint", NOT_A_URL);
    all.provider = u.provider;
    all.prefix = u.prefix;
    all.output_url = u.output_url;
    enum err literals = check_literals(r, &all);
    *ret = all;
    e = literals == OK ? e : literals;
    return shape == OK ? e : shape;
}

struct webhook {
    struct str url, method, headers, data;
    bool custom;
};
static const struct json_field WEBHOOK[] = {
    JSON_FIELD(struct webhook, url, "url", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY,
               JOB_URL_MAX_BYTES),
    JSON_FIELD(struct webhook, method, "method", JSON_AS_STR, JSON_NULLABLE, JOB_WORD_MAX_BYTES),
    JSON_FIELD(struct webhook, headers, "headers", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct webhook, data, "data", JSON_AS_OBJECT, JSON_NULLABLE, 0),
    JSON_FIELD(struct webhook, custom, "custom", JSON_AS_BOOL, JSON_NULLABLE, 0),
};
static const char *const METHODS[] = {"GET", "POST", "PUT", "DELETE", NULL};

enum err job_rules_webhook(struct job_rules *r, struct str object)
{
    struct webhook w = {0};
    struct str at = job_rules_at(r, "/webhook");
    enum err e = json_decode(object, WEBHOOK, ARRAY_LEN(WEBHOOK), at, r->problems, &w);
    if (w.url.len && !job_rules_url(w.url))
        e = job_rules_add(r, "/webhook/url", NOT_A_URL);
    if (w.method.len && !job_rules_one_of(w.method, METHODS))
        e = job_rules_add(r, "/webhook/method", "must be GET, POST, PUT or DELETE");
    if (w.headers.ptr) {
        enum err headers = job_rules_headers(r, w.headers, job_rules_at(r, "/webhook/headers"));
        e = headers == OK ? e : headers;
    }
    return e;
}
