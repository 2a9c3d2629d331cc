/* What is left over in the spool: outputs that were delivered, whose job was deleted, that no job
 * will deliver any more (a crash between the commit and the removal, a worker that went silent), or
 * that were kept long enough. Outputs that nobody else has stay so long: of jobs without an upload,
 * and of those whose upload failed. A nested job's is its parent's until that has ended. Owner
 * thread. */
#ifndef COURIER_SPOOL_H
#define COURIER_SPOOL_H

#include "store.h"

/* Removes them; anything whose name is not that of an output is left alone. keep_ms 0: for ever. */
enum err courier_spool_sweep(struct store *store, int folder, int64_t keep_ms) MUST_USE;

#endif
