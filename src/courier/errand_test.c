#include "errand.h"

#include "aead.h"
#include "alloc.h"
#include "courier_fixture.h"
#include "sigv4.h"

static struct test_http server;
static const struct guard_policy lenient = {.allow_loopback = true, .allow_http = true};

struct told {
    int heads;
    int64_t status, length;
    char type[64];
};

static enum err tell_head(void *ctx, const struct answer *a)
{
    struct told *told = ctx;
    told->heads++;
    told->status = a->status;
    told->length = a->content_length;
    return str_to_text(a->content_type, told->type, sizeof told->type);
}

static struct told told;

static void run_with(struct order *order, const char *fragment, int data_fd,
                     const struct guard_policy *guard, struct errand_end *ret)
{
    AUTO(arena) struct arena a = arena_make();
    told = (struct told){0};
    order->job_id = JOB;
    order->bundle = bundle_of(fragment, &a);
    const struct errand e = {.order = order,
                             .data_fd = data_fd,
                             .vault = place.vault.vault,
                             .guard = guard,
                             .head = tell_head,
                             .head_ctx = &told};
    errand_run(&e, ret);
    check_clean(buf_str(&ret->message));
    CHECK_EQ(secret_arena_used(), 0);
}

static void run(struct order *order, const char *fragment, int data_fd, struct errand_end *ret)
{
    run_with(order, fragment, data_fd, &lenient, ret);
}

static void answer_with(const char *text)
{
    server.text = text;
    server.answer = test_http_text;
}

/* The test's own fragments, with the server's address where %s stands. */
static const char *at_server(const char *format)
{
    static char text[2048];
    const char *mark = strstr(format, "%s");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - format), format, server.url, mark + 2);
    return text;
}

static const char UPLOAD[] =
    "{\"provider\":\"s3\",\"prefix\":\"renders/c 42/\",\"outputUrl\":\"https://cdn.example/x\","
    "\"params\":{\"endpoint\":\"%s\",\"region\":\"eu-central-1\",\"bucket\":\"my-renders\","
    "\"accessKeyId\":\"${secret.KEY_ID}\",\"accessKeySecret\":\"${secret.KEY}\","
    "\"acl\":\"private\"}}";

static struct order upload_order(void)
{
    return (struct order){.id = 1,
                          .kind = ORDER_UPLOAD,
                          .object_name = STR("J.mp4"),
                          .content_type = STR("video/mp4"),
                          .size_bytes = 11};
}

/* What the signature must be, from what the server was sent. */
static void check_signature(void)
{
    struct fetch_header headers[] = {
        {STR("content-type"), test_http_field(&server, "content-type")},
        {STR("host"), test_http_field(&server, "host")},
        {STR("x-amz-acl"), test_http_field(&server, "x-amz-acl")},
        {STR("x-amz-content-sha256"), test_http_field(&server, "x-amz-content-sha256")},
        {STR("x-amz-date"), test_http_field(&server, "x-amz-date")},
    };
    struct sigv4 s = {.method = STR("PUT"),
                      .path = STR("/my-renders/renders/c%2042/J.mp4"),
                      .headers = headers,
                      .header_count = ARRAY_LEN(headers),
                      .payload_hash = headers[3].value,
                      .date = headers[4].value,
                      .region = STR("eu-central-1"),
                      .service = STR("s3"),
                      .key_id = str_from(known[0].value),
                      .key_secret = str_from(known[1].value)};
    AUTO(buf) struct buf want = buf_make(4096);
    CHECK_OK(sigv4_authorization(&s, &want));
    CHECK(str_equal(test_http_field(&server, "authorization"), buf_str(&want)));
}

