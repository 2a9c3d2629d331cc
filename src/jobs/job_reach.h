/* What each reference of a job reaches: the sink that its secret's policy is asked about, the host
 * as far as the payload says it, whether a worker sees the value. Of the payload's bytes alone; the
 * host that is really connected to is worked out by the courier once the values are in. Owner
 * thread. */
#ifndef JOB_REACH_H
#define JOB_REACH_H

#include "jobs.h"

struct job_reach {
    enum ref_sink sink;   /* of what a worker gets: REF_TEXT or REF_SCRIPT */
    bool exposed;         /* a worker gets the value */
    struct str host;      /* as in a Host header; empty: none, or a reference decides it */
    struct str host_port; /* the same with the port always there, for policies; empty with host */
};

/* One for each of refs (offsets are into `payload`, one job's bytes as they are stored); in the
 * arena. Those of jobs nested in it are of that job's payload, not of this one. */
enum err job_reach_find(struct str payload, const struct ref_list *refs, struct arena *a,
                        struct job_reach **ret) MUST_USE;

/* A reference and what it reaches, as one object (job_view.c). version: what it means now; 0: is
 * not told. */
void job_reach_write(struct json_out *o, const struct ref *ref, const struct job_reach *reach,
                     uint32_t version);

#endif
