/* Which secret names a token may refer to: "*" is all, "prefix*" what begins with it, else the one
 * name. Any thread. */
#ifndef JOB_NAMES_H
#define JOB_NAMES_H

#include "str.h"

static inline bool job_names_match(struct str pattern, struct str name)
{
    if (str_ends(pattern, STR("*")))
        return str_starts(name, str_slice(pattern, 0, pattern.len - 1));
    return pattern.len > 0 && str_equal(pattern, name);
}

#endif
