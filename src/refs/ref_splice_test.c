#include "ref_splice.h"

#include "limit.h"
#include "test.h"

static void test_values_are_escaped_and_the_rest_is_untouched(void)
{
    AUTOP(secret) struct secret *value = NULL;
    AUTO(buf) struct buf out = buf_make(4096);
    struct str input = STR("{\"a\" : \"x${secret.A}y\", \"n\":1.50,\"e\":\"\\u00e9$${b}\"}");
    CHECK_OK(secret_new(STR("q\"\\\n${secret.B}\xe2\x82\xac"), &value));
    size_t literal = str_search(input, STR("$${b}"), 0);
    struct ref_edit edits[] = {
        {.begin = 9, .end = 20, .value = value},
        {.begin = literal, .end = literal + 5, .text = STR("${b}")},
    };
    CHECK_STR(str_slice(input, 9, 20), "${secret.A}");
    CHECK_OK(ref_splice(input, edits, 2, &out));
    CHECK_STR(buf_str(&out), "{\"a\" : \"xq\\\"\\\\\\n${secret.B}\xe2\x82\xacy\", \"n\":1.50,"
                             "\"e\":\"\\u00e9${b}\"}");
}

static void test_a_value_in_an_address_is_percent_encoded(void)
{
    AUTOP(secret) struct secret *value = NULL;
    AUTO(buf) struct buf out = buf_make(4096);
    struct str input = STR("data:,a%20${secret.A}b");
    CHECK_OK(secret_new(STR("q\"% \n'\xe2\x82\xac-._~"), &value));
    struct ref_edit edit = {.begin = 10, .end = 21, .value = value, .in_address = true};
    CHECK_STR(str_slice(input, 10, 21), "${secret.A}");
    CHECK_OK(ref_splice(input, &edit, 1, &out));
    CHECK_STR(buf_str(&out), "data:,a%20q%22%25%20%0A%27%E2%82%AC-._~b");
}

static void test_edges(void)
{
    AUTOP(secret) struct secret *empty = NULL;
    AUTO(buf) struct buf out = buf_make(64);
    CHECK_OK(secret_new(STR(""), &empty));
    CHECK_OK(ref_splice(STR("abc"), NULL, 0, &out));
    CHECK_OK(ref_splice(STR(""), NULL, 0, &out));
    struct ref_edit all = {.begin = 0, .end = 3, .value = empty};
    CHECK_OK(ref_splice(STR("abc"), &all, 1, &out));
    struct ref_edit ends[] = {{.begin = 0, .end = 1, .text = STR("<")},
                              {.begin = 1, .end = 1, .text = STR("|")},
                              {.begin = 1, .end = 2, .text = STR("")},
                              {.begin = 3, .end = 3, .text = STR(">")}};
    CHECK_OK(ref_splice(STR("abc"), ends, 4, &out));
    CHECK_STR(buf_str(&out), "abc<|c>"); /* appended */
}

static void test_result_is_capped_before_anything_is_allocated(void)
{
    enum { EDITS = 1000 };
    AUTOP(secret) struct secret *value = NULL;
    static char text[SECRET_VALUE_MAX_BYTES], input[EDITS];
    static struct ref_edit edits[EDITS];
    memset(text, 'v', sizeof text);
    memset(input, '.', sizeof input);
    CHECK_OK(secret_new(str_bytes(text, sizeof text), &value));
    for (size_t i = 0; i < EDITS; i++)
        edits[i] = (struct ref_edit){.begin = i, .end = i + 1, .value = value};
    AUTO(buf) struct buf out = buf_make(RESOLVED_PAYLOAD_MAX_BYTES);
    CHECK_ERR(ref_splice(str_bytes(input, EDITS), edits, EDITS, &out), ERR_TOO_LARGE);
    CHECK_EQ(out.capacity, 0);
    CHECK_EQ(out.len, 0);
    size_t fits = RESOLVED_PAYLOAD_MAX_BYTES / SECRET_VALUE_MAX_BYTES;
    CHECK_OK(ref_splice(str_bytes(input, fits), edits, fits, &out));
    CHECK_EQ(out.len, RESOLVED_PAYLOAD_MAX_BYTES);
}

static void test_escaping_counts_against_the_cap(void)
{
    AUTOP(secret) struct secret *value = NULL;
    CHECK_OK(secret_new(STR("\x01\x02"), &value));
    struct ref_edit edit = {.begin = 1, .end = 2, .value = value};
    AUTO(buf) struct buf small = buf_make(13), exact = buf_make(14);
    CHECK_ERR(ref_splice(STR("[x]"), &edit, 1, &small), ERR_TOO_LARGE);
    CHECK_EQ(small.len, 0);
    CHECK_OK(ref_splice(STR("[x]"), &edit, 1, &exact));
    CHECK_STR(buf_str(&exact), "[\\u0001\\u0002]");
}

int main(void)
{
    RUN(test_values_are_escaped_and_the_rest_is_untouched);
    RUN(test_a_value_in_an_address_is_percent_encoded);
    RUN(test_edges);
    RUN(test_result_is_capped_before_anything_is_allocated);
    RUN(test_escaping_counts_against_the_cap);
    return test_done();
}
