/* The files of templates and fonts in the spool: "template.ID.UPLOAD", "font.TEAM.ID". A file takes
 * its place before its row is committed and goes after its row has gone, so what a crash leaves
 * behind is a file without a row, never the other way round. Any thread. */
#ifndef API_SPOOL_LIBRARY_H
#define API_SPOOL_LIBRARY_H

#include "store.h"

/* Best effort; an empty name is none. */
void spool_library_remove(const char *folder, struct str name);
/* After a commit that failed: removes the file, unless the store is not sure that no row has it. */
void spool_library_undo(struct store *store, const char *folder, struct str name);
/* Is it one of these files, and of no row? While requests run a file may be ahead of its row, so
 * then only what belongs to a template or team that is gone. */
bool spool_library_orphan(struct store *store, struct str name, bool requests_run);

#endif
