/* Any bytes through the decoder and the walkers: no crash, and an error always has its problem. */
#include "json_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target {
    struct str name, raw, object, array;
    struct secret *value;
    bool flag;
    int64_t count;
    double ratio;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct target, name, "name", JSON_AS_STR, JSON_REQUIRED | JSON_NOT_EMPTY, 8),
    JSON_FIELD(struct target, value, "value", JSON_AS_SECRET, JSON_OPTIONAL, 16),
    JSON_FIELD(struct target, flag, "flag", JSON_AS_BOOL, JSON_OPTIONAL, 0),
    JSON_FIELD(struct target, count, "count", JSON_AS_INT, JSON_NULLABLE, 100),
    JSON_FIELD(struct target, ratio, "ratio", JSON_AS_NUMBER, JSON_OPTIONAL, 0),
    JSON_FIELD(struct target, raw, "raw", JSON_AS_RAW, JSON_OPTIONAL, 0),
    JSON_FIELD(struct target, object, "object", JSON_AS_OBJECT, JSON_NOT_EMPTY, 0),
    JSON_FIELD(struct target, array, "array", JSON_AS_ARRAY, JSON_NULLABLE, 10),
};

static void walk(struct str value, bool valid)
{
    struct json_elements e;
    struct json_members m;
    struct str key, item;
    json_elements_init(&e, value);
    while (json_elements_next(&e, &item))
        ASSERT(!valid || json_valid(item, JSON_LIMITS_DEFAULT) == OK);
    json_members_init(&m, value);
    while (json_members_next(&m, &key, &item))
        ASSERT(!valid || json_valid(item, JSON_LIMITS_DEFAULT) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_bytes(data, size);
    AUTO(arena) struct arena arena = arena_make();
    struct problems problems;
    struct target t = {0};
    problems_init(&problems, &arena);
    enum err e = json_decode(input, fields, ARRAY_LEN(fields), STR(""), &problems, &t);
    bool valid = json_valid(input, JSON_LIMITS_DEFAULT) == OK;
    ASSERT((e == ERR_JSON) == !valid);
    ASSERT(e == OK ? problems.count == 0 && t.name.len > 0 : problems.count > 0);
    ASSERT(!t.value || secret_len(t.value) <= 16);
    secret_free(&t.value);
    walk(input, valid);
    walk(t.raw, e == OK);
    return 0;
}
