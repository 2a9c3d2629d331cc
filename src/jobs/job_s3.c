#include "job_s3.h"

static bool host_label(struct str bucket)
{
    for (size_t i = 0; i < bucket.len; i++) {
        char c = bucket.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return bucket.len > 0 && bucket.len <= 63 && bucket.ptr[0] != '-' &&
           bucket.ptr[bucket.len - 1] != '-';
}

enum err job_s3_base(struct str endpoint, struct str region, struct str bucket, struct buf *out)
{
    const char *domain = str_starts(region, STR("cn-")) ? "amazonaws.com.cn" : "amazonaws.com";
    if (!endpoint.len && host_label(bucket))
        return buf_printf(out, "https://%.*s.s3.%.*s.%s/", (int)bucket.len, bucket.ptr,
                          (int)region.len, region.ptr, domain);
    while (str_ends(endpoint, STR("/")))
        endpoint.len--;
    if (endpoint.len)
        TRY(buf_put(out, endpoint));
    else
        TRY(buf_printf(out, "https://s3.%.*s.%s", (int)region.len, region.ptr, domain));
    TRY(buf_put_byte(out, '/'));
    TRY(buf_put(out, bucket));
    return buf_put_byte(out, '/');
}
