/* Inside src/jobs: a document of protocol v1 while it is written. What the worker is handed of the
 * payload is copied as it stands, with its references, whose places are noted; they are opened and
 * spliced after the commit. Errors of plain writing stick in `out`. */
#ifndef JOB_STOCK_DOC_H
#define JOB_STOCK_DOC_H

#include "job_bundle.h"
#include "job_source.h"
#include "job_stock_read.h"
#include "json_encode.h"

struct job_stock_doc {
    struct store_tx *tx;
    struct job_lease *lease;
    const struct job_text *text;
    const struct job_stock_read *read;
    const struct job_settings *settings;
    const struct job_sources *sources;
    struct buf buf;
    struct json_out out;  /* into buf */
    struct ref_list refs; /* where they stand in the document; room for those of the payload */
    bool *in_address;     /* of each, whether its value is to be percent-encoded */
};

/* A raw value of the payload. */
void job_stock_doc_value(struct job_stock_doc *d, struct str raw);
/* As a member; nothing when it is absent. */
void job_stock_doc_copy(struct job_stock_doc *d, const char *key, struct str raw);
/* `src`: a script given as text, in a data: address. */
enum err job_stock_doc_script(struct job_stock_doc *d, struct str raw) MUST_USE;
/* `src` as it stands, with its headers; or a one-time address when either needs a secret. */
enum err job_stock_doc_source(struct job_stock_doc *d, struct str src, struct str headers,
                              struct str pointer) MUST_USE;

/* The members "template", "assets" and "actions", each in its file. */
enum err job_stock_template(struct job_stock_doc *d) MUST_USE;
enum err job_stock_assets(struct job_stock_doc *d) MUST_USE;
enum err job_stock_actions(struct job_stock_doc *d) MUST_USE;

#endif
