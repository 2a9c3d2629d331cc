/* The tests' second opinion: jansson. Where the two differ on purpose a document is not compared:
 * - an integer beyond int64: jansson refuses it, we keep its text as it stands;
 * - deeper than our limit, or more values: we refuse it, jansson has other limits;
 * - a NUL byte: we always refuse it, jansson 2.14 loses one that follows a number or a word.
 * For tests and fuzz targets only. */
#ifndef JSON_ORACLE_H
#define JSON_ORACLE_H

/* Four names of its enum json_type are ours too: they are renamed on the way in, so its macros that
 * use them (json_is_string and the like) do not work here. */
#define JSON_STRING JANSSON_STRING
#define JSON_TRUE   JANSSON_TRUE
#define JSON_FALSE  JANSSON_FALSE
#define JSON_NULL   JANSSON_NULL
#include <jansson.h>
#undef JSON_STRING
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL

#include "json_scan.h"

enum json_opinion { JSON_REFUSED, JSON_ACCEPTED, JSON_NOT_COMPARED };

static inline enum json_opinion json_opinion_of_jansson(struct str input)
{
    json_error_t error;
    if (str_find(input, '\0') < input.len)
        return JSON_NOT_COMPARED;
    json_t *root =
        json_loadb(input.ptr, input.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root) {
        json_decref(root);
        return JSON_ACCEPTED;
    }
    bool big_integer = json_error_code(&error) == json_error_numeric_overflow &&
                       strncmp(error.text, "too big", 7) == 0;
    return big_integer ? JSON_NOT_COMPARED : JSON_REFUSED;
}

static inline enum json_opinion json_opinion_of_ours(struct str input)
{
    AUTOP(json_scan) struct json_scan *scan = json_scan_new(input, JSON_LIMITS_DEFAULT);
    struct json_token token;
    enum err e;
    do
        e = json_scan_next(scan, &token);
    while (e == OK && token.type != JSON_END);
    if (e == OK)
        return JSON_ACCEPTED;
    const char *why = json_scan_why(scan);
    bool limit = strcmp(why, "nested too deeply") == 0 || strcmp(why, "too many values") == 0;
    return limit ? JSON_NOT_COMPARED : JSON_REFUSED;
}

static inline bool json_oracle_agrees(struct str input)
{
    enum json_opinion ours = json_opinion_of_ours(input);
    enum json_opinion theirs = json_opinion_of_jansson(input);
    return ours == JSON_NOT_COMPARED || theirs == JSON_NOT_COMPARED || ours == theirs;
}

#endif
