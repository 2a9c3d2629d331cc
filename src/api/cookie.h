/* Cookies as a request brings them: "a=1; b=2". Borrows from the header. Any thread. */
#ifndef API_COOKIE_H
#define API_COOKIE_H

#include "str.h"

/* How many of this name stand in the header; *ret is the first one's value, untouched when there is
 * none. Names are compared byte for byte; quotes belong to the value. */
size_t cookie_find(struct str header, struct str name, struct str *ret);

#endif