static void test_upload_is_signed_and_streamed(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    AUTO(fd) int fd = memfd_with(STR("hello world"));
    AUTO(buf) struct buf want = buf_make(200);
    struct order order = upload_order();
    server.answer = test_http_ok;
    run(&order, at_server(UPLOAD), fd, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    CHECK_EQ(end.status, 200);
    CHECK(str_starts(buf_str(&server.head),
                     STR("PUT /my-renders/renders/c%2042/J.mp4 HTTP/1.1\r\n")));
    CHECK_STR(buf_str(&server.body), "hello world");
    CHECK_STR(test_http_field(&server, "content-type"), "video/mp4");
    CHECK_STR(test_http_field(&server, "x-amz-acl"), "private");
    CHECK_STR(test_http_field(&server, "x-amz-content-sha256"),
              "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    check_signature();
    CHECK(str_search(buf_str(&server.all), str_from(known[1].value), 0) == server.all.len);
    CHECK_OK(buf_printf(&want, "upload to bucket my-renders at 127.0.0.1:%u: 200", server.port));
    CHECK(str_equal(buf_str(&end.message), buf_str(&want)));
}

static void test_upload_refused_names_bucket_host_and_code(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    AUTO(fd) int fd = memfd_with(STR("hello world"));
    AUTO(buf) struct buf want = buf_make(400);
    struct order order = upload_order();
    answer_with("HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\n\r\n"
                "<Error><Code>AccessDenied</Code><AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE"
                "</AWSAccessKeyId></Error>");
    run(&order, at_server(UPLOAD), fd, &end);
    CHECK_EQ(end.outcome, OUTCOME_FAILED);
    CHECK_ERR(end.err, ERR_UPSTREAM);
    CHECK_OK(buf_printf(&want,
                        "upload to bucket my-renders at 127.0.0.1:%u: 403 AccessDenied: this "
                        "key may not write there; allow it s3:PutObject on the bucket (with acl "
                        "also s3:PutObjectAcl)",
                        server.port));
    CHECK(str_equal(buf_str(&end.message), buf_str(&want)));
}

static void test_upload_masks_a_code_that_is_a_value(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    AUTO(fd) int fd = memfd_with(STR("hello world"));
    struct order order = upload_order();
    answer_with("HTTP/1.1 400 Bad\r\n\r\n<Code>AKIAIOSFODNN7EXAMPLE</Code>");
    run(&order, at_server(UPLOAD), fd, &end);
    CHECK(str_ends(buf_str(&end.message), STR(": 400 ***")));
}

static const struct {
    const char *answer;
    enum outcome upload, webhook;
} statuses[] = {
    {"HTTP/1.1 200 x\r\n\r\n", OUTCOME_DONE, OUTCOME_DONE},
    {"HTTP/1.1 204 x\r\n\r\n", OUTCOME_DONE, OUTCOME_DONE},
    {"HTTP/1.1 301 x\r\nLocation: /y\r\n\r\n", OUTCOME_FAILED, OUTCOME_RETRY},
    {"HTTP/1.1 307 x\r\nLocation: /y\r\n\r\n", OUTCOME_FAILED, OUTCOME_RETRY},
    {"HTTP/1.1 400 x\r\n\r\n", OUTCOME_FAILED, OUTCOME_RETRY},
    {"HTTP/1.1 401 x\r\n\r\n", OUTCOME_FAILED, OUTCOME_RETRY},
    {"HTTP/1.1 404 x\r\n\r\n", OUTCOME_FAILED, OUTCOME_RETRY},
    {"HTTP/1.1 408 x\r\n\r\n", OUTCOME_RETRY, OUTCOME_RETRY},
    {"HTTP/1.1 429 x\r\n\r\n", OUTCOME_RETRY, OUTCOME_RETRY},
    {"HTTP/1.1 500 x\r\n\r\n", OUTCOME_RETRY, OUTCOME_RETRY},
    {"HTTP/1.1 503 x\r\n\r\n", OUTCOME_RETRY, OUTCOME_RETRY},
    {"", OUTCOME_RETRY, OUTCOME_RETRY},
    {"nonsense\r\n\r\n", OUTCOME_RETRY, OUTCOME_RETRY},
};

static void test_statuses_decide_the_outcome(void)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        AUTO(errand_end) struct errand_end end = {0};
        AUTO(errand_end) struct errand_end hook_end = {0};
        AUTO(fd) int fd = memfd_with(STR("hello world"));
        struct order order = upload_order();
        struct order hook = {.id = 2, .kind = ORDER_WEBHOOK, .body = STR("{}")};
        answer_with(statuses[i].answer);
        run(&order, at_server(UPLOAD), fd, &end);
        CHECK_EQ(end.outcome, statuses[i].upload);
        run(&hook, at_server("{\"url\":\"%s/h\"}"), -1, &hook_end);
        CHECK_EQ(hook_end.outcome, statuses[i].webhook);
        CHECK(end.message.len > 0 && hook_end.message.len > 0);
    }
}

