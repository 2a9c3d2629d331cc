#include "ref_scan.h"

#include "buf.h"
#include "ref_grammar.h"
#include "test.h"

struct run {
    struct arena arena;
    struct problems problems;
    struct ref_list list;
    enum err err;
};

static void run_auto(struct run *r)
{
    arena_auto(&r->arena);
}

static void run_scan(struct run *r, struct str payload, enum ref_shape shape)
{
    r->arena = arena_make();
    problems_init(&r->problems, &r->arena);
    r->list = (struct ref_list){NULL, 0};
    r->err = ref_scan(payload, shape, &r->arena, &r->problems, &r->list);
}

static void test_names(void)
{
    char longest[SECRET_NAME_MAX_BYTES + 1];
    memset(longest, 'n', sizeof longest);
    CHECK(ref_name_valid(STR("A")));
    CHECK(ref_name_valid(STR("prod/eu/db.pass-word_1")));
    CHECK(ref_name_valid(str_bytes(longest, SECRET_NAME_MAX_BYTES)));
    CHECK(!ref_name_valid(str_bytes(longest, SECRET_NAME_MAX_BYTES + 1)));
    static const char *const bad[] = {"",
                                      " ",
                                      "a b",
                                      "a@3",
                                      "a}",
                                      "a$",
                                      "a\n",
                                      "\xc3\xa9",
                                      "\xef\xbc\xa1WS",
                                      "a\\/b",
                                      "a:b",
                                      "\xd0\x90WS",
                                      "a\x7f",
                                      "a\xe2\x80\x8d"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!ref_name_valid(str_from(bad[i])));
    CHECK(!ref_name_valid(STR("a\0b")));
}

/* What the grammar makes of the raw text of one string. */
static const struct {
    const char *raw;
    const char *name; /* NULL: text */
    uint32_t version;
    bool literal;
    size_t begin, end;
} good[] = {
    {"${secret.A}", "A", 0, false, 0, 11},
    {"${secrets.A}", "A", 0, false, 0, 12},
    {"${secret.A@3}", "A", 3, false, 0, 13},
    {"${secret.A@4294967295}", "A", UINT32_MAX, false, 0, 22},
    {"Bearer ${secrets.T}!", "T", 0, false, 7, 19},
    {"${secret.prod/eu/a.b-c_D9}", "prod/eu/a.b-c_D9", 0, false, 0, 26},
    {"${secret..}", ".", 0, false, 0, 11},
    {"$${secret.A}", "A", 0, true, 0, 12},
    {"$$${secret.A}", "A", 0, true, 1, 13},
    {"${${secret.A}}", "A", 0, false, 2, 13},
    {"$ {x} ${env.B} ${secret.A}", "A", 0, false, 15, 26},
    {"\\u0024${secret.A}", "A", 0, false, 6, 17},
    {"\\\\${secret.A}", "A", 0, false, 2, 13},
    {"", NULL, 0, false, 0, 0},
    {"${env.X}", NULL, 0, false, 0, 0},
    {"${other.X}", NULL, 0, false, 0, 0},
    {"${secretsX}", NULL, 0, false, 0, 0},
    {"${secret}", NULL, 0, false, 0, 0},
    {"${secret", NULL, 0, false, 0, 0},
    {"${secretss.A}", NULL, 0, false, 0, 0},
    {"$secret.X", NULL, 0, false, 0, 0},
    {"{secret.X}", NULL, 0, false, 0, 0},
    {"$ {secret.X}", NULL, 0, false, 0, 0},
    {"$", NULL, 0, false, 0, 0},
    {"${", NULL, 0, false, 0, 0},
    {"$}{secret.A}", NULL, 0, false, 0, 0},
    {"\\u0024{secret.A}", NULL, 0, false, 0, 0},
    {"$\\u007bsecret.A}", NULL, 0, false, 0, 0},
    {"${sec\\u0072et.A}", NULL, 0, false, 0, 0},
    {"${secre", NULL, 0, false, 0, 0},
};

