#include "job_s3.h"

#include "url.h"

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

/* Letters, digits and `marks`: what a region, a bucket or an ACL is made of. */
static bool is_word(struct str word, const char *marks)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == 0 || !strchr(marks, c)))
            return false;
    }
    return true;
}

static bool is_visible(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= 0x20 || (unsigned char)text.ptr[i] > 0x7e)
            return false;
    }
    return true;
}

/* A server or proxy that folds "a/../b" would put the file into another place than was signed. */
static bool has_dots(struct str key)
{
    struct str segment;
    while (key.len) {
        key = str_split(key, '/', &segment);
        if (str_is(segment, ".") || str_is(segment, ".."))
            return true;
    }
    return false;
}

static bool is_endpoint(struct str text)
{
    AUTO(url) struct url url = {.https = false};
    return url_parse(text, &url) == OK && str_find(text, '?') == text.len &&
           str_find(text, '#') == text.len;
}

const char *job_s3_problem(enum job_s3_part part, struct str text)
{
    switch (part) {
    case JOB_S3_REGION:
        return text.len && text.len <= JOB_S3_NAME_MAX_BYTES && is_word(text, "-_")
                   ? NULL
                   : "must be a region: letters, digits, - and _";
    case JOB_S3_BUCKET:
        return text.len && text.len <= JOB_S3_NAME_MAX_BYTES && text.ptr[0] != '.' &&
                       is_word(text, "-_.")
                   ? NULL
                   : "must be a bucket's name: letters, digits, - _ and ., not at the beginning";
    case JOB_S3_ACL:
        return text.len <= JOB_S3_NAME_MAX_BYTES && is_word(text, "-")
                   ? NULL
                   : "must be an ACL such as public-read";
    case JOB_S3_KEY_ID:
        return text.len && is_visible(text) ? NULL : "must be an access key id, without blanks";
    case JOB_S3_ENDPOINT:
        return !text.len || is_endpoint(text)
                   ? NULL
                   : "must be an http or https address without user, query and fragment";
    case JOB_S3_PREFIX:
        return text.len <= JOB_S3_PREFIX_MAX_BYTES && !has_dots(text)
                   ? NULL
                   : "must be at most 960 bytes, without . or .. between slashes";
    }
    return NULL;
}