static const struct guard_policy https_only = {.allow_loopback = true};
static const struct guard_policy strict = {.allow_http = true};

static void test_addresses_and_http_need_allowance(void)
{
    static const struct {
        enum order_kind kind;
        const char *fragment;
    } rows[] = {
        {ORDER_UPLOAD, UPLOAD},
        {ORDER_WEBHOOK, "{\"url\":\"%s\",\"headers\":{\"A\":\"${secret.TOKEN}\"}}"},
        {ORDER_DOWNLOAD, "{\"src\":\"%s?t=${secret.TOKEN}\"}"},
    };
    server.answer = test_http_ok;
    int before = server.requests;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        AUTO(errand_end) struct errand_end end = {0};
        AUTO(fd) int fd = memfd_with(STR("hello world"));
        struct order order = upload_order();
        order.kind = rows[i / 2].kind;
        order.body = STR("{}");
        run_with(&order, at_server(rows[i / 2].fragment), fd, i % 2 ? &https_only : &strict, &end);
        CHECK_EQ(end.outcome, OUTCOME_FAILED);
        CHECK_ERR(end.err, ERR_ADDRESS_REFUSED);
        CHECK(end.message.len > 0);
        CHECK_EQ(told.heads, 0);
    }
    CHECK_EQ(server.requests, before);
}

static void test_http_is_allowed_where_no_secret_is(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    struct order order = {.kind = ORDER_WEBHOOK, .body = STR("{}")};
    server.answer = test_http_ok;
    run_with(&order, at_server("{\"url\":\"%s\"}"), -1, &https_only, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
}

static const struct {
    const char *fragment, *method, *body, *type, *authorization;
} hooks[] = {
    {"{\"url\":\"%s/h\"}", "POST", "{\"id\":\"J\"}", "application/json", ""},
    {"{\"url\":\"%s/h\",\"method\":null,\"headers\":null,\"data\":null,\"custom\":null}", "POST",
     "{\"id\":\"J\"}", "application/json", ""},
    {"{\"url\":\"%s/h\",\"headers\":{\"Authorization\":\"Bearer ${secret.TOKEN}\"}}", "POST",
     "{\"id\":\"J\"}", "application/json", "Bearer tok3f9c5e77d2aa41"},
    {"{\"url\":\"%s/h\",\"method\":\"PUT\",\"headers\":{\"content-type\":\"a/b\",\"N\":5}}", "PUT",
     "{\"id\":\"J\"}", "a/b", ""},
    {"{\"url\":\"%s/h\",\"data\":{\"k\":[1, 2]}}", "POST", "{\"id\":\"J\",\"data\":{\"k\":[1, 2]}}",
     "application/json", ""},
    {"{\"url\":\"%s/h\",\"custom\":false,\"data\":{\"k\":\"${secret.QUOTE}\"}}", "POST",
     "{\"id\":\"J\",\"data\":{\"k\":\"va\\\"lue\\\\with\\nmarks-81c2\"}}", "application/json", ""},
    {"{\"url\":\"%s/h\",\"custom\":true,\"data\":{\"k\":1}}", "POST", "{\"k\":1}",
     "application/json", ""},
    {"{\"url\":\"%s/h\",\"custom\":true}", "POST", "{}", "application/json", ""},
    {"{\"url\":\"%s/h\",\"method\":\"GET\",\"data\":{\"k\":1}}", "GET", "", "", ""},
    {"{\"url\":\"%s/h\",\"method\":\"DELETE\"}", "DELETE", "", "", ""},
};

static void test_webhook_methods_headers_and_bodies(void)
{
    server.answer = test_http_ok;
    for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
        AUTO(errand_end) struct errand_end end = {0};
        struct order order = {.kind = ORDER_WEBHOOK, .body = STR("{\"id\":\"J\"}")};
        run(&order, at_server(hooks[i].fragment), -1, &end);
        CHECK_EQ(end.outcome, OUTCOME_DONE);
        CHECK(str_starts(buf_str(&server.head), str_from(hooks[i].method)));
        CHECK_STR(buf_str(&server.body), hooks[i].body);
        CHECK_STR(test_http_field(&server, "content-type"), hooks[i].type);
        CHECK_STR(test_http_field(&server, "authorization"), hooks[i].authorization);
        CHECK_STR(test_http_field(&server, "user-agent"), "safelight");
    }
}

