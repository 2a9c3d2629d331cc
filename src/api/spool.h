/* What lies in the spool without anybody to claim it. */
#ifndef API_SPOOL_H
#define API_SPOOL_H

#include "store.h"

/* Removes outputs whose job is gone; before the first request also half-written uploads. Best
 * effort: what cannot be removed now is tried again at the next start. */
void spool_sweep(struct store *store, const char *folder, bool before_first_request);

#endif