static void test_grammar(void)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct ref_match m;
        bool found = ref_grammar_next(str_from(good[i].raw), 0, &m);
        CHECK_EQ(found, good[i].name != NULL);
        if (!found)
            continue;
        CHECK_STR(m.name, good[i].name);
        CHECK_EQ(m.form, good[i].literal ? REF_FORM_LITERAL : REF_FORM_PLAIN);
        CHECK_EQ(m.version, good[i].version);
        CHECK_EQ(m.begin, good[i].begin);
        CHECK_EQ(m.end, good[i].end);
        CHECK(!ref_grammar_next(str_from(good[i].raw), m.end, &m));
    }
}

static const char *const malformed[] = {
    "${secret.",
    "${secret.}",
    "${secrets.}",
    "${secret.A",
    "${secrets.A",
    "${ secret.A }",
    "${secret.A }",
    "${secret. A}",
    "${secret .A}",
    "${s ecrets. A}",
    "${SECRET.A}",
    "${Secret.A}",
    "${secretS.A}",
    "${secret.A@}",
    "${secret.A@0}",
    "${secret.A@03}",
    "${secret.A@x}",
    "${secret.A@-1}",
    "${secret.A@1.5}",
    "${secret.A@1@2}",
    "${secret.A@3",
    "${secret.A@4294967296}",
    "${secret.A@99999999999999999999999}",
    "${secret.bad name}",
    "${secret.A\\/B}",
    "${secret.A\\u0042}",
    "${secret.\\n}",
    "${secret.A:B}",
    "${secret.A|default}",
    "${secret.{A}}",
    "${secret.\xd0\x90}",
    "${secret.A\xe2\x80\x8d}",
    "$${secret.}",
    "$${ secret.A}",
    "${secret."
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
    "890123456789012345678901234567890123456789}",
};

static void test_malformed_references(void)
{
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        struct ref_match m;
        bool found = ref_grammar_next(str_from(malformed[i]), 0, &m);
        if (!found || m.form != REF_FORM_MALFORMED)
            printf("# malformed[%zu]\n", i);
        CHECK(found && m.form == REF_FORM_MALFORMED);
        AUTO(buf) struct buf b = buf_make(4096);
        CHECK_OK(buf_printf(&b, "{\"webhook\":{\"url\":\"%s\"},\"tags\":\"x\"}", malformed[i]));
        AUTO(run) struct run r;
        run_scan(&r, buf_str(&b), REF_SHAPE_JOB);
        CHECK_ERR(r.err, ERR_INVALID);
        CHECK_EQ(r.problems.count, 1);
        CHECK_STR(r.problems.list[0].field, "/webhook/url");
        CHECK(str_starts(r.problems.list[0].message, STR("malformed secret reference: ")));
        CHECK_EQ(r.list.count, 0);
    }
}

