/* Addresses of outputs that we serve ourselves, BASE/o/<job id>.<ext>?expires=..&signature=..:
 * whoever has one may fetch the file until it expires. A job's row holds the bare address, which
 * ends with
 * '?'; the rest is added by whoever shows it. The signature is a MAC by a key of the vault's. Any
 * thread. */
#ifndef JOB_ADDRESS_H
#define JOB_ADDRESS_H

#include "jobs.h"

/* The bare address; base without a trailing slash. */
struct str job_address_bare(struct str base_url, struct str output_name, struct arena *a);

bool job_address_is_ours(const struct job *job);

/* When an address that is shown now expires, in seconds since 1970: OUTPUT_ADDRESS_DAYS from now,
 * rounded up to the end of a day, so that it does not change with every answer. */
int64_t job_address_expiry(int64_t now_ms);

/* Completes output_url of each that is a bare address of ours; one request to the vault for all. */
enum err job_address_sign(struct vault *v, struct job *const *jobs, size_t count, int64_t now_ms,
                          struct arena *a) MUST_USE;
enum err job_address_sign_list(struct vault *v, struct job *jobs, size_t count, int64_t now_ms,
                               struct arena *a) MUST_USE;
/* The same for a job that was just submitted and those nested in it. */
enum err job_address_sign_new(struct vault *v, struct job_prepared *p, int64_t now_ms,
                              struct arena *a) MUST_USE;

/* ERR_FORBIDDEN: not signed by us; ERR_GONE: it was, and has expired. */
enum err job_address_check(struct vault *v, struct str output_name, struct str expires,
                           struct str signature, int64_t now_ms, struct arena *a) MUST_USE;

#endif
