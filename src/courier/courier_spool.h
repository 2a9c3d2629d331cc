/* What is left over in the spool: outputs that were delivered, whose job was deleted, or that no
 * job will deliver any more (a crash between the commit and the removal, a worker that went
 * silent). Outputs that failed to upload stay: they are the only copy. Owner thread. */
#ifndef COURIER_SPOOL_H
#define COURIER_SPOOL_H

#include "store.h"

/* Removes them; anything whose name is not that of an output is left alone. */
enum err courier_spool_sweep(struct store *store, int folder) MUST_USE;

#endif
