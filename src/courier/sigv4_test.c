#include "sigv4.h"

#include "aead.h"
#include "test.h"

/* S3's published examples ("Authenticating Requests: Using the Authorization Header"), with the
 * example credentials of the AWS documentation, and get-vanilla and its kin of the AWS Signature
 * Version 4 test suite. */
#define EXAMPLE_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define SUITE_SECRET   "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define EMPTY_HASH     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define S3_DATE        "20130524T000000Z"
#define S3_HOST        "examplebucket.s3.amazonaws.com"
#define SUITE_DATE     "20150830T123600Z"

struct example {
    const char *what, *method, *path, *query, *payload_hash, *date, *service, *key_id, *secret;
    const char *region;      /* NULL: us-east-1 */
    const char *headers[12]; /* name, value, ... */
    const char *authorization;
};

static const struct example examples[] = {
    {.what = "S3: GET object with Range",
     .method = "GET",
     .path = "/test.txt",
     .query = "",
     .payload_hash = EMPTY_HASH,
     .date = S3_DATE,
     .service = "s3",
     .key_id = "AKIAIOSFODNN7EXAMPLE",
     .secret = EXAMPLE_SECRET,
     .headers = {"x-amz-date", S3_DATE, "host", S3_HOST, "range", "bytes=0-9",
                 "x-amz-content-sha256", EMPTY_HASH},
     .authorization =
         "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
         "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
         "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {.what = "S3: PUT object",
     .method = "PUT",
     .path = "/test%24file.text",
     .query = "",
     .payload_hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     .date = S3_DATE,
     .service = "s3",
     .key_id = "AKIAIOSFODNN7EXAMPLE",
     .secret = EXAMPLE_SECRET,
     .headers = {"date", "Fri, 24 May 2013 00:00:00 GMT", "host", S3_HOST, "x-amz-content-sha256",
                 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072", "x-amz-date",
                 S3_DATE, "x-amz-storage-class", "REDUCED_REDUNDANCY"},
     .authorization =
         "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
         "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
         "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {.what = "S3: GET bucket lifecycle",
     .method = "GET",
     .path = "/",
     .query = "lifecycle",
     .payload_hash = EMPTY_HASH,
     .date = S3_DATE,
     .service = "s3",
     .key_id = "AKIAIOSFODNN7EXAMPLE",
     .secret = EXAMPLE_SECRET,
     .headers = {"host", S3_HOST, "x-amz-content-sha256", EMPTY_HASH, "x-amz-date", S3_DATE},
     .authorization =
         "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
         "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
         "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {.what = "S3: GET bucket (list objects)",
     .method = "GET",
     .path = "/",
     .query = "prefix=J&max-keys=2",
     .payload_hash = EMPTY_HASH,
     .date = S3_DATE,
     .service = "s3",
     .key_id = "AKIAIOSFODNN7EXAMPLE",
     .secret = EXAMPLE_SECRET,
     .headers = {"host", S3_HOST, "x-amz-content-sha256", EMPTY_HASH, "x-amz-date", S3_DATE},
     .authorization =
         "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
         "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
         "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    {.what = "suite: get-vanilla",
     .method = "GET",
     .path = "/",
     .query = "",
     .payload_hash = EMPTY_HASH,
     .date = SUITE_DATE,
     .service = "service",
     .key_id = "AKIDEXAMPLE",
     .secret = SUITE_SECRET,
     .headers = {"host", "example.amazonaws.com", "x-amz-date", SUITE_DATE},
     .authorization =
         "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
         "SignedHeaders=host;x-amz-date,"
         "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.what = "suite: get-vanilla-query-order-key-case",
     .method = "GET",
     .path = "/",
     .query = "Param2=value2&Param1=value1",
     .payload_hash = EMPTY_HASH,
     .date = SUITE_DATE,
     .service = "service",
     .key_id = "AKIDEXAMPLE",
     .secret = SUITE_SECRET,
     .headers = {"host", "example.amazonaws.com", "x-amz-date", SUITE_DATE},
     .authorization =
         "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
         "SignedHeaders=host;x-amz-date,"
         "Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {.what = "suite: post-vanilla",
     .method = "POST",
     .path = "/",
     .query = "",
     .payload_hash = EMPTY_HASH,
     .date = SUITE_DATE,
     .service = "service",
     .key_id = "AKIDEXAMPLE",
     .secret = SUITE_SECRET,
     .headers = {"host", "example.amazonaws.com", "x-amz-date", SUITE_DATE},
     .authorization =
         "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
         "SignedHeaders=host;x-amz-date,"
         "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.what = "computed with botocore 1.43: PUT with an ACL, an encoded key and an unsigned payload",
     .method = "PUT",
     .path = "/b/a%20b/%C3%BC%2B%24%25/J.mp4",
     .query = "",
     .payload_hash = "UNSIGNED-PAYLOAD",
     .date = "20261124T010203Z",
     .region = "eu-central-1",
     .service = "s3",
     .key_id = "AKID",
     .secret = "s/+e",
     .headers = {"x-amz-acl", "public-read", "content-type", "video/mp4", "host", "127.0.0.1:9000",
                 "x-amz-content-sha256", "UNSIGNED-PAYLOAD", "x-amz-date", "20261124T010203Z"},
     .authorization = "AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-central-1/s3/aws4_request,"
                      "SignedHeaders=content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date,"
                      "Signature=03a670832dacac9de765edda612fd61f4192d68a0c561d48687f9b81c65da96d"},
};

