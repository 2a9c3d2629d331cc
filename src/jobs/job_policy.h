/* Inside src/jobs: whether the policies of a job's secrets allow what the job does with them, as
 * far as its payload says: at submit, and again at pick-up, since a policy may have been tightened
 * meanwhile. The vault asks once more at each use, with the host that is connected to. Owner
 * thread. */
#ifndef JOB_POLICY_H
#define JOB_POLICY_H

#include "job_bundle.h"
#include "job_reach.h"
#include "job_refs.h"

/* At submit: one problem for each reference that is not allowed. A secret without sinks of its own
 * is, in a team that is strict, not allowed outside of POLICY_STRICT_SINKS. ERR_INVALID with
 * problems. References that job_refs_check() did not find are passed over. */
enum err job_policy_check(const struct job_refs *s, const struct ref_list *refs,
                          const struct job_reach *reach) MUST_USE;

/* At pick-up: *ret_error is a sentence about the first reference that is not allowed, or empty.
 * `policies` are those of each reference's secret, as job_bundle_look() gave them. */
enum err job_policy_first_refused(const struct job_text *text, const struct str *policies,
                                  struct arena *a, struct str *ret_error) MUST_USE;

#endif
