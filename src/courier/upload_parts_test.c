/* Uploads in parts, against a storage of ours that a test tells what to answer to which request. */
#include "upload_parts.h"

#include "aead.h"
#include "alloc.h"
#include "courier_fixture.h"

enum { REQUESTS_MAX = 64, PART_BYTES = 1000, FILE_BYTES = 3500 };

/* Answers one after the other; the last one again and again. */
static struct test_http server;
static const char *const *script;
static size_t script_len, script_at;
static struct {
    char line[600];
    char body[2048];
    size_t body_bytes;
} seen[REQUESTS_MAX];
static size_t seen_count;
static char file[FILE_BYTES];

#define CREATED                                                                                    \
    "HTTP/1.1 200 OK\r\n\r\n<InitiateMultipartUploadResult><UploadId>up+1/a=="                     \
    "</UploadId></InitiateMultipartUploadResult>"
#define PART_OK "HTTP/1.1 200 OK\r\nETag: \"tag-1\"\r\nContent-Length: 0\r\n\r\n"
#define ENDED                                                                                      \
    "HTTP/1.1 200 "                                                                                \
    "OK\r\n\r\n<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
#define ABORTED "HTTP/1.1 204 No Content\r\n\r\n"
#define BUSY    "HTTP/1.1 503 x\r\n\r\n<Error><Code>SlowDown</Code></Error>"
#define DENIED  "HTTP/1.1 403 x\r\n\r\n<Error><Code>AccessDenied</Code></Error>"
#define BROKEN  ""
/* The head is there, and then the connection ends in the middle of the body. */
#define CUT      "HTTP/1.1 200 OK\r\nETag: \"tag-1\"\r\nContent-Length: 500\r\n\r\n<Complete"
#define END_FAIL "HTTP/1.1 200 OK\r\n\r\n<Error><Code>InternalError</Code></Error>"

static void answer(struct test_http *s, int fd)
{
    ASSERT(seen_count < REQUESTS_MAX);
    struct str line;
    (void)str_split(buf_str(&s->head), '\r', &line);
    ASSERT(str_to_text(line, seen[seen_count].line, sizeof seen[0].line) == OK);
    struct str body = str_slice(buf_str(&s->body), 0, sizeof seen[0].body - 1);
    memcpy(seen[seen_count].body, body.ptr, body.len);
    seen[seen_count].body[body.len] = 0;
    seen[seen_count++].body_bytes = s->body.len;
    const char *text = script[script_at];
    script_at += script_at + 1 < script_len;
    (void)!io_write_all(fd, str_from(text));
}

static struct {
    int count;
    int64_t last;
} progress;

static enum err on_answer(void *ctx, const struct answer *a)
{
    (void)ctx;
    CHECK_EQ(a->kind, ANSWER_PROGRESS);
    CHECK(a->content_length > progress.last);
    progress.last = a->content_length;
    progress.count++;
    return OK;
}

#define UPLOAD                                                                                     \
    "{\"prefix\":\"r/\",\"params\":{\"endpoint\":\"%s\",\"region\":\"r\",\"bucket\":\"b\","        \
    "\"accessKeyId\":\"${secret.KEY_ID}\",\"accessKeySecret\":\"${secret.KEY}\",\"acl\":"          \
    "\"private\"}}"

static void run(const char *const *answers, size_t count, uint64_t bytes, struct errand_end *ret)
{
    static const struct guard_policy lenient = {.allow_loopback = true, .allow_http = true};
    AUTO(arena) struct arena a = arena_make();
    AUTO(fd) int fd = memfd_with(str_bytes(file, bytes));
    const char *mark = strstr(UPLOAD, "%s");
    struct str fragment =
        arena_printf(&a, "%.*s%s%s", (int)(mark - UPLOAD), UPLOAD, server.url, mark + 2);
    struct order order = {.id = 7,
                          .kind = ORDER_UPLOAD,
                          .job_id = JOB,
                          .object_name = STR("J.mp4"),
                          .content_type = STR("video/mp4"),
                          .size_bytes = bytes,
                          .bundle = bundle_of(fragment.ptr, &a)};
    const struct errand e = {.order = &order,
                             .data_fd = fd,
                             .vault = place.vault.vault,
                             .guard = &lenient,
                             .part_bytes = PART_BYTES,
                             .head = on_answer};
    script = answers;
    script_len = count;
    script_at = seen_count = 0;
    progress.count = 0;
    progress.last = 0;
    errand_run(&e, ret);
    check_clean(buf_str(&ret->message));
    CHECK(str_search(buf_str(&server.all), str_from(known[1].value), 0) == server.all.len);
    CHECK_EQ(secret_arena_used(), 0);
}