static void test_reference_in_the_address_decides_the_host(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    struct order order = {.kind = ORDER_WEBHOOK, .body = STR("{}")};
    server.answer = test_http_ok;
    run(&order, at_server("{\"headers\":{\"A\":\"${secret.KEY}\"},\"url\":\"%s/${secret.TOKEN}\"}"),
        -1, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    CHECK(str_starts(buf_str(&server.head), STR("POST /tok3f9c5e77d2aa41 HTTP")));
    CHECK_STR(test_http_field(&server, "a"), known[1].value);
}

static const struct {
    enum order_kind kind;
    const char *fragment;
} invalid[] = {
    {ORDER_WEBHOOK, "{\"url\":\"%s\",\"headers\":{\"A\":\"${secret.SPLIT}\"}}"},
    {ORDER_WEBHOOK, "{\"url\":\"%s\",\"headers\":{\"Host\":\"${secret.TOKEN}\"}}"},
    {ORDER_WEBHOOK, "{\"url\":\"%s\",\"headers\":{\"A\":[1]}}"},
    {ORDER_WEBHOOK, "{\"url\":\"%s\",\"headers\":[]}"},
    {ORDER_WEBHOOK, "{\"url\":\"%s\",\"method\":\"PATCH\"}"},
    {ORDER_WEBHOOK, "{\"url\":\"%s\",\"method\":\"TRACE\"}"},
    {ORDER_WEBHOOK, "{\"url\":\"%s/${secret.QUOTE}\"}"},
    {ORDER_WEBHOOK, "{\"url\":\"${secret.TOKEN}\",\"x\":\"%s\"}"},
    {ORDER_WEBHOOK, "{\"url\":5,\"x\":\"%s\"}"},
    {ORDER_WEBHOOK, "{\"x\":\"%s\"}"},
    {ORDER_WEBHOOK, "[\"%s\"]"},
    {ORDER_DOWNLOAD, "{\"src\":\"%s\",\"params\":{\"headers\":{\"A\":\"${secret.SPLIT}\"}}}"},
    {ORDER_DOWNLOAD, "{\"src\":\"file:///etc/passwd\",\"x\":\"%s\"}"},
    {ORDER_DOWNLOAD, "{\"src\":null,\"x\":\"%s\"}"},
    {ORDER_UPLOAD, "{\"params\":{\"x\":\"%s\"}}"},
    {ORDER_UPLOAD, "{\"params\":{\"endpoint\":\"%s\",\"region\":\"r\",\"bucket\":\"b\","
                   "\"accessKeyId\":\"${secret.SPLIT}\",\"accessKeySecret\":\"x\"}}"},
};

static void test_what_values_make_invalid_is_not_sent(void)
{
    server.answer = test_http_ok;
    int before = server.requests;
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        AUTO(errand_end) struct errand_end end = {0};
        AUTO(fd) int fd = memfd_with(STR_EMPTY);
        struct order order = {
            .kind = invalid[i].kind, .body = STR("{}"), .object_name = STR("J.mp4")};
        run(&order, at_server(invalid[i].fragment), fd, &end);
        CHECK_EQ(end.outcome, OUTCOME_FAILED);
        CHECK_ERR(end.err, ERR_INVALID);
        CHECK(end.message.len > 0);
    }
    CHECK_EQ(server.requests, before);
}

