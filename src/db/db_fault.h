/* Makes one database call fail, to test that whatever fails leaves the old state or the new one.
 * Shared by all connections opened with it. Any thread. */
#ifndef DB_FAULT_H
#define DB_FAULT_H

#include <stdatomic.h>

#include "db_driver.h"

struct db_fault {
    const struct db_driver *driver; /* what does the work */
    atomic_int countdown;           /* the call that takes it from 1 to 0 fails; 0: none */
};

/* The n-th prepare, step, begin, commit or savepoint from now fails once with ERR_UNAVAILABLE and
 * is not carried out; 0 never. */
void db_fault_arm(struct db_fault *fault, unsigned n);
/* True when it has failed (or was never armed). */
bool db_fault_spent(struct db_fault *fault);

#endif
