/* Which of a data directory's files others can get at, all of them with one command that mends it.
 * One thread. */
#ifndef SERVER_DOCTOR_OPEN_H
#define SERVER_DOCTOR_OPEN_H

#include "buf.h"

/* Adds to `why`, which may already tell of one: the others, at most DOCTOR_OPEN_FILES_MAX and how
 * many more. What lies in a folder counts when others get into that. */
void doctor_open(const char *data, struct buf *why);

#endif