static void test_tampered_record_is_not_sent(void)
{
    int before = server.requests;
    for (enum order_kind kind = ORDER_UPLOAD; kind <= ORDER_MASK; kind++) {
        AUTO(errand_end) struct errand_end end = {0};
        AUTO(fd) int fd = memfd_with(STR("hello world"));
        struct order order = upload_order();
        order.kind = kind;
        order.body = STR("{}");
        place.sealed[0].ptr[place.sealed[0].len - 20] ^= 1;
        run(&order,
            kind == ORDER_UPLOAD
                ? at_server(UPLOAD)
                : at_server("{\"url\":\"%s\",\"src\":\"http://h/\",\"headers\":{\"A\":"
                            "\"${secret.KEY_ID}\"}}"),
            fd, &end);
        place.sealed[0].ptr[place.sealed[0].len - 20] ^= 1;
        CHECK_EQ(end.outcome, OUTCOME_FAILED);
        CHECK_ERR(end.err, ERR_TAMPERED);
    }
    CHECK_EQ(server.requests, before);
}

static const char DOWNLOAD[] =
    "{\"type\":\"image\",\"src\":\"%s/a.png\",\"params\":{\"headers\":{\"X-Key\":"
    "\"Bearer ${secret.TOKEN}\"}}}";

static void test_download_streams_and_masks_echoes(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    AUTO(fd) int fd = memfd_with(STR_EMPTY);
    AUTO(buf) struct buf got = buf_make(4096);
    struct order order = {.id = 7, .kind = ORDER_DOWNLOAD};
    answer_with("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 58\r\n\r\n"
                "you sent Bearer tok3f9c5e77d2aa41, that is dG9rM2Y5YzVlNzd");
    run(&order, at_server(DOWNLOAD), fd, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    CHECK_EQ(told.heads, 1);
    CHECK_EQ(told.status, 200);
    CHECK_EQ(told.length, -1);
    CHECK_STR(str_from(told.type), "image/png");
    CHECK_STR(test_http_field(&server, "x-key"), "Bearer tok3f9c5e77d2aa41");
    read_memfd(fd, &got);
    CHECK(str_starts(buf_str(&got), STR("you sent Bearer ***, that is ")));
    check_clean(buf_str(&got));
}

static void test_download_refused_writes_nothing(void)
{
    static const char *const answers[] = {"HTTP/1.1 404 No\r\n\r\nnot here",
                                          "HTTP/1.1 302 Go\r\nLocation: /x\r\n\r\nthere",
                                          "HTTP/1.1 503 No\r\n\r\nlater", ""};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        AUTO(errand_end) struct errand_end end = {0};
        AUTO(fd) int fd = memfd_with(STR_EMPTY);
        AUTO(buf) struct buf got = buf_make(4096);
        struct order order = {.kind = ORDER_DOWNLOAD};
        answer_with(answers[i]);
        run(&order, at_server(DOWNLOAD), fd, &end);
        CHECK_EQ(end.outcome, i < 2 ? OUTCOME_FAILED : OUTCOME_RETRY);
        CHECK_EQ(told.heads, 0);
        read_memfd(fd, &got);
        CHECK_EQ(got.len, 0);
    }
}

