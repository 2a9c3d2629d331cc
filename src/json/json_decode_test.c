#include "json_decode.h"

#include "test.h"

struct sample {
    struct str name, raw, object, array;
    struct secret *value;
    bool flag;
    int64_t count;
    double ratio;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct sample, name, "name", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY, 8),
    JSON_FIELD(struct sample, value, "value", JSON_AS_SECRET, JSON_OPTIONAL, 16),
    JSON_FIELD(struct sample, flag, "flag", JSON_AS_BOOL, JSON_OPTIONAL, 0),
    JSON_FIELD(struct sample, count, "count", JSON_AS_INT, JSON_NULLABLE, 100),
    JSON_FIELD(struct sample, ratio, "ratio", JSON_AS_NUMBER, JSON_OPTIONAL, 0),
    JSON_FIELD(struct sample, raw, "raw", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct sample, object, "object", JSON_AS_OBJECT, JSON_NOT_EMPTY, 0),
    JSON_FIELD(struct sample, array, "array", JSON_AS_ARRAY, JSON_NULLABLE, 10),
};

static void sample_auto(struct sample *s)
{
    secret_free(&s->value);
}

static void test_every_kind(void)
{
    AUTO(arena) struct arena arena = arena_make();
    struct problems problems;
    AUTO(sample) struct sample s = {0};
    problems_init(&problems, &arena);
    struct str text =
        STR("{\"other\":[{\"name\":1}],\"n\\u0061me\":\"a\\nb\",\"value\":\"p\\u0041\\ud83d"
            "\\ude00\\\"\",\"flag\":true,\"count\":100,\"ratio\":-2.5e1,"
            "\"raw\": [1, 2] ,\"object\":{\"x\":{}},\"array\":[ ]}");
    CHECK_OK(json_decode(text, fields, ARRAY_LEN(fields), STR(""), &problems, &s));
    CHECK_EQ(problems.count, 0);
    CHECK_STR(s.name, "a\nb");
    CHECK_STR(secret_reveal(s.value), "pA\xf0\x9f\x98\x80\"");
    CHECK(s.flag);
    CHECK_EQ(s.count, 100);
    CHECK(s.ratio == -25.0);
    CHECK_STR(s.raw, "[1, 2]");
    CHECK_STR(s.object, "{\"x\":{}}");
    CHECK_STR(s.array, "[ ]");
}

static const struct {
    const char *text, *field, *message;
} invalid[] = {
    {"[]", "", "must be an object"},
    {"\"x\"", "", "must be an object"},
    {"{}", "name", "is required"},
    {"{\"name\":null}", "name", "must be a string"},
    {"{\"name\":1}", "name", "must be a string"},
    {"{\"name\":[\"a\"]}", "name", "must be a string"},
    {"{\"name\":\"\"}", "name", "must not be empty"},
    {"{\"name\":\"123456789\"}", "name", "must be at most 8 bytes long"},
    {"{\"name\":\"\\u20ac\\u20ac\\u20ac\"}", "name", "must be at most 8 bytes long"},
    {"{\"name\":\"a\",\"value\":\"12345678901234567\"}", "value", "must be at most 16 bytes long"},
    {"{\"name\":\"a\",\"value\":false}", "value", "must be a string"},
    {"{\"name\":\"a\",\"flag\":1}", "flag", "must be true or false"},
    {"{\"name\":\"a\",\"flag\":null}", "flag", "must be true or false"},
    {"{\"name\":\"a\",\"count\":101}", "count", "must be a whole number from 0 to 100"},
    {"{\"name\":\"a\",\"count\":-1}", "count", "must be a whole number from 0 to 100"},
    {"{\"name\":\"a\",\"count\":1.0}", "count", "must be a whole number from 0 to 100"},
    {"{\"name\":\"a\",\"count\":1e1}", "count", "must be a whole number from 0 to 100"},
    {"{\"name\":\"a\",\"count\":99999999999999999999}", "count",
     "must be a whole number from 0 to 100"},
    {"{\"name\":\"a\",\"count\":\"1\"}", "count", "must be a whole number"},
    {"{\"name\":\"a\",\"ratio\":\"1\"}", "ratio", "must be a number"},
    {"{\"name\":\"a\",\"object\":[]}", "object", "must be an object"},
    {"{\"name\":\"a\",\"object\":{ }}", "object", "must not be empty"},
    {"{\"name\":\"a\",\"array\":{\"a\":[]}}", "array", "must be an array"},
    {"{\"name\":\"a\",\"array\":[1,2,3,4,5]}", "array", "must be at most 10 bytes long"},
};

static void test_invalid_members_become_problems(void)
{
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        AUTO(arena) struct arena arena = arena_make();
        struct problems problems;
        AUTO(sample) struct sample s = {0};
        problems_init(&problems, &arena);
        CHECK_ERR(json_decode(str_from(invalid[i].text), fields, ARRAY_LEN(fields), STR(""),
                              &problems, &s),
                  ERR_INVALID);
        CHECK_EQ(problems.count, 1);
        CHECK_STR(problems.list[0].field, invalid[i].field);
        CHECK_STR(problems.list[0].message, invalid[i].message);
    }
}

static void test_all_problems_are_collected_with_their_prefix(void)
{
    AUTO(arena) struct arena arena = arena_make();
    struct problems problems;
    AUTO(sample) struct sample s = {0};
    problems_init(&problems, &arena);
    CHECK_ERR(json_decode(STR("{\"flag\":0,\"count\":[[1],{}],\"ratio\":true}"), fields,
                          ARRAY_LEN(fields), STR("/assets/3"), &problems, &s),
              ERR_INVALID);
    CHECK_EQ(problems.count, 4);
    CHECK_STR(problems.list[0].field, "/assets/3/flag");
    CHECK_STR(problems.list[3].field, "/assets/3/name");
}

