/* The files (and the group) that settings name, looked at as the server would use them: they are
 * there, can be read by us, and hold what they should. Owner thread. */
#ifndef SERVER_CONFIG_FILES_H
#define SERVER_CONFIG_FILES_H

#include "config_load.h"

/* After config_load. ERR_INVALID: `problems` says all that is wrong, a line each. */
enum err config_files(const struct config_inputs *in, const struct config *c,
                      const struct config_source from[static CONFIG_COUNT],
                      struct buf *problems) MUST_USE;

/* What is wrong with one of them; NULL: nothing, or the setting is empty or names no file. */
const char *config_file_wrong(const struct config *c, enum config_id id);

#endif
