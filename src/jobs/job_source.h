/* Inside src/jobs: where the files of a leased job come from that Safelight keeps itself (its
 * stored template, fonts, outputs of nested jobs), as one-time addresses. In job_lease_op's
 * transaction. */
#ifndef JOB_SOURCE_H
#define JOB_SOURCE_H

#include "jobs.h"
#include "store_template.h"

struct job_source_font {
    struct str name, url;
};
struct job_source_child {
    size_t asset; /* index in the job's assets */
    bool image;   /* else a video */
    struct str file_name, url;
};

struct job_sources {
    bool stored;                  /* the template is one of the team's */
    struct template_row template; /* then */
    struct str template_url;      /* and where it is fetched */
    struct job_source_font *fonts;
    size_t font_count; /* only those that are there */
    struct job_source_child *children;
    size_t child_count;
};
/* `by_id`: the payload names its template by id alone. `fonts`: the names it asks for. */
struct job_source_wish {
    bool by_id;
    const struct str *fonts;
    size_t font_count;
};
/* *ret_error is not empty (the end of a sentence: "the job ...") when one of them is not to be had.
 */
enum err job_sources_find(struct store_tx *tx, const struct job_lease *l,
                          const struct job_source_wish *wish, struct job_sources *ret,
                          struct str *ret_error) MUST_USE;

/* The records of the lease and of each value it hands over. */
enum err job_lease_audit(struct store_tx *tx, const struct job_lease *l) MUST_USE;

#endif