static const struct {
    const char *payload, *pointer;
    enum ref_sink sink;
} sinks[] = {
    {"{\"upload\":{\"params\":{\"accessKeyId\":\"${secret.A}\"}}}", "/upload/params/accessKeyId",
     REF_CREDENTIAL},
    {"{\"upload\":{\"params\":{\"accessKey\\u0053ecret\":\"${secret.A}\"}}}",
     "/upload/params/accessKeySecret", REF_CREDENTIAL},
    {"{\"upload\":{\"params\":{\"bucket\":\"${secret.A}\"}}}", "/upload/params/bucket", REF_UPLOAD},
    {"{\"upload\":{\"prefix\":\"${secret.A}\"}}", "/upload/prefix", REF_UPLOAD},
    {"{\"upload\":{\"accessKeyId\":\"${secret.A}\"}}", "/upload/accessKeyId", REF_UPLOAD},
    {"{\"upload\":{\"params\":{\"accessKeyId\":[\"${secret.A}\"]}}}",
     "/upload/params/accessKeyId/0", REF_UPLOAD},
    {"{\"upload\":\"${secret.A}\"}", "/upload", REF_UPLOAD},
    {"{\"webhook\":{\"url\":\"${secret.A}\"}}", "/webhook/url", REF_URL},
    {"{\"webhook\":{\"headers\":{\"X-A\":\"${secret.A}\"}}}", "/webhook/headers/X-A", REF_HEADER},
    {"{\"webhook\":{\"method\":\"${secret.A}\"}}", "/webhook/method", REF_HEADER},
    {"{\"webhook\":{\"data\":{\"a\":[1,{\"b\":\"${secret.A}\"}]}}}", "/webhook/data/a/1/b",
     REF_BODY},
    {"{\"webhook\":{\"data\":\"${secret.A}\"}}", "/webhook/data", REF_BODY},
    {"{\"template\":{\"id\":\"x\",\"src\":\"${secret.A}\"}}", "/template/src", REF_URL},
    {"{\"assets\":[{},[],{\"src\":\"${secret.A}\"}]}", "/assets/2/src", REF_URL},
    {"{\"assets\":[{\"params\":{\"headers\":{\"a/b~c\":\"${secret.A}\"}}}]}",
     "/assets/0/params/headers/a~1b~0c", REF_HEADER},
    {"{\"assets\":[{\"params\":{\"apiKey\":\"${secret.A}\"}}]}", "/assets/0/params/apiKey",
     REF_TEXT},
    {"{\"assets\":[{\"value\":\"${secret.A}\",\"type\":\"text\"}]}", "/assets/0/value", REF_TEXT},
    {"{\"assets\":[{\"value\":\"${secret.A}\",\"type\":\"script\"}]}", "/assets/0/value",
     REF_SCRIPT},
    {"{\"assets\":[{\"t\\u0079pe\":\"scrip\\u0074\",\"value\":\"${secret.A}\"}]}",
     "/assets/0/value", REF_SCRIPT},
    {"{\"assets\":[{\"type\":\"script\",\"src\":\"${secret.A}\"}]}", "/assets/0/src", REF_URL},
    {"{\"assets\":[{\"params\":{\"type\":\"script\"},\"value\":\"${secret.A}\"}]}",
     "/assets/0/value", REF_TEXT},
    {"{\"assets\":[{\"type\":\"script\"},{\"value\":\"${secret.A}\"}]}", "/assets/1/value",
     REF_TEXT},
    {"{\"assets\":[{\"type\":\"job\",\"assets\":[{\"src\":\"${secret.A}\"}]}]}",
     "/assets/0/assets/0/src", REF_URL},
    {"{\"assets\":[{\"type\":\"job\",\"template\":{\"src\":\"${secret.A}\"}}]}",
     "/assets/0/template/src", REF_URL},
    {"{\"assets\":[{\"assets\":[{\"value\":\"${secret.A}\"}],\"type\":\"script\"}]}",
     "/assets/0/assets/0/value", REF_TEXT},
    {"{\"assets\":[{\"assets\":[{\"value\":\"${secret.A}\",\"type\":\"script\"}]}]}",
     "/assets/0/assets/0/value", REF_SCRIPT},
    {"{\"assets\":[{\"x\":{\"assets\":[{\"src\":\"${secret.A}\"}]}}]}", "/assets/0/x/assets/0/src",
     REF_TEXT},
    {"{\"\\u0061ssets\":[{\"src\":\"${secret.A}\"}]}", "/assets/0/src", REF_URL},
    {"{\"assets\":\"${secret.A}\"}", "/assets", REF_TEXT},
    {"{\"assets\":{\"src\":\"${secret.A}\"}}", "/assets/src", REF_TEXT},
    {"{\"assets\":[[\"${secret.A}\"]]}", "/assets/0/0", REF_TEXT},
    {"{\"webhook\":{\"data\":{\"\":\"${secret.A}\"}}}", "/webhook/data/", REF_BODY},
    {"{\"webhook\":{\"data\":{\"\\u0024{secret.x\":\"${secret.A}\"}}}", "/webhook/data/<key>",
     REF_BODY},
    {"{\"webhook\":{\"data\":{\"a\\n\\\"\":\"${secret.A}\"}}}", "/webhook/data/a\n\"", REF_BODY},
};

