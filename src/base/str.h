/* Borrowed bytes, passed by value: pointer and length, no terminator, no ownership. NUL-terminated
 * text exists only at the edges (argv, paths, library calls). Any thread. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "err.h"

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
#define STR_EMPTY    ((struct str){"", 0})

static inline struct str str_from(const char *text) /* NUL-terminated; NULL gives empty */
{
    return text ? (struct str){text, strlen(text)} : STR_EMPTY;
}

static inline struct str str_bytes(const void *ptr, size_t len)
{
    return (struct str){(const char *)ptr, len};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
    return str_equal(a, str_from(text));
}

bool str_equal_nocase(struct str a, struct str b); /* ASCII only */
bool str_has_control(struct str s);                /* ASCII only: below the space, or DEL */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
int str_compare(struct str a, struct str b); /* bytewise, shorter first */

/* [from, to) of s; both are clamped to s.len. */
struct str str_slice(struct str s, size_t from, size_t to);
struct str str_trim(struct str s); /* ASCII space, tab, CR, LF on both ends */

/* Position of the first `c`, or s.len. */
size_t str_find(struct str s, char c);
/* Position of `needle` at or after `from`, or s.len. */
size_t str_search(struct str s, struct str needle, size_t from);

/* Splits at the first `c`: *ret_head is what stands before it, the result is what follows.
 * Without a `c`, head is all of s and the result is empty with ptr == NULL. */
struct str str_split(struct str s, char c, struct str *ret_head);

/* Whole of s as a decimal number, no sign, no blanks. ERR_INVALID otherwise or past max. */
enum err str_to_u64(struct str s, uint64_t max, uint64_t *ret) MUST_USE;

/* Copies into a caller's array with a terminator. ERR_TOO_LARGE when it does not fit;
 * ERR_INVALID when s holds a NUL. */
enum err str_to_text(struct str s, char *ret, size_t size_bytes) MUST_USE;

/* A heap copy with a terminator; the caller frees it. For paths and names, never for values. */
char *str_dup(struct str s);

#endif
