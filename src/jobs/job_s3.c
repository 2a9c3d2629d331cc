#include "job_s3.h"

enum err job_s3_base(struct str endpoint, struct str region, struct str bucket, struct buf *out)
{
    while (str_ends(endpoint, STR("/")))
        endpoint.len--;
    if (endpoint.len)
        TRY(buf_put(out, endpoint));
    else if (str_is(region, "us-east-1"))
        TRY(buf_put(out, STR("https://s3.amazonaws.com"))); /* the documented default */
    else
        TRY(buf_printf(out, "https://s3.%.*s.amazonaws.com%s", (int)region.len, region.ptr,
                       str_starts(region, STR("cn-")) ? ".cn" : ""));
    TRY(buf_put_byte(out, '/'));
    TRY(buf_put(out, bucket));
    return buf_put_byte(out, '/');
}