static void test_sinks_and_pointers(void)
{
    for (size_t i = 0; i < ARRAY_LEN(sinks); i++) {
        AUTO(run) struct run r;
        run_scan(&r, str_from(sinks[i].payload), REF_SHAPE_JOB);
        CHECK_OK(r.err);
        CHECK_EQ(r.list.count, 1);
        if (r.list.count != 1)
            continue;
        CHECK_STR(r.list.refs[0].pointer, sinks[i].pointer);
        CHECK_STR(str_from(ref_sink_name(r.list.refs[0].sink)), ref_sink_name(sinks[i].sink));
        CHECK_STR(r.list.refs[0].name, "A");
        CHECK_STR(str_slice(str_from(sinks[i].payload), r.list.refs[0].begin, r.list.refs[0].end),
                  "${secret.A}");
    }
    CHECK(ref_sink_exposed(REF_TEXT) && ref_sink_exposed(REF_SCRIPT));
    CHECK(!ref_sink_exposed(REF_URL) && !ref_sink_exposed(REF_CREDENTIAL));
}

static void test_references_that_may_not_stand_there(void)
{
    static const char nowhere[] = "a secret reference may not stand here";
    static const char key[] = "a secret reference may not stand in a key";
    static const struct {
        const char *payload, *pointer, *message;
    } cases[] = {
        {"\"${secret.A}\"", "", nowhere},
        {"[\"${secret.A}\"]", "/0", nowhere},
        {"{\"tags\":\"${secret.A}\"}", "/tags", nowhere},
        {"{\"uid\":\"x ${secrets.A@2}\"}", "/uid", nowhere},
        {"{\"settings\":{\"quality\":[\"${secret.A}\"]}}", "/settings/quality/0", nowhere},
        {"{\"fonts\":[\"a\",\"${secret.A}\"]}", "/fonts/1", nowhere},
        {"{\"template\":{\"id\":\"${secret.A}\"}}", "/template/id", nowhere},
        {"{\"template\":{\"src\":{\"src\":\"${secret.A}\"}}}", "/template/src/src", nowhere},
        {"{\"template\":\"${secret.A}\"}", "/template", nowhere},
        {"{\"Upload\":{\"prefix\":\"${secret.A}\"}}", "/Upload/prefix", nowhere},
        {"[{\"upload\":{\"prefix\":\"${secret.A}\"}}]", "/0/upload/prefix", nowhere},
        {"{\"job\":{\"assets\":[{\"src\":\"${secret.A}\"}]}}", "/job/assets/0/src", nowhere},
        {"{\"webhook\":{\"headers\":{\"${secret.A}\":\"x\"}}}", "/webhook/headers/<key>", key},
        {"{\"webhook\":{\"headers\":{\"${secret.\":\"x\"}}}", "/webhook/headers/<key>", key},
        {"{\"${secret.A}\":{\"a\":1}}", "/<key>", key},
        {"{\"tags\":{\"a\":{\"${SECRET.A}\":1}}}", "/tags/a/<key>", key},
        {"{\"tags\":\"${secret.\"}", "/tags",
         "malformed secret reference: the closing brace is missing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(run) struct run r;
        run_scan(&r, str_from(cases[i].payload), REF_SHAPE_JOB);
        CHECK_ERR(r.err, ERR_INVALID);
        CHECK_EQ(r.problems.count, 1);
        CHECK_STR(r.problems.list[0].field, cases[i].pointer);
        CHECK_STR(r.problems.list[0].message, cases[i].message);
    }
    AUTO(run) struct run r;
    run_scan(&r, STR("{\"upload\":{\"a\":\"${secret.A}\"},\"webhook\":\"$${secret.A}\"}"),
             REF_SHAPE_NONE);
    CHECK_ERR(r.err, ERR_INVALID);
    CHECK_EQ(r.problems.count, 1);
    CHECK_STR(r.problems.list[0].field, "/upload/a");
}

static void test_text_that_is_no_reference_is_left_alone(void)
{
    static const char *const payloads[] = {
        "{\"tags\":\"${env.X} ${other.X} ${secretsX} $secret.X\"}",
        "{\"tags\":\"$${secret.A}\"}",
        "{\"$${secret.A}\":\"${x}\"}",
        "{\"assets\":[{\"value\":\"${sec\"},{\"value\":\"ret.A}\"}]}",
        "{\"assets\":[{\"value\":\"\\u0024{secret.A}\"}]}",
        "{\"n\":1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        AUTO(run) struct run r;
        run_scan(&r, str_from(payloads[i]), REF_SHAPE_JOB);
        CHECK_OK(r.err);
        CHECK_EQ(r.list.count, 0);
        CHECK_EQ(r.problems.count, 0);
    }
}

static void test_several_in_one_string_and_in_order(void)
{
    AUTO(run) struct run r;
    run_scan(&r,
             STR("{\"webhook\":{\"url\":\"https://x/${secret.A}?b=${secrets.B@7}&c=$${secret.C}\"},"
                 "\"assets\":[{\"value\":\"${secret.A}\"}]}"),
             REF_SHAPE_JOB);
    CHECK_OK(r.err);
    CHECK_EQ(r.list.count, 4);
    CHECK_STR(r.list.refs[1].name, "B");
    CHECK_EQ(r.list.refs[1].version, 7);
    CHECK(r.list.refs[2].literal);
    CHECK_STR(r.list.refs[3].pointer, "/assets/0/value");
    for (size_t i = 1; i < r.list.count; i++)
        CHECK(r.list.refs[i].begin >= r.list.refs[i - 1].end);
}

static void test_all_problems_are_collected(void)
{
    AUTO(run) struct run r;
    run_scan(
        &r,
        STR("{\"tags\":\"${secret.A}${secret.B}\",\"upload\":{\"a\":\"${secret.}${secret.C}\"},"
            "\"${secret.D}\":0}"),
        REF_SHAPE_JOB);
    CHECK_ERR(r.err, ERR_INVALID);
    CHECK_EQ(r.problems.count, 4);
}

static void test_broken_json_is_one_problem(void)
{
    static const char *const payloads[] = {"", "{", "{\"tags\":\"${secret.A}\"",
                                           "{\"a\":1,\"a\":2}", "{\"upload\":\"${secret.A}\"} x"};
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        AUTO(run) struct run r;
        run_scan(&r, str_from(payloads[i]), REF_SHAPE_JOB);
        CHECK_ERR(r.err, ERR_JSON);
        CHECK_EQ(r.problems.count, 1);
        CHECK_STR(r.problems.list[0].field, "");
        CHECK(str_starts(r.problems.list[0].message, STR("not valid JSON at byte ")));
    }
}