static bool ends_with(const struct errand_end *end, const char *text)
{
    bool so = str_ends(buf_str(&end->message), str_from(text));
    if (!so)
        fprintf(stderr, "%.*s\n", (int)end->message.len, end->message.ptr);
    return so;
}

static void test_all_parts_and_the_end(void)
{
    static const char *const answers[] = {CREATED, PART_OK, PART_OK, PART_OK, PART_OK, ENDED};
    AUTO(errand_end) struct errand_end end = {0};
    run(answers, ARRAY_LEN(answers), FILE_BYTES, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    CHECK_EQ(end.status, 200);
    CHECK_EQ(seen_count, 6);
    CHECK_STR(str_from(seen[0].line), "POST /b/r/J.mp4?uploads= HTTP/1.1");
    CHECK_STR(str_from(seen[1].line),
              "PUT /b/r/J.mp4?partNumber=1&uploadId=up%2B1%2Fa%3D%3D HTTP/1.1");
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(seen[1 + i].body_bytes, i < 3 ? PART_BYTES : 500);
        CHECK(memcmp(seen[1 + i].body, file + i * PART_BYTES, seen[1 + i].body_bytes) == 0);
    }
    CHECK_STR(str_from(seen[5].line), "POST /b/r/J.mp4?uploadId=up%2B1%2Fa%3D%3D HTTP/1.1");
    CHECK(strstr(seen[5].body, "<Part><PartNumber>4</PartNumber><ETag>\"tag-1\"</ETag></Part>"
                               "</CompleteMultipartUpload>") != NULL);
    CHECK_EQ(progress.count, 3); /* not of the last part: the end says it */
}

