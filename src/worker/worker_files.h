/* A job's folder: made empty, filled with assets and job.json, removed afterwards. Owner thread. */
#ifndef WORKER_FILES_H
#define WORKER_FILES_H

#include "worker_lease.h"

/* Makes `folder` (which must not exist), downloads the template, every asset with an http(s) src
 * and the fonts into it, and writes job.json: the lease's job with a "path" member in each of them
 * (one that came with the job is dropped: whoever submits a job must not name files of this
 * machine), `fonts` being the list of those that came. On an error
 * *ret_why is a sentence for the job's error (it names the asset's position, no address), and the
 * folder may be there or not. */
enum err worker_files_prepare(struct lease *l, const char *folder, const char **ret_why) MUST_USE;
void worker_files_remove(const char *folder);

/* The flat file name for an asset, for the template (index WORKER_FILES_TEMPLATE) or for a font
 * (its position from WORKER_FILES_FONT on): its own `name` when that is plain (letters, digits, . _
 * -, not starting with a dot), else its position with the extension of its address. Never a path.
 */
enum { WORKER_FILES_TEMPLATE = -1, WORKER_FILES_FONT = 1000000 };
void worker_files_name(struct str name, struct str src, int index, char ret[static 80]);

#endif
