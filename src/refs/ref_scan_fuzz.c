/* Any bytes as a job: the scan's verdict on the JSON is jansson's, and what the splice writes
 * parses to the tree in which jansson's strings had their references replaced one by one.
 *
 * The tree's strings are unescaped, ours are not: documents with \u or \/ (which could spell a part
 * of a reference) are not compared as trees. The other escapes stand for characters that no
 * reference has. */
#include "json_oracle.h"
#include "ref_scan.h"
#include "ref_splice.h"

#include <regex.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The independent grammar. */
static const char pattern[] = "\\$?\\$\\{secrets?\\.([A-Za-z0-9_./-]{1,128})(@[1-9][0-9]*)?\\}";

static void put_value(struct buf *b, struct str name)
{
    ASSERT(buf_put(b, STR("v\"\\\n\x01\xe2\x82\xac$${secret.A}${secret.B}")) == OK);
    ASSERT(buf_put(b, name) == OK);
}

static json_t *replaced(const char *text)
{
    static regex_t regex;
    static bool ready;
    if (!ready)
        ASSERT(regcomp(&regex, pattern, REG_EXTENDED) == 0);
    ready = true;
    AUTO(buf) struct buf b = buf_make(1 << 24);
    regmatch_t m[3];
    while (regexec(&regex, text, ARRAY_LEN(m), m, 0) == 0) {
        size_t begin = (size_t)m[0].rm_so, end = (size_t)m[0].rm_eo;
        ASSERT(buf_put(&b, str_bytes(text, begin)) == OK);
        if (text[begin + 1] == '$')
            ASSERT(buf_put(&b, str_bytes(text + begin + 1, end - begin - 1)) == OK);
        else
            put_value(&b, str_bytes(text + m[1].rm_so, (size_t)(m[1].rm_eo - m[1].rm_so)));
        text += end;
    }
    ASSERT(buf_put(&b, str_from(text)) == OK);
    return json_stringn(buf_str(&b).ptr, b.len);
}

/* Takes the reference to `at` and returns one to what stands for it. */
static json_t *replace_all(json_t *at)
{
    const char *key;
    void *tmp;
    size_t i;
    json_t *child;
    if (json_string_value(at)) {
        json_t *fresh = replaced(json_string_value(at));
        json_decref(at);
        return fresh;
    }
    if (json_is_object(at))
        json_object_foreach_safe(at, tmp, key, child)
            json_object_set_new(at, key, replace_all(json_incref(child)));
    json_array_foreach(at, i, child) json_array_set_new(at, i, replace_all(json_incref(child)));
    return at;
}

static void replace_member(json_t *object, const char *key)
{
    json_t *child = json_object_get(object, key);
    if (child)
        json_object_set_new(object, key, replace_all(json_incref(child)));
}

static json_t *parse(struct str text)
{
    return json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

static void compare_trees(struct str payload, struct str spliced)
{
    json_t *want = parse(payload);
    if (!want)
        return; /* not comparable: json_oracle_agrees() has seen it */
    json_t *got = parse(spliced);
    ASSERT(got);
    replace_member(want, "upload");
    replace_member(want, "assets");
    replace_member(want, "webhook");
    json_t *template = json_object_get(want, "template");
    if (json_string_value(json_object_get(template, "src")))
        replace_member(template, "src");
    ASSERT(json_equal(want, got));
    json_decref(want);
    json_decref(got);
}

static void splice(struct str payload, const struct ref_list *list, struct arena *arena)
{
    AUTO(buf) struct buf out = buf_make(1 << 26);
    struct secret **values = arena_array(arena, list->count, sizeof *values);
    struct ref_edit *edits = arena_array(arena, list->count, sizeof *edits);
    for (size_t i = 0; i < list->count; i++) {
        const struct ref *r = &list->refs[i];
        AUTO(buf) struct buf value = buf_make(1 << 10);
        edits[i] = (struct ref_edit){.begin = r->begin, .end = r->end};
        if (r->literal) {
            edits[i].text = str_slice(payload, r->begin + 1, r->end);
            continue;
        }
        put_value(&value, r->name);
        ASSERT(secret_new(buf_str(&value), &values[i]) == OK);
        edits[i].value = values[i];
    }
    ASSERT(ref_splice(payload, edits, list->count, &out) == OK);
    if (list->count == 0)
        ASSERT(str_equal(payload, buf_str(&out)));
    if (str_search(payload, STR("\\u"), 0) == payload.len &&
        str_search(payload, STR("\\/"), 0) == payload.len)
        compare_trees(payload, buf_str(&out));
    for (size_t i = 0; i < list->count; i++)
        secret_free(&values[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str payload = str_bytes(data, size);
    AUTO(arena) struct arena arena = arena_make();
    struct problems problems;
    struct ref_list list = {NULL, 0};
    problems_init(&problems, &arena);
    enum err e = ref_scan(payload, REF_SHAPE_JOB, &arena, &problems, &list);
    if (e == ERR_TOO_LARGE)
        return 0;
    ASSERT(json_oracle_agrees(payload));
    ASSERT((e == ERR_JSON) == (json_opinion_of_ours(payload) != JSON_ACCEPTED));
    ASSERT((e == OK) == (problems.count == 0));
    for (size_t i = 0; i < problems.count; i++)
        ASSERT(str_search(problems.list[i].field, STR("${"), 0) == problems.list[i].field.len);
    if (e == OK)
        splice(payload, &list, &arena);
    return 0;
}
