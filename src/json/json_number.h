/* The grammar of numbers and their range. Internal to this folder. Any thread. */
#ifndef JSON_NUMBER_H
#define JSON_NUMBER_H

#include "str.h"

/* Length of the number that s starts with (as far as the grammar goes), 0 when there is none. */
size_t json_number_len(struct str s, bool *ret_exponent);
/* Is the value of this whole number text within a double's range? Exact, no rounding involved. */
bool json_number_fits_double(struct str number);

#endif