static void test_malformed_text_is_one_problem(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "not valid JSON at byte 0: the text ends too early"},
        {"{\"name\":\"a\",\"name\":\"b\"}", "not valid JSON at byte 12: duplicate key"},
        {"{\"flag\":1,\"name\":}", "not valid JSON at byte 17: unexpected character"},
        {"{\"name\":\"a\"}}", "not valid JSON at byte 12: more text follows the document"},
        {"[] x", "not valid JSON at byte 3: more text follows the document"},
        {"{\"value\":\"taken\",\"raw\":[1,{\"a\":nul}]}",
         "not valid JSON at byte 31: unknown word"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena arena = arena_make();
        struct problems problems;
        AUTO(sample) struct sample s = {0};
        problems_init(&problems, &arena);
        CHECK_ERR(json_decode(str_from(cases[i].text), fields, ARRAY_LEN(fields), STR("/x"),
                              &problems, &s),
                  ERR_JSON);
        CHECK_EQ(problems.count, 1);
        CHECK_STR(problems.list[0].field, "");
        CHECK_STR(problems.list[0].message, cases[i].message);
    }
}

static void test_null_leaves_the_zero(void)
{
    AUTO(arena) struct arena arena = arena_make();
    struct problems problems;
    AUTO(sample) struct sample s = {.count = 7};
    problems_init(&problems, &arena);
    CHECK_OK(json_decode(STR("{\"name\":\"a\",\"count\":null,\"array\":null,\"raw\":null}"), fields,
                         ARRAY_LEN(fields), STR(""), &problems, &s));
    CHECK_EQ(s.count, 7);
    CHECK_EQ(s.array.len, 0);
    CHECK_STR(s.raw, "null");
}

static void test_secret_arena_full(void)
{
    static const struct json_field large[] = {
        JSON_FIELD(struct sample, value, "value", JSON_AS_SECRET, JSON_REQUIRED, 1 << 20)};
    AUTO(arena) struct arena arena = arena_make();
    AUTOP(secret) struct secret *all = NULL;
    struct problems problems;
    AUTO(sample) struct sample s = {0};
    problems_init(&problems, &arena);
    size_t size = secret_arena_open(SECRET_ARENA_BYTES).size_bytes;
    CHECK_OK(secret_new_empty(size - 1024, &all));
    AUTO(buf) struct buf text = buf_make(1 << 20);
    CHECK_OK(buf_put(&text, STR("{\"value\":\"")));
    for (int i = 0; i < 4096; i++)
        CHECK_OK(buf_put_byte(&text, 'v'));
    CHECK_OK(buf_put(&text, STR("\"}")));
    CHECK_ERR(json_decode(buf_str(&text), large, 1, STR(""), &problems, &s), ERR_LIMIT);
    CHECK(s.value == NULL);
}

static void test_elements(void)
{
    struct str array = STR(" [ 1 ,\"a,]\\\"\", [2,[3]] ,{\"k\":\"}\"},true ] ");
    const char *want[] = {"1", "\"a,]\\\"\"", "[2,[3]]", "{\"k\":\"}\"}", "true"};
    struct json_elements e;
    struct str element;
    json_elements_init(&e, array);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        CHECK(json_elements_next(&e, &element));
        CHECK_EQ(e.index, i);
        CHECK_STR(element, want[i]);
    }
    CHECK(!json_elements_next(&e, &element));
    CHECK(!json_elements_next(&e, &element));
}

static void test_members(void)
{
    struct json_members m;
    struct str key, value;
    json_members_init(&m, STR("{ \"a\" : {\"b\":[1]} , \"c\\\"\":\"x\", \"\" :-1}"));
    CHECK(json_members_next(&m, &key, &value));
    CHECK_STR(key, "a");
    CHECK_STR(value, "{\"b\":[1]}");
    CHECK(json_members_next(&m, &key, &value));
    CHECK_STR(key, "c\\\"");
    CHECK_STR(value, "\"x\"");
    CHECK(json_members_next(&m, &key, &value));
    CHECK_STR(key, "");
    CHECK_STR(value, "-1");
    CHECK(!json_members_next(&m, &key, &value));
}

static void test_walks_of_malformed_text_end(void)
{
    static const char *const texts[] = {"",       "[",    "[1 2]",   "[\"a",       "[[1]",    "[,]",
                                        "[\"]",   "{1}",  "{\"a\"}", "{\"",        "{\"a\":", "{}}",
                                        "[\"\\]", "null", "[\"\\",   "{\"a\":\"}", "[[[[]"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct json_elements e;
        struct json_members m;
        struct str key, value;
        int steps = 0;
        json_elements_init(&e, str_from(texts[i]));
        while (json_elements_next(&e, &value))
            steps++;
        json_members_init(&m, str_from(texts[i]));
        while (json_members_next(&m, &key, &value))
            steps++;
        CHECK(steps <= 2);
    }
}

int main(void)
{
    RUN(test_every_kind);
    RUN(test_invalid_members_become_problems);
    RUN(test_all_problems_are_collected_with_their_prefix);
    RUN(test_malformed_text_is_one_problem);
    RUN(test_null_leaves_the_zero);
    RUN(test_secret_arena_full);
    RUN(test_elements);
    RUN(test_members);
    RUN(test_walks_of_malformed_text_end);
    return test_done();
}
