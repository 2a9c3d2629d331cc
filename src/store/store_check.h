/* A look at a database from outside, for doctor: whether it is sound, which schema it has, when it
 * was last written. It may be in use meanwhile. Owner thread. */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"

struct store_check {
    bool sound;              /* every page reads and fits the others */
    int64_t version, newest; /* of its schema; that of this program */
    int64_t last_record_ms;  /* of the audit log; 0: none */
};
/* folder: DIR/db. ERR_NOT_FOUND: no database. Else an error means that it cannot be read. */
enum err store_check(const char *folder, struct store_check *ret) MUST_USE;
/* What a root key is tried on. ERR_NOT_FOUND: it is not there. */
enum err store_check_keys(const char *folder, struct arena *a, struct str *ret_instance,
                          struct str *ret_keyring) MUST_USE;

#endif
