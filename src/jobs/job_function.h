/* Function assets: one that names several layers in params.layerName stands for one asset for each
 * of them, in their order. The stored payload and the splice know nothing of it (docs/decisions/):
 * the text of a lease is expanded once its values are in. Owner thread. */
#ifndef JOB_FUNCTION_H
#define JOB_FUNCTION_H

#include "buf.h"

/* Appends the job's JSON with each such asset in its place written once for each layer. A job
 * without any is copied as it is. ERR_TOO_LARGE: past the maximum of `out`. Both hold values:
 * `job` is a view of a buffer that is wiped, and so is `out`. */
enum err job_function_expand(struct str job, struct buf *out) MUST_USE;

/* How many assets the array stands for and how many bytes they take once they are expanded. */
void job_function_size(struct str assets, size_t *ret_count, size_t *ret_bytes);

#endif
