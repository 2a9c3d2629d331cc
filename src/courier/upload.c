/* The output in the spool, to the bucket the job names: one signed PUT, or in parts when it is
 * larger than one of them; streamed either way. */
#include "errand.h"
#include "s3_error.h"
#include "s3_request.h"
#include "upload_parts.h"

enum { WHAT_MAX_BYTES = 1024, REASON_MAX_BYTES = 1024 };

static enum err destination(const struct order *order, struct str fragment, struct url *ret)
{
    AUTO(s3_target) struct s3_target target = {0};
    TRY(s3_target_read(fragment, &target));
    return s3_target_url(&target, order->object_name, ret);
}

static const struct resolve_how HOW = {s3_target_members, destination};

static enum err describe(const struct s3_target *t, const struct url *url, struct buf *out)
{
    TRY(buf_printf(out, "upload to bucket %.*s at ", (int)t->bucket.len, t->bucket.ptr));
    return url_authority(url, out);
}

static enum err put_whole(const struct s3_place *p, struct fetch_result *ret)
{
    const struct order *o = p->errand->order;
    const struct s3_request q = {
        .method = STR("PUT"),
        .content_type = o->content_type.len ? o->content_type : STR("application/octet-stream"),
        .acl = buf_str(&p->target->acl),
        .whole_file = true,
        .file_bytes = o->size_bytes};
    return s3_request_send(p, &q, ret);
}

static void conclude(const struct redact_set *set, struct str what, enum err err,
                     const struct fetch_result *result, const char *why, struct errand_end *ret)
{
    struct s3_error said;
    AUTO(buf) struct buf reason = buf_make(REASON_MAX_BYTES);
    bool accepted = result->status >= 200 && result->status < 300;
    if (accepted && err != OK && !why) /* a head alone does not say that the file is there */
        why = result->why;
    accepted = accepted && !why;
    s3_error_read(buf_str(&result->body), &said);
    enum err put = why ? buf_printf(&reason, "%s ", why) : OK;
    if (put == OK && !accepted)
        put = s3_error_describe(result->status, &said, &reason);
    if (put != OK)
        buf_reset(&reason);
    errand_conclude(ret, set, what, err, result, str_trim(buf_str(&reason)));
    if (result->status && !accepted) {
        bool later = why || s3_error_passes(result->status, &said);
        ret->outcome = later ? OUTCOME_RETRY : OUTCOME_FAILED;
        ret->err = ERR_UPSTREAM;
    }
}

void upload_run(const struct errand *e, struct errand_end *ret)
{
    AUTO(resolved) struct resolved r = {0};
    AUTO(s3_target) struct s3_target target = {0};
    AUTO(buf) struct buf what = buf_make(WHAT_MAX_BYTES);
    AUTO(fetch_result) struct fetch_result result = {0};
    const struct s3_place place = {e, &target, &r.url};
    const char *why = NULL;
    enum err err = e->data_fd < 0 ? ERR_INVALID : resolve(e, &HOW, &r);
    if (err == OK)
        err = s3_target_read(buf_str(&r.json), &target);
    if (err == OK)
        err = describe(&target, &r.url, &what);
    if (err != OK) {
        errand_refuse(ret, "upload", r.refused, err);
        return;
    }
    if (e->part_bytes > 0 && e->order->size_bytes > e->part_bytes)
        err = upload_parts(&place, &result, &why);
    else
        err = put_whole(&place, &result);
    conclude(r.set, buf_str(&what), err, &result, why, ret);
}
