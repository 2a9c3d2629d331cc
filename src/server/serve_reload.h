/* SIGHUP: the file is read again. What may change under way does, in all processes; what may not is
 * told; and when anything in the file is wrong, everything stays as it was. Supervisor. */
#ifndef SERVER_SERVE_RELOAD_H
#define SERVER_SERVE_RELOAD_H

#include "config_load.h"

/* Changes *now, and says in the log what became of each difference. ERR_INVALID: nothing changed.
 */
enum err serve_reload(const struct config_inputs *in, struct config *now) MUST_USE;

#endif
