/* Inside src/jobs: the references of a submit against the team's secrets. Owner thread. */
#ifndef JOB_REFS_H
#define JOB_REFS_H

#include "jobs.h"
#include "store_secret.h"

struct job_refs {
    struct store_tx *read;
    const struct actor *actor;
    struct arena *arena;
    struct problems *problems;
    struct secret_row *names; /* of the team; loaded for the first suggestion */
    size_t name_count, suggestions;
    size_t value_bytes; /* of the job that is looked at */
};

/* Every reference of a job names a secret, and a version, that is there and that the token may use,
 * and the values are not longer together than JOB_VALUES_MAX_BYTES. Each
 * (name, version) is looked up once; a repeat of a bad one is reported too, each at its place.
 * ERR_INVALID with problems. *ret_versions, in any case: of each good one the version that it means
 * now. */
enum err job_refs_check(struct job_refs *s, const struct ref_list *refs,
                        uint32_t **ret_versions) MUST_USE;

#endif
