/* The headers a job gives a webhook or a download: a JSON object of strings (numbers and booleans
 * pass as their text). Owner thread. */
#ifndef COURIER_HEADERS_H
#define COURIER_HEADERS_H

#include "fetch.h"
#include "job_rules.h"

enum { HEADERS_MAX = JOB_HEADERS_MAX, HEADERS_OURS = 4 };

struct headers {
    struct buf text; /* wiped */
    struct fetch_header list[HEADERS_MAX + HEADERS_OURS];
    size_t count;
};

/* `object` is raw JSON, or empty, or null. ERR_INVALID for anything else, and for more than
 * HEADERS_MAX members; what a name or value may hold is fetch_run's to judge. */
enum err headers_read(struct str object, struct headers *ret) MUST_USE;
void headers_auto(struct headers *h);

/* Adds a header of ours (there is room for one) unless the job gave one of that name. */
void headers_default(struct headers *h, struct str name, struct str value);
/* Adds a header of ours (there is room for HEADERS_OURS) in place of any that the job gave. */
void headers_set(struct headers *h, struct str name, struct str value);

#endif
