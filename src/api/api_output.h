/* Outputs that we serve ourselves, as answers show them. */
#ifndef API_OUTPUT_H
#define API_OUTPUT_H

#include "api_request.h"
#include "job_address.h"

/* Before they are shown: the signatures of those that are served here, by one request to the vault.
 * The first for a job just accepted and those nested in it. */
enum err api_output_sign_new(struct http_request *r, struct job_prepared *p) MUST_USE;
enum err api_output_sign(struct http_request *r, struct job *jobs, size_t count) MUST_USE;

#endif
