/* What is wrong with a database that does not open, for a person: an error of the store cannot tell
 * a disk that is busy from a file that is damaged. Owner thread. */
#ifndef SERVER_STORE_WRONG_H
#define SERVER_STORE_WRONG_H

#include "datadir.h"

/* `e`: what opening DIR/db said. False: the database is whole, or it is the disk that is full; the
 * error says enough. Else ret_why is what happened and what to do. */
bool store_wrong(const char *data, enum err e, char ret_why[static DATADIR_WHY_BYTES]);

/* Is it only closed to this user, as after it was copied by another one? Then ret_why says to whom
 * it belongs and what to do. `folder`: DIR/db. */
bool store_closed(const char *folder, char ret_why[static DATADIR_WHY_BYTES]);

#endif
