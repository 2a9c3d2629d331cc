/* Inside src/jobs: bundles from chosen references, and which secrets of a job are gone. */
#ifndef JOB_BUNDLE_H
#define JOB_BUNDLE_H

#include "job_payload.h"
#include "jobs.h"
#include "store_secret.h"

/* A stored payload with its references and parts found again. ERR_TAMPERED: it is not what was
 * stored. */
struct job_text {
    struct ref_list refs;
    struct job_parts parts;
};
enum err job_bundle_read(struct str payload, struct arena *a, struct job_text *ret) MUST_USE;

enum job_gone { JOB_GONE_IS_ERROR, JOB_GONE_IS_LEFT_OUT };

/* Was this version in force when the job was submitted, or before? A pinned version that is younger
 * belongs to another secret of the same name. */
bool job_bundle_known_then(const struct job *job, const struct sealed_row *row);

/* Bundle of `fragment` (a piece of the payload) with the references `chosen` says. */
struct job_bundle_request {
    const struct job *job;
    const struct job_text *text;
    struct str fragment;
    bool (*chosen)(void *ctx, const struct ref *ref);
    void *ctx;
    enum job_gone gone;
    bool older; /* also the versions that were in force since the job began, for masks */
};
enum err job_bundle_of(struct store_tx *tx, const struct job_bundle_request *q, struct arena *a,
                       struct ref_bundle *ret, struct str *ret_missing) MUST_USE;

struct job_bundle_state {
    struct str gone;      /* a secret that the job refers to and that does not exist any more */
    bool too_large;       /* the values are longer together than JOB_VALUES_MAX_BYTES */
    struct str *policies; /* when neither: what each reference's secret is sealed with */
};
/* How the secrets of a job are now. */
enum err job_bundle_look(struct store_tx *tx, const struct job *job, const struct job_text *text,
                         struct arena *a, struct job_bundle_state *ret) MUST_USE;

#endif
