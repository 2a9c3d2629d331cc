#include "json_decode.h"

#include <stdlib.h>

#include "alloc.h"
#include "json_escapes.h"

struct decode {
    struct str input, prefix;
    struct json_scan *scan;
    const struct json_field *fields;
    size_t field_count;
    uint64_t seen; /* one bit for each field */
    struct problems *problems;
    char *ret;
    enum err verdict;
};

enum err json_malformed(const struct json_scan *scan, struct problems *problems, size_t keep)
{
    problems->count = keep;
    (void)problems_addf(problems, STR_EMPTY, "not valid JSON at byte %zu: %s",
                        json_scan_offset(scan), json_scan_why(scan));
    return ERR_JSON;
}

static void add_problem(struct decode *d, const struct json_field *f, const char *message)
{
    struct str field = str_from(f->name);
    if (d->prefix.len)
        field =
            arena_printf(d->problems->arena, "%.*s/%s", (int)d->prefix.len, d->prefix.ptr, f->name);
    d->verdict = problems_add(d->problems, field, message);
}

static void add_size_problem(struct decode *d, const struct json_field *f)
{
    struct str text = arena_printf(d->problems->arena, "must be at most %zu bytes long", f->max);
    add_problem(d, f, text.ptr);
}

static const char *expectation(enum json_kind kind)
{
    switch (kind) {
    case JSON_AS_STR:
    case JSON_AS_SECRET:
        return "must be a string";
    case JSON_AS_BOOL:
        return "must be true or false";
    case JSON_AS_INT:
        return "must be a whole number";
    case JSON_AS_NUMBER:
        return "must be a number";
    case JSON_AS_OBJECT:
        return "must be an object";
    case JSON_AS_ARRAY:
        return "must be an array";
    case JSON_AS_RAW: /* any value will do */
        break;
    }
    return "is not acceptable";
}

static bool type_fits(enum json_kind kind, enum json_token_type type)
{
    switch (kind) {
    case JSON_AS_STR:
    case JSON_AS_SECRET:
        return type == JSON_STRING;
    case JSON_AS_BOOL:
        return type == JSON_TRUE || type == JSON_FALSE;
    case JSON_AS_INT:
    case JSON_AS_NUMBER:
        return type == JSON_NUMBER;
    case JSON_AS_OBJECT:
        return type == JSON_OBJECT_BEGIN;
    case JSON_AS_ARRAY:
        return type == JSON_ARRAY_BEGIN;
    case JSON_AS_RAW:
        break;
    }
    return true; /* any value, null too */
}

/* The length after unescaping is within the field's bounds; otherwise a problem is added. */
static bool length_fits(struct decode *d, const struct json_field *f, size_t len)
{
    if (len == 0 && (f->flags & JSON_NOT_EMPTY))
        add_problem(d, f, "must not be empty");
    else if (len > f->max)
        add_size_problem(d, f);
    else
        return true;
    return false;
}

static enum err take_str(struct decode *d, const struct json_field *f, struct str raw)
{
    size_t len = json_unescaped_len(raw);
    if (!length_fits(d, f, len))
        return OK;
    char scratch[JSON_ESCAPE_MAX_BYTES];
    char *copy = arena_alloc(d->problems->arena, len + 1), *end = copy;
    struct str piece;
    while (json_piece_next(&raw, scratch, &piece)) {
        memcpy(end, piece.ptr, piece.len);
        end += piece.len;
    }
    *(struct str *)(void *)(d->ret + f->offset) = str_bytes(copy, len);
    return OK;
}

static enum err take_secret(struct decode *d, const struct json_field *f, struct str raw)
{
    size_t len = json_unescaped_len(raw);
    if (!length_fits(d, f, len))
        return OK;
    struct secret *s = NULL;
    TRY(secret_new_empty(len, &s));
    *(struct secret **)(void *)(d->ret + f->offset) = s;
    char scratch[JSON_ESCAPE_MAX_BYTES];
    struct str piece;
    enum err e = OK;
    while (e == OK && json_piece_next(&raw, scratch, &piece))
        e = secret_append(s, piece);
    wipe(scratch, sizeof scratch);
    return e;
}

static void take_int(struct decode *d, const struct json_field *f, struct str text)
{
    uint64_t v;
    uint64_t max = f->max < INT64_MAX ? f->max : INT64_MAX;
    if (str_to_u64(text, max, &v) == OK) {
        *(int64_t *)(void *)(d->ret + f->offset) = (int64_t)v;
        return;
    }
    struct str message = arena_printf(d->problems->arena, "must be a whole number from 0 to %llu",
                                      (unsigned long long)max);
    add_problem(d, f, message.ptr);
}

