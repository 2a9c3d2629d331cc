#include "upload_parts.h"

#include <time.h>

#include "encode.h"
#include "s3_error.h"

enum {
    QUERY_MAX_BYTES = 4 * 1024,
    LIST_MAX_BYTES = 4 * 1024 * 1024, /* of 10,000 parts: each a number and a tag */
    ROUND_BYTES = 1024 * 1024,
    JOINING_IDLE_MS = 10 * 60 * 1000, /* putting many parts together takes minutes without a byte */
    TOLD_PERCENT = 10,                /* progress is told in steps of this */
};

struct parts {
    const struct s3_place *place;
    struct buf query; /* "uploadId=...", percent-encoded */
    struct buf list;  /* the body of the last request, as far as parts are there */
    struct fetch_result *result;
    const char *why;
    uint64_t told_percent;
};

static void parts_auto(struct parts *s)
{
    buf_auto(&s->query);
    buf_auto(&s->list);
}

uint64_t upload_parts_bytes(uint64_t file_bytes, uint64_t wished)
{
    uint64_t least = (file_bytes + UPLOAD_PARTS_MAX - 1) / UPLOAD_PARTS_MAX;
    return wished >= least ? wished : (least + ROUND_BYTES - 1) / ROUND_BYTES * ROUND_BYTES;
}

static bool accepted(const struct fetch_result *r)
{
    return r->status >= 200 && r->status < 300;
}

/* S3 sends the 200 before it has done what was asked: one that was cut off is as good as none. */
static bool worth_a_try(enum err err, const struct fetch_result *r)
{
    struct s3_error e;
    if (r->status == 0 || accepted(r))
        return errand_outcome(err) == OUTCOME_RETRY;
    s3_error_read(buf_str(&r->body), &e);
    return s3_error_passes(r->status, &e);
}

/* Between two tries of one part: the pause, then twice as long. */
static void pause_before(const struct errand *e, int try)
{
    int64_t ms = try > 0 ? e->pause_ms << (try - 1) : 0;
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    if (ms)
        (void)nanosleep(&t, NULL);
}

/* Until it is accepted, is refused for good, or was tried often enough. */
static enum err send_often(struct parts *s, const struct s3_request *q)
{
    enum err err = OK;
    for (int try = 0; try < UPLOAD_PART_TRIES_MAX; try++) {
        pause_before(s->place->errand, try);
        fetch_result_auto(s->result);
        err = s3_request_send(s->place, q, s->result);
        if ((err == OK && accepted(s->result)) || !worth_a_try(err, s->result))
            break;
    }
    return err;
}

/* False: the upload is over, one way or another; what is to be said stands in the result. */
static bool goes_on(const struct parts *s, enum err err)
{
    return err == OK && accepted(s->result) && !s->why;
}

static enum err begin(struct parts *s)
{
    const struct errand *e = s->place->errand;
    struct str type = e->order->content_type;
    const struct s3_request q = {.method = STR("POST"),
                                 .query = STR("uploads="),
                                 .content_type = type.len ? type : STR("application/octet-stream"),
                                 .acl = buf_str(&s->place->target->acl)};
    enum err err = send_often(s, &q);
    if (!goes_on(s, err))
        return err;
    struct str id = s3_error_upload_id(buf_str(&s->result->body));
    if (!id.len)
        s->why = "the storage began no upload in parts";
    TRY(buf_put(&s->query, STR("uploadId=")));
    return encode_percent(&s->query, id, false);
}

static bool tag_ok(struct str tag)
{
    for (size_t i = 0; i < tag.len; i++)
        if (strchr("<>&", tag.ptr[i]))
            return false;
    return tag.len > 0;
}

static enum err send_part(struct parts *s, unsigned number, uint64_t offset, uint64_t bytes)
{
    AUTO(buf) struct buf query = buf_make(QUERY_MAX_BYTES);
    TRY(buf_printf(&query, "partNumber=%u&", number));
    TRY(buf_put(&query, buf_str(&s->query)));
    const struct s3_request q = {
        .method = STR("PUT"), .query = buf_str(&query), .file_offset = offset, .file_bytes = bytes};
    enum err err = send_often(s, &q);
    if (!goes_on(s, err))
        return err;
    struct str tag = str_from(s->result->etag);
    if (!tag_ok(tag))
        s->why = "the storage gave no tag for a part";
    return buf_printf(&s->list, "<Part><PartNumber>%u</PartNumber><ETag>%.*s</ETag></Part>", number,
                      (int)tag.len, tag.ptr);
}

static void tell(struct parts *s, uint64_t done)
{
    const struct errand *e = s->place->errand;
    uint64_t percent = (uint64_t)((double)done * 100.0 / (double)e->order->size_bytes);
    if (!e->head || percent < s->told_percent + TOLD_PERCENT || done == e->order->size_bytes)
        return;
    s->told_percent = percent;
    const struct answer a = {
        .id = e->order->id, .kind = ANSWER_PROGRESS, .content_length = (int64_t)done};
    /* Nobody is there to hear it only when everything ends. */
    (void)!e->head(e->head_ctx, &a);
}

static enum err send_parts(struct parts *s)
{
    const struct errand *e = s->place->errand;
    uint64_t size = e->order->size_bytes, part = upload_parts_bytes(size, e->part_bytes);
    unsigned number = 1;
    for (uint64_t at = 0; at < size; at += part, number++) {
        uint64_t bytes = size - at < part ? size - at : part;
        enum err err = send_part(s, number, at, bytes);
        if (!goes_on(s, err))
            return err;
        tell(s, at + bytes);
    }
    return OK;
}

/* 200 is sent before the parts are put together: an error can stand in its body. */
static enum err end(struct parts *s)
{
    TRY(buf_put(&s->list, STR("</CompleteMultipartUpload>")));
    const struct s3_request q = {.method = STR("POST"),
                                 .query = buf_str(&s->query),
                                 .content_type = STR("application/xml"),
                                 .body = buf_str(&s->list),
                                 .idle_ms = JOINING_IDLE_MS};
    enum err err = send_often(s, &q);
    if (!goes_on(s, err))
        return err;
    struct str body = buf_str(&s->result->body), mark = STR("<CompleteMultipartUploadResult");
    if (str_search(body, mark, 0) == body.len)
        s->why = "the storage could not put the parts together";
    return OK;
}

static void abort_upload(struct parts *s)
{
    AUTO(fetch_result) struct fetch_result ignored = {0};
    const struct s3_request q = {.method = STR("DELETE"), .query = buf_str(&s->query)};
    (void)!s3_request_send(s->place, &q, &ignored);
}

enum err upload_parts(const struct s3_place *p, struct fetch_result *ret, const char **ret_why)
{
    AUTO(parts)
    struct parts s = {.place = p,
                      .query = buf_make(QUERY_MAX_BYTES),
                      .list = buf_make(LIST_MAX_BYTES),
                      .result = ret};
    *ret_why = NULL;
    TRY(buf_put(&s.list, STR("<CompleteMultipartUpload "
                             "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">")));
    enum err err = begin(&s);
    bool begun = goes_on(&s, err);
    if (begun)
        err = send_parts(&s);
    if (goes_on(&s, err))
        err = end(&s);
    if (begun && !goes_on(&s, err))
        abort_upload(&s);
    *ret_why = s.why;
    return err;
}
