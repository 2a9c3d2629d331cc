/* What the calls that accept jobs share. */
#ifndef API_JOB_H
#define API_JOB_H

#include "api_request.h"
#include "jobs.h"

/* Jobs without an upload, nested ones too, get the address where their output will be. */
void api_job_output_addresses(struct http_request *r, struct job_prepared *p);

/* A query parameter that is true or false, and false when it is absent. False: it is neither, and
 * the request was answered. */
bool api_job_flag(struct http_request *r, const char *name, bool *ret);

/* Is it written as an id? Answers with 400 when it is not. */
bool api_job_id_is_good(struct http_request *r, struct str id);

/* A word that somebody may take for the switch that stores nothing must not be passed over. Answers
 * and returns false when there is one. `offered`: dryRun itself is known here. */
bool api_job_no_false_dry_run(struct http_request *r, bool offered);

#endif