static void test_what_is_not_larger_goes_whole(void)
{
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\n\r\n"};
    AUTO(errand_end) struct errand_end end = {0}, other = {0};
    run(answers, 1, PART_BYTES, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    CHECK_EQ(seen_count, 1);
    CHECK_STR(str_from(seen[0].line), "PUT /b/r/J.mp4 HTTP/1.1");
    run(answers, 1, 0, &other);
    CHECK_EQ(other.outcome, OUTCOME_DONE);
    CHECK_EQ(seen[0].body_bytes, 0);
}

static void test_a_part_is_tried_again(void)
{
    static const char *const answers[] = {CREATED, PART_OK, BROKEN,  BUSY,
                                          PART_OK, PART_OK, PART_OK, ENDED};
    AUTO(errand_end) struct errand_end end = {0};
    run(answers, ARRAY_LEN(answers), FILE_BYTES, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    CHECK_EQ(seen_count, 8);
    for (size_t i = 2; i <= 4; i++)
        CHECK(strstr(seen[i].line, "partNumber=2&") != NULL);
}

/* Each: what is answered, how it ends, how many requests that takes, and the last is an abort. */
static const struct {
    const char *answers[10];
    enum outcome outcome;
    size_t requests;
    bool aborted;
    const char *message;
} failures[] = {
    {{DENIED},
     OUTCOME_FAILED,
     1,
     false,
     ": 403 AccessDenied: this key may not write there; allow it s3:PutObject on the bucket (with "
     "acl "
     "also s3:PutObjectAcl)"},
    {{BUSY}, OUTCOME_RETRY, 3, false, ": 503 SlowDown: the storage asks for fewer requests"},
    {{"HTTP/1.1 200 OK\r\n\r\nhello"},
     OUTCOME_RETRY,
     1,
     false,
     ": 200 the storage began no upload in parts"},
    {{CREATED, PART_OK, BUSY, BUSY, BUSY, ABORTED},
     OUTCOME_RETRY,
     6,
     true,
     ": 503 SlowDown: the storage asks for fewer requests"},
    {{CREATED, PART_OK, DENIED, ABORTED},
     OUTCOME_FAILED,
     4,
     true,
     ": 403 AccessDenied: this key may not write there; allow it s3:PutObject on the bucket (with "
     "acl "
     "also s3:PutObjectAcl)"},
    {{CREATED, BROKEN, BROKEN, BROKEN, ABORTED},
     OUTCOME_RETRY,
     5,
     true,
     ": the connection was broken"},
    {{CREATED, "HTTP/1.1 200 OK\r\n\r\n", ABORTED},
     OUTCOME_RETRY,
     3,
     true,
     ": 200 the storage gave no tag for a part"},
    {{CREATED, "HTTP/1.1 200 OK\r\nETag: <a>&\r\n\r\n", ABORTED},
     OUTCOME_RETRY,
     3,
     true,
     ": 200 the storage gave no tag for a part"},
    {{CREATED, PART_OK, PART_OK, PART_OK, PART_OK, END_FAIL, ABORTED},
     OUTCOME_RETRY,
     7,
     true,
     ": 200 the storage could not put the parts together InternalError: the storage failed"},
    {{CREATED, PART_OK, PART_OK, PART_OK, PART_OK, "HTTP/1.1 200 OK\r\n\r\n", ABORTED},
     OUTCOME_RETRY,
     7,
     true,
     ": 200 the storage could not put the parts together"},
    /* A head that says 2xx is no answer yet: S3 sends it before it has joined the parts. */
    {{CREATED, PART_OK, PART_OK, PART_OK, PART_OK, CUT, CUT, CUT, ABORTED},
     OUTCOME_RETRY,
     9,
     true,
     ": 200 the connection was broken"},
    {{CREATED, CUT, CUT, CUT, ABORTED}, OUTCOME_RETRY, 5, true, ": 200 the connection was broken"},
    {{CUT}, OUTCOME_RETRY, 3, false, ": 200 the connection was broken"},
};

static void test_a_cut_answer_is_asked_for_again(void)
{
    static const char *const answers[] = {CREATED, CUT,     PART_OK, PART_OK,
                                          PART_OK, PART_OK, CUT,     ENDED};
    AUTO(errand_end) struct errand_end end = {0};
    run(answers, ARRAY_LEN(answers), FILE_BYTES, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    CHECK_EQ(seen_count, 8);
}

static void test_a_whole_file_is_there_when_the_answer_is(void)
{
    static const char *const answers[] = {CUT};
    AUTO(errand_end) struct errand_end end = {0};
    run(answers, 1, PART_BYTES, &end);
    CHECK_EQ(end.outcome, OUTCOME_RETRY);
    CHECK(ends_with(&end, ": 200 the connection was broken"));
}

static void test_failures_are_told_and_aborted(void)
{
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        AUTO(errand_end) struct errand_end end = {0};
        size_t count = 0;
        while (count < ARRAY_LEN(failures[i].answers) && failures[i].answers[count])
            count++;
        run(failures[i].answers, count, FILE_BYTES, &end);
        CHECK_EQ(end.outcome, failures[i].outcome);
        CHECK_EQ(seen_count, failures[i].requests);
        CHECK_EQ(strncmp(seen[seen_count - 1].line, "DELETE /b/r/J.mp4?uploadId=", 27) == 0,
                 failures[i].aborted);
        CHECK(ends_with(&end, failures[i].message));
    }
}

static void test_part_sizes(void)
{
    const uint64_t mib = 1024 * 1024, gib = 1024 * mib;
    CHECK_EQ(upload_parts_bytes(100 * mib, 64 * mib), 64 * mib);
    CHECK_EQ(upload_parts_bytes(10000 * 5 * mib, 5 * mib), 5 * mib);
    CHECK_EQ(upload_parts_bytes(10000 * 5 * mib + 1, 5 * mib), 6 * mib);
    CHECK_EQ(upload_parts_bytes(64 * gib, 5 * mib), 7 * mib);
    CHECK((64 * gib + 7 * mib - 1) / (7 * mib) <= UPLOAD_PARTS_MAX);
    CHECK_EQ(upload_parts_bytes(64 * gib, 64 * mib), 64 * mib);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof file; i++)
        file[i] = (char)('a' + i % 23);
    fixture_begin(argc, argv);
    alloc_wipe_freed_memory();
    if (crypto_open() != OK || fetch_open() != OK)
        return EXIT_FAILURE;
    place.vault = fixture_start(ROOT_A, NO_ROOT);
    place_seal_all();
    test_http_start(&server, answer);
    RUN(test_all_parts_and_the_end);
    RUN(test_what_is_not_larger_goes_whole);
    RUN(test_a_part_is_tried_again);
    RUN(test_failures_are_told_and_aborted);
    RUN(test_a_cut_answer_is_asked_for_again);
    RUN(test_a_whole_file_is_there_when_the_answer_is);
    RUN(test_part_sizes);
    test_http_stop(&server);
    place_done();
    return test_done();
}
