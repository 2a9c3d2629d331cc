/* ULIDs: 26 characters of Crockford base 32, time first, so that keys made later sort later; within
 * one millisecond the random part counts up. https://github.com/ulid/spec. Any thread. */
#ifndef BASE_ULID_H
#define BASE_ULID_H

#include "str.h"

enum { ULID_LEN = 26 };

struct ulid {
    char text[ULID_LEN + 1];
};

struct ulid ulid_new(void);
bool ulid_valid(struct str s); /* ^[0-7][0-9A-HJKMNP-TV-Z]{25}$ */

static inline struct str ulid_str(const struct ulid *u)
{
    return (struct str){u->text, ULID_LEN};
}
/* Copies a valid ULID's text. ERR_INVALID otherwise. */
enum err ulid_from(struct str s, struct ulid *ret) MUST_USE;
/* When it was made, in milliseconds since 1970. */
int64_t ulid_time_ms(const struct ulid *u);

#endif