static void test_limits(void)
{
    for (size_t count = REFS_PER_PAYLOAD_MAX; count <= REFS_PER_PAYLOAD_MAX + 1; count++) {
        AUTO(buf) struct buf b = buf_make(1 << 20);
        AUTO(run) struct run r;
        CHECK_OK(buf_put(&b, STR("{\"webhook\":\"")));
        for (size_t i = 0; i < count; i++)
            CHECK_OK(buf_put(&b, STR("${secret.A}")));
        CHECK_OK(buf_put(&b, STR("\"}")));
        run_scan(&r, buf_str(&b), REF_SHAPE_JOB);
        CHECK_ERR(r.err, count <= REFS_PER_PAYLOAD_MAX ? OK : ERR_INVALID);
        CHECK_EQ(r.problems.count, count <= REFS_PER_PAYLOAD_MAX ? 0 : 1);
    }
    for (size_t size = JOB_PAYLOAD_MAX_BYTES; size <= JOB_PAYLOAD_MAX_BYTES + 1; size++) {
        AUTO(buf) struct buf b = buf_make(JOB_PAYLOAD_MAX_BYTES + 1);
        AUTO(run) struct run r;
        CHECK_OK(buf_put(&b, STR("{}")));
        while (b.len < size)
            CHECK_OK(buf_put_byte(&b, ' '));
        run_scan(&r, buf_str(&b), REF_SHAPE_JOB);
        CHECK_ERR(r.err, size <= JOB_PAYLOAD_MAX_BYTES ? OK : ERR_TOO_LARGE);
    }
}