static void test_download_cut_short_is_no_success(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    AUTO(fd) int fd = memfd_with(STR_EMPTY);
    struct order order = {.kind = ORDER_DOWNLOAD};
    answer_with("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    run(&order, at_server(DOWNLOAD), fd, &end);
    CHECK_EQ(end.outcome, OUTCOME_RETRY);
    CHECK_EQ(told.heads, 1);
    CHECK(str_ends(buf_str(&end.message), STR(": 200 the connection was broken")));
}

static void test_download_passes_no_echo_on_in_the_head_and_nothing_compressed(void)
{
    AUTO(errand_end) struct errand_end typed = {0}, end = {0};
    AUTO(fd) int fd = memfd_with(STR_EMPTY);
    struct order order = {.kind = ORDER_DOWNLOAD};
    answer_with("HTTP/1.1 200 OK\r\nContent-Type: x/tok3f9c5e77d2aa41\r\n\r\n");
    run(&order, at_server(DOWNLOAD), fd, &typed);
    CHECK_EQ(typed.outcome, OUTCOME_DONE);
    CHECK_STR(str_from(told.type), "");
    answer_with("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok");
    run(&order, at_server(DOWNLOAD), fd, &end);
    CHECK_EQ(end.outcome, OUTCOME_FAILED);
    CHECK_ERR(end.err, ERR_UPSTREAM);
    CHECK_EQ(told.heads, 0);
    CHECK(str_search(buf_str(&end.message), STR("compressed"), 0) < end.message.len);
}

static void test_download_to_a_reader_that_left(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    io_close(&ends[0]);
    struct order order = {.kind = ORDER_DOWNLOAD};
    answer_with("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    run(&order, at_server(DOWNLOAD), ends[1], &end);
    CHECK_ERR(end.err, ERR_IO);
    io_close(&ends[1]);
}

static void mask_text(const char *text, bool final, const char *want, int64_t consumed)
{
    AUTO(errand_end) struct errand_end end = {0};
    AUTO(fd) int fd = memfd_with(STR_EMPTY);
    AUTO(buf) struct buf got = buf_make(4096);
    struct order order = {.kind = ORDER_MASK, .body = str_from(text), .final = final};
    run(&order, "[\"${secret.TOKEN}\",\"${secret.KEY}\"]", fd, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    CHECK_EQ(end.consumed, consumed);
    read_memfd(fd, &got);
    CHECK_STR(buf_str(&got), want);
}

static void test_masks(void)
{
    mask_text("", true, "", 0);
    mask_text("a tok3f9c5e77d2aa41 b", true, "a *** b", 21);
    mask_text("nothing here", true, "nothing here", 12);
    mask_text("a tok3f9c5e", true, "a tok3f9c5e", 11);
    mask_text("a tok3f9c5e", false, "a ", 2);
}

static void test_mask_without_values_changes_nothing(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    AUTO(fd) int fd = memfd_with(STR_EMPTY);
    AUTO(buf) struct buf got = buf_make(4096);
    struct order order = {.kind = ORDER_MASK, .body = STR("as it is"), .final = true};
    run(&order, "{}", fd, &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    read_memfd(fd, &got);
    CHECK_STR(buf_str(&got), "as it is");
}

int main(int argc, char **argv)
{
    fixture_begin(argc, argv);
    alloc_wipe_freed_memory();
    if (crypto_open() != OK || fetch_open() != OK)
        return EXIT_FAILURE;
    place.vault = fixture_start(ROOT_A, NO_ROOT);
    place_seal_all();
    test_http_start(&server, NULL);
    RUN(test_upload_is_signed_and_streamed);
    RUN(test_upload_refused_names_bucket_host_and_code);
    RUN(test_upload_masks_a_code_that_is_a_value);
    RUN(test_statuses_decide_the_outcome);
    RUN(test_addresses_and_http_need_allowance);
    RUN(test_http_is_allowed_where_no_secret_is);
    RUN(test_webhook_methods_headers_and_bodies);
    RUN(test_reference_in_the_address_decides_the_host);
    RUN(test_what_values_make_invalid_is_not_sent);
    RUN(test_tampered_record_is_not_sent);
    RUN(test_download_streams_and_masks_echoes);
    RUN(test_download_refused_writes_nothing);
    RUN(test_download_cut_short_is_no_success);
    RUN(test_download_passes_no_echo_on_in_the_head_and_nothing_compressed);
    RUN(test_download_to_a_reader_that_left);
    RUN(test_masks);
    RUN(test_mask_without_values_changes_nothing);
    test_http_stop(&server);
    place_done();
    return test_done();
}
