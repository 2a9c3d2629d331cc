/* Objects decoded by table: unknown members are skipped, missing or ill-typed ones become problems
 * with a field name. Nothing of the input is quoted. Owner thread. */
#ifndef JSON_DECODE_H
#define JSON_DECODE_H

#include "json_scan.h"
#include "problems.h"
#include "secret.h"

enum json_kind {
    JSON_AS_STR,    /* struct str, unescaped, in the arena; max = bytes */
    JSON_AS_SECRET, /* struct secret *, unescaped straight into locked memory; max = bytes */
    JSON_AS_BOOL,   /* bool */
    JSON_AS_INT, /* int64_t; max = largest value, least is 0; a fraction or exponent is refused */
    JSON_AS_NUMBER, /* double */
    JSON_AS_RAW, /* struct str: the value's bytes as they stand (any type), borrowed from the input
                  */
    JSON_AS_OBJECT, /* like RAW, but must be an object */
    JSON_AS_ARRAY,  /* like RAW, but must be an array */
};

enum json_flag { JSON_OPTIONAL = 0, JSON_REQUIRED = 1, JSON_NULLABLE = 2, JSON_NOT_EMPTY = 4 };

struct json_field {
    const char *name;
    enum json_kind kind;
    unsigned flags;
    size_t offset; /* of the member in the caller's struct */
    size_t max;    /* see enum json_kind; RAW, OBJECT, ARRAY: bytes, 0 for no limit */
};
#define JSON_FIELD(type, member, name, kind, flags, max)                                           \
    {                                                                                              \
        name, kind, flags, offsetof(type, member), max                                             \
    }

/* Decodes the object `input` into `ret` (which the caller zeroes first; absent members stay as they
 * are; a JSON null for a NULLABLE member leaves the zero). `prefix` is the JSON pointer of the
 * object itself ("" at the top: then a field is just its name). Problems are collected, all of
 * them. Returns OK, ERR_JSON (malformed; problems has one entry with the reason and position),
 * ERR_INVALID (problems says what), ERR_TOO_LARGE or ERR_LIMIT (locked memory). On an error,
 * secrets already taken stay in `ret` for the caller's destructor. */
enum err json_decode(struct str input, const struct json_field *fields, size_t field_count,
                     struct str prefix, struct problems *problems, void *ret) MUST_USE;

/* The problem of malformed text: where and why `scan` failed. Problems past the first `keep` are
 * dropped: they say less. Returns ERR_JSON. */
enum err json_malformed(const struct json_scan *scan, struct problems *problems,
                        size_t keep) MUST_USE;

/* Walks the elements of an array given as RAW bytes: false when there are no more.
 *     struct json_elements e; json_elements_init(&e, array);
 *     while (json_elements_next(&e, &element)) ...
 * The array was validated before; a malformed one just ends early. */
struct json_elements {
    struct str rest;
    size_t index; /* of the element last returned, counted from 0 */
    bool begun;
};
void json_elements_init(struct json_elements *e, struct str array);
bool json_elements_next(struct json_elements *e, struct str *ret_element);

/* The same for the members of an object: key is raw (escapes as written). */
struct json_members {
    struct str rest;
    bool begun;
};
void json_members_init(struct json_members *m, struct str object);
bool json_members_next(struct json_members *m, struct str *ret_key, struct str *ret_value);

#endif