static struct sigv4 request_of(const struct example *e, struct fetch_header *headers)
{
    struct sigv4 s = {.method = str_from(e->method),
                      .path = str_from(e->path),
                      .query = str_from(e->query),
                      .headers = headers,
                      .payload_hash = str_from(e->payload_hash),
                      .date = str_from(e->date),
                      .region = str_from(e->region ? e->region : "us-east-1"),
                      .service = str_from(e->service),
                      .key_id = str_from(e->key_id),
                      .key_secret = str_from(e->secret)};
    for (size_t i = 0; i < ARRAY_LEN(e->headers) && e->headers[i]; i += 2)
        headers[s.header_count++] =
            (struct fetch_header){str_from(e->headers[i]), str_from(e->headers[i + 1])};
    return s;
}

static void test_published_examples(void)
{
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        struct fetch_header headers[6];
        struct sigv4 s = request_of(&examples[i], headers);
        AUTO(buf) struct buf out = buf_make(4096);
        printf("# %s\n", examples[i].what);
        CHECK_OK(sigv4_authorization(&s, &out));
        CHECK_STR(buf_str(&out), examples[i].authorization);
    }
}

static void test_every_part_changes_the_signature(void)
{
    struct fetch_header headers[6];
    const struct sigv4 base = request_of(&examples[1], headers);
    struct sigv4 all[] = {base, base, base, base, base, base, base, base, base};
    struct fetch_header other[] = {headers[0], headers[1], headers[2], headers[3], headers[4]};
    other[4].value = STR("STANDARD");
    all[1].method = STR("POST");
    all[2].path = STR("/test%24file.texu");
    all[3].query = STR("acl");
    all[4].payload_hash = STR("UNSIGNED-PAYLOAD");
    all[5].date = STR("20130524T000001Z");
    all[6].region = STR("us-east-2");
    all[7].key_secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ");
    all[8].headers = other;
    char seen[ARRAY_LEN(all)][65];
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        AUTO(buf) struct buf out = buf_make(4096);
        CHECK_OK(sigv4_authorization(&all[i], &out));
        CHECK_OK(str_to_text(str_slice(buf_str(&out), out.len - 64, out.len), seen[i], 65));
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(seen[i], seen[k]) != 0);
        CHECK(str_search(buf_str(&out), all[i].key_secret, 0) == out.len);
    }
}

static void test_what_does_not_fit_is_refused(void)
{
    struct fetch_header headers[SIGV4_HEADERS_MAX + 1];
    struct sigv4 s = request_of(&examples[0], headers);
    AUTO(buf) struct buf out = buf_make(4096);
    s.header_count = SIGV4_HEADERS_MAX + 1;
    CHECK_ERR(sigv4_authorization(&s, &out), ERR_INVALID);
    s = request_of(&examples[0], headers);
    s.date = STR("20130524");
    CHECK_ERR(sigv4_authorization(&s, &out), ERR_INVALID);
    s = request_of(&examples[0], headers);
    s.query = STR("1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17");
    CHECK_ERR(sigv4_authorization(&s, &out), ERR_INVALID);
    s = request_of(&examples[0], headers);
    AUTO(buf) struct buf small = buf_make(100);
    CHECK_ERR(sigv4_authorization(&s, &small), ERR_TOO_LARGE);
}

static void test_date_is_compact(void)
{
    char text[SIGV4_DATE_BYTES];
    sigv4_date(1369353600000, text);
    CHECK_STR(str_from(text), S3_DATE);
    sigv4_date(1440938160999, text);
    CHECK_STR(str_from(text), SUITE_DATE);
}

int main(void)
{
    if (crypto_open() != OK)
        return EXIT_FAILURE;
    RUN(test_published_examples);
    RUN(test_every_part_changes_the_signature);
    RUN(test_what_does_not_fit_is_refused);
    RUN(test_date_is_compact);
    return test_done();
}