/* Not more than a pass: a megabyte of each of these takes no longer than any other. */
static void test_hostile_payloads_end_soon(void)
{
    static const char *const units[] = {"${", "${secret.", "$$", "${s e c r e t ", "${secret.A@1"};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        AUTO(buf) struct buf b = buf_make(JOB_PAYLOAD_MAX_BYTES);
        AUTO(run) struct run r;
        CHECK_OK(buf_put(&b, STR("{\"upload\":\"")));
        while (b.len + strlen(units[i]) + 2 <= b.max)
            CHECK_OK(buf_put(&b, str_from(units[i])));
        CHECK_OK(buf_put(&b, STR("\"}")));
        run_scan(&r, buf_str(&b), REF_SHAPE_JOB);
        CHECK(r.err == OK || r.problems.count == PROBLEMS_MAX);
        CHECK(r.arena.used_bytes < 1 << 20);
    }
}

static void test_pointer_is_capped_at_a_character(void)
{
    for (size_t keys = 0; keys < 40; keys++) {
        AUTO(buf) struct buf b = buf_make(1 << 20);
        AUTO(run) struct run r;
        CHECK_OK(buf_put(&b, STR("{\"webhook\":{\"data\":")));
        for (size_t i = 0; i < keys; i++)
            CHECK_OK(buf_put(&b, STR("{\"k\xe2\x82\xac\xe2\x82\xac~\":")));
        CHECK_OK(buf_put(&b, STR("\"${secret.A}\"")));
        for (size_t i = 0; i < keys + 2; i++)
            CHECK_OK(buf_put_byte(&b, '}'));
        run_scan(&r, buf_str(&b), REF_SHAPE_JOB);
        CHECK_OK(r.err);
        struct str pointer = r.list.refs[0].pointer;
        size_t whole = strlen("/webhook/data") + keys * strlen("/k******~0");
        CHECK(pointer.len <= 256);
        CHECK(whole > 253 || pointer.len == whole);
        CHECK(whole <= 256 || str_ends(pointer, STR("...")));
        for (size_t i = 0; i + 3 < pointer.len; i++)
            if ((unsigned char)pointer.ptr[i] == 0xe2)
                CHECK((unsigned char)pointer.ptr[i + 2] == 0xac);
    }
}

int main(void)
{
    RUN(test_names);
    RUN(test_grammar);
    RUN(test_malformed_references);
    RUN(test_sinks_and_pointers);
    RUN(test_references_that_may_not_stand_there);
    RUN(test_text_that_is_no_reference_is_left_alone);
    RUN(test_several_in_one_string_and_in_order);
    RUN(test_all_problems_are_collected);
    RUN(test_broken_json_is_one_problem);
    RUN(test_limits);
    RUN(test_hostile_payloads_end_soon);
    RUN(test_pointer_is_capped_at_a_character);
    return test_done();
}
