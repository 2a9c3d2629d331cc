/* Signed webhooks: keys, headers, and what is not sent. */
#include "webhook_sign.h"

#include "aead.h"
#include "alloc.h"
#include "courier_fixture.h"
#include "encode.h"
#include "hash.h"
#include "job_rules.h"

#define DELIVERY STR("01JDF0000000000000000000D0")

static struct test_http server;

static const struct {
    const char *value;
    size_t key_bytes; /* 0: refused */
} keys[] = {
    {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 24},
    {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", 32},
    {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=", 0}, /* 23 bytes */
    {"whsec_", 0},
    {"whsec_not base64 at all, but long enough", 0},
    {"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy"
     "MzQ1",
     0}, /* 66 bytes */
    {"exactly-twenty-four-char", 24},
    {"only-twenty-three-chars", 0},
    {"", 0},
};

static void test_keys(void)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        AUTO(buf) struct buf key = buf_make(WEBHOOK_KEY_MAX_BYTES);
        enum err e = webhook_sign_key(str_from(keys[i].value), &key);
        CHECK_EQ(e == OK, keys[i].key_bytes > 0);
        if (e == OK)
            CHECK_EQ(key.len, keys[i].key_bytes);
    }
}

static void run(const char *fragment, const char *signing, struct errand_end *ret)
{
    static const struct guard_policy lenient = {.allow_loopback = true, .allow_http = true};
    AUTO(arena) struct arena a = arena_make();
    const char *mark = strstr(fragment, "%s");
    struct str text =
        arena_printf(&a, "%.*s%s%s", (int)(mark - fragment), fragment, server.url, mark + 2);
    struct order order = {.kind = ORDER_WEBHOOK,
                          .job_id = JOB,
                          .delivery_id = DELIVERY,
                          .body = STR("{\"id\":\"J\"}"),
                          .bundle = bundle_of(text.ptr, &a),
                          .signing = bundle_of(signing, &a)};
    const struct errand e = {
        .order = &order, .data_fd = -1, .vault = place.vault.vault, .guard = &lenient};
    errand_run(&e, ret);
    check_clean(buf_str(&ret->message));
    CHECK_EQ(secret_arena_used(), 0);
}

/* The value of KEY, which is long enough to be a key as it stands. */
static void check_signature(struct str body)
{
    AUTO(buf) struct buf text = buf_make(4096), want = buf_make(100);
    uint8_t mac[HASH_BYTES];
    struct str stamp = test_http_field(&server, "webhook-timestamp");
    CHECK_OK(buf_put(&text, DELIVERY));
    CHECK_OK(buf_printf(&text, ".%.*s.%.*s", (int)stamp.len, stamp.ptr, (int)body.len, body.ptr));
    hash_hmac_sha256(str_from(known[1].value), buf_str(&text), mac);
    CHECK_OK(buf_put(&want, STR("v1,")));
    CHECK_OK(encode_base64(&want, str_bytes(mac, sizeof mac), BASE64_STD));
    CHECK(str_equal(test_http_field(&server, "webhook-signature"), buf_str(&want)));
    CHECK(str_equal(test_http_field(&server, "webhook-id"), DELIVERY));
    CHECK(stamp.len == 10);
}

static void test_three_headers_over_the_body(void)
{
    AUTO(errand_end) struct errand_end end = {0}, other = {0};
    run("{\"url\":\"%s/h\",\"data\":{\"t\":\"${secret.TOKEN}\"}}", "${secret.KEY}", &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    check_signature(STR("{\"id\":\"J\",\"data\":{\"t\":\"tok3f9c5e77d2aa41\"}}"));
    run("{\"url\":\"%s/h\",\"method\":\"GET\"}", "${secret.KEY}", &other);
    check_signature(STR_EMPTY);
}

static void test_ours_stand_in_place_of_the_jobs(void)
{
    AUTO(errand_end) struct errand_end end = {0};
    run("{\"url\":\"%s/h\",\"headers\":{\"Webhook-Signature\":\"v1,forged\",\"WEBHOOK-ID\":\"x\","
        "\"X-Other\":\"stays\"}}",
        "${secret.KEY}", &end);
    CHECK_EQ(end.outcome, OUTCOME_DONE);
    check_signature(STR("{\"id\":\"J\"}"));
    CHECK(str_search(buf_str(&server.head), STR("forged"), 0) == server.head.len);
    CHECK_STR(test_http_field(&server, "x-other"), "stays");
}

/* As many as a submit takes, and ours beside them. */
static void test_as_many_headers_as_a_job_may_have(void)
{
    for (int count = JOB_HEADERS_MAX; count <= JOB_HEADERS_MAX + 1; count++) {
        AUTO(buf) struct buf text = buf_make(16 * 1024);
        AUTO(errand_end) struct errand_end end = {0};
        CHECK_OK(buf_put(&text, STR("{\"url\":\"%s/h\",\"headers\":{")));
        for (int i = 1; i <= count; i++)
            CHECK_OK(buf_printf(&text, "%s\"X-%d\":\"v\"", i > 1 ? "," : "", i));
        CHECK_OK(buf_put(&text, STR("}}")));
        CHECK_OK(buf_put_byte(&text, 0));
        int before = server.requests;
        run(text.ptr, "${secret.KEY}", &end);
        bool sent = count == JOB_HEADERS_MAX;
        CHECK_EQ(end.outcome, sent ? OUTCOME_DONE : OUTCOME_FAILED);
        CHECK_EQ(server.requests, before + sent);
        if (sent)
            CHECK_STR(test_http_field(&server, "x-100"), "v");
    }
}

static void test_what_cannot_be_signed_is_not_sent(void)
{
    int before = server.requests;
    AUTO(errand_end) struct errand_end end = {0};
    run("{\"url\":\"%s/h\"}", "${secret.TOKEN}", &end);
    CHECK_EQ(end.outcome, OUTCOME_FAILED);
    CHECK_STR(
        buf_str(&end.message),
        "webhook: the secret TOKEN, which signs the team's webhooks, is no signing key: give it "
        "whsec_ and base64 of 24 to 64 bytes, or that many bytes");
    CHECK_EQ(server.requests, before);
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
    RUN(test_keys);
    RUN(test_three_headers_over_the_body);
    RUN(test_ours_stand_in_place_of_the_jobs);
    RUN(test_as_many_headers_as_a_job_may_have);
    RUN(test_what_cannot_be_signed_is_not_sent);
    test_http_stop(&server);
    place_done();
    return test_done();
}
