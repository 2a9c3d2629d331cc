/* Backups while the server runs, one at a time, each on a thread of its own. Any thread. */
#ifndef API_BACKUP_H
#define API_BACKUP_H

#include "api.h"

struct api_backup;
struct api_backup *api_backup_new(struct api *api);
/* One that is under way is broken off; its file stays incomplete, which its reader notices. Further
 * ones are refused. */
void api_backup_stop(struct api_backup *b);
void api_backup_free(struct api_backup **b);

#endif
