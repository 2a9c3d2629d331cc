#include "s3_error.h"

static struct str element(struct str body, struct str open, struct str close)
{
    size_t begin = str_search(body, open, 0);
    if (begin == body.len)
        return STR_EMPTY;
    begin += open.len;
    size_t end = str_search(body, close, begin);
    return end == body.len ? STR_EMPTY : str_slice(body, begin, end);
}

static void take_word(struct str word, char ret[static S3_WORD_BYTES])
{
    ret[0] = 0;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return;
    }
    if (str_to_text(word, ret, S3_WORD_BYTES) != OK)
        ret[0] = 0;
}

void s3_error_read(struct str body, struct s3_error *ret)
{
    take_word(element(body, STR("<Code>"), STR("</Code>")), ret->code);
    take_word(element(body, STR("<Region>"), STR("</Region>")), ret->region);
}

struct str s3_error_upload_id(struct str body)
{
    struct str id = element(body, STR("<UploadId>"), STR("</UploadId>"));
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.ptr[i] <= 0x20 || (unsigned char)id.ptr[i] > 0x7e ||
            strchr("<>&\"'", id.ptr[i]))
            return STR_EMPTY;
    return id.len <= S3_UPLOAD_ID_MAX_BYTES ? id : STR_EMPTY;
}

/* The codes of Amazon's documentation that S3's imitators share. */
static const struct {
    const char *code;
    bool passes; /* the same request may work later */
    const char *advice;
} codes[] = {
    {"InvalidAccessKeyId", false,
     "the storage does not know this access key id; check the secret that holds it"},
    {"SignatureDoesNotMatch", false,
     "the access key secret does not fit the key id; check the secret that holds it"},
    {"AccessDenied", false,
     "this key may not write there; allow it s3:PutObject on the bucket (with acl also "
     "s3:PutObjectAcl)"},
    {"ExpiredToken", false, "the key has expired; put a new one into its secret"},
    {"InvalidToken", false, "the storage does not accept this key; put another into its secret"},
    {"AccountProblem", false, "the storage account is closed or not paid"},
    {"NoSuchBucket", false,
     "there is no such bucket at this address; check bucket, region and endpoint"},
    {"InvalidBucketName", false, "the storage does not accept this bucket name"},
    {"AuthorizationHeaderMalformed", false, "the bucket is in another region; correct the region"},
    {"PermanentRedirect", false, "the bucket is in another region; correct region and endpoint"},
    {"TemporaryRedirect", true, "the bucket is being set up or moved"},
    {"IllegalLocationConstraintException", false,
     "the bucket is in another region; correct the region"},
    {"AccessControlListNotSupported", false, "the bucket takes no ACL; leave acl out"},
    {"InvalidArgument", false, "the storage does not accept a setting of this upload; check acl"},
    {"EntityTooLarge", false, "the file is larger than the storage takes"},
    {"QuotaExceeded", false, "the bucket's quota is used up"},
    {"XMinioStorageFull", true, "the storage is full"},
    {"RequestTimeTooSkewed", true, "the clock of this server or of the storage is wrong; set it"},
    {"RequestTimeout", true, "the storage waited too long for data"},
    {"OperationAborted", true, "something else is changing the same object"},
    {"SlowDown", true, "the storage asks for fewer requests"},
    {"ServiceUnavailable", true, "the storage is busy"},
    {"InternalError", true, "the storage failed"},
    {"NoSuchUpload", true, "the storage gave the upload up"},
    {"InvalidPart", true, "the storage lost a part of the upload"},
};

/* For answers that are not S3's, and codes that are not in the table. */
static const struct {
    int least, most;
    const char *advice;
} statuses[] = {
    {300, 399, "the address sends elsewhere, which is not followed; give the final endpoint"},
    {401, 401, "the storage does not accept the key"},
    {403, 403, "the storage does not let this key write there"},
    {404, 404, "nothing is at this address; check endpoint and bucket"},
    {405, 405, "this is no address of an S3 storage; check the endpoint"},
    {411, 411, "this is no address of an S3 storage; check the endpoint"},
    {413, 413, "the file is larger than the storage takes"},
    {429, 429, "the storage asks for fewer requests"},
    {500, 599, "the storage is not well"},
};

static size_t find(const struct s3_error *e)
{
    size_t i = 0;
    while (i < ARRAY_LEN(codes) && strcmp(codes[i].code, e->code) != 0)
        i++;
    return i;
}

bool s3_error_passes(int status, const struct s3_error *e)
{
    size_t i = find(e);
    return status == 408 || status == 429 || status >= 500 ||
           (i < ARRAY_LEN(codes) && codes[i].passes);
}

static const char *advice(int status, const struct s3_error *e)
{
    size_t i = find(e);
    if (i < ARRAY_LEN(codes))
        return codes[i].advice;
    for (i = 0; i < ARRAY_LEN(statuses); i++)
        if (status >= statuses[i].least && status <= statuses[i].most)
            return statuses[i].advice;
    return "";
}

enum err s3_error_describe(int status, const struct s3_error *e, struct buf *out)
{
    const char *what = advice(status, e);
    TRY(buf_printf(out, "%s%s%s", e->code, e->code[0] && what[0] ? ": " : "", what));
    return e->region[0] ? buf_printf(out, " (it is in %s)", e->region) : OK;
}