static void take_number(struct decode *d, const struct json_field *f, struct str text)
{
    /* The scanner has checked the grammar and the range; strtod wants a terminator. */
    const char *copy = arena_text(d->problems->arena, text);
    *(double *)(void *)(d->ret + f->offset) = strtod(copy, NULL);
}

/* RAW, OBJECT and ARRAY: from the token's first byte to the end of the value. */
static enum err take_raw(struct decode *d, const struct json_field *f,
                         const struct json_token *value)
{
    size_t end;
    TRY(json_scan_skip(d->scan, value, &end));
    struct str raw = str_slice(d->input, value->begin, end);
    bool empty = (value->type == JSON_OBJECT_BEGIN || value->type == JSON_ARRAY_BEGIN) &&
                 str_trim(str_slice(raw, 1, raw.len - 1)).len == 0;
    if (empty && (f->flags & JSON_NOT_EMPTY))
        add_problem(d, f, "must not be empty");
    else if (f->max && raw.len > f->max)
        add_size_problem(d, f);
    else
        *(struct str *)(void *)(d->ret + f->offset) = raw;
    return OK;
}

/* UNSAFE: each take_ function writes at the offset that JSON_FIELD took from the caller's struct;
 * kind and member type match by that table. */
static enum err take_value(struct decode *d, const struct json_field *f,
                           const struct json_token *value)
{
    size_t end;
    if (value->type == JSON_NULL && (f->flags & JSON_NULLABLE))
        return OK;
    if (!type_fits(f->kind, value->type)) {
        add_problem(d, f, expectation(f->kind));
        return json_scan_skip(d->scan, value, &end);
    }
    switch (f->kind) {
    case JSON_AS_STR:
        return take_str(d, f, value->raw);
    case JSON_AS_SECRET:
        return take_secret(d, f, value->raw);
    case JSON_AS_BOOL:
        *(bool *)(d->ret + f->offset) = value->type == JSON_TRUE;
        return OK;
    case JSON_AS_INT:
        take_int(d, f, value->raw);
        return OK;
    case JSON_AS_NUMBER:
        take_number(d, f, value->raw);
        return OK;
    case JSON_AS_RAW:
    case JSON_AS_OBJECT:
    case JSON_AS_ARRAY:
        break;
    }
    return take_raw(d, f, value);
}

static enum err take_member(struct decode *d, const struct json_token *key)
{
    struct json_token value;
    size_t end;
    TRY(json_scan_next(d->scan, &value));
    for (size_t i = 0; i < d->field_count; i++) {
        if (!json_raw_is(key->raw, key->escaped, str_from(d->fields[i].name)))
            continue;
        d->seen |= (uint64_t)1 << i;
        return take_value(d, &d->fields[i], &value);
    }
    return json_scan_skip(d->scan, &value, &end);
}

static enum err take_document(struct decode *d)
{
    struct json_token token;
    size_t end;
    TRY(json_scan_next(d->scan, &token));
    if (token.type != JSON_OBJECT_BEGIN) {
        TRY(json_scan_skip(d->scan, &token, &end));
        TRY(json_scan_next(d->scan, &token)); /* malformed text behind it is worse news */
        return problems_add(d->problems, d->prefix, "must be an object");
    }
    for (;;) {
        TRY(json_scan_next(d->scan, &token));
        if (token.type != JSON_KEY)
            break;
        TRY(take_member(d, &token));
    }
    TRY(json_scan_next(d->scan, &token));
    for (size_t i = 0; i < d->field_count; i++)
        if ((d->fields[i].flags & JSON_REQUIRED) && !(d->seen & (uint64_t)1 << i))
            add_problem(d, &d->fields[i], "is required");
    return d->verdict;
}

enum err json_decode(struct str input, const struct json_field *fields, size_t field_count,
                     struct str prefix, struct problems *problems, void *ret)
{
    ASSERT(field_count <= 64);
    AUTOP(json_scan) struct json_scan *scan = json_scan_new(input, JSON_LIMITS_DEFAULT);
    struct decode d = {.input = input,
                       .prefix = prefix,
                       .scan = scan,
                       .fields = fields,
                       .field_count = field_count,
                       .problems = problems,
                       .ret = ret,
                       .verdict = OK};
    size_t before = problems->count;
    enum err e = take_document(&d);
    return e == ERR_JSON ? json_malformed(scan, problems, before) : e;
}
