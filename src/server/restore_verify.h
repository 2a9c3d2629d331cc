/* Does everything in a restored store open as what it is said to be? Every key of every team, every
 * version of every secret, every link of every chain of the audit log, the form of every token. */
#ifndef SERVER_RESTORE_VERIFY_H
#define SERVER_RESTORE_VERIFY_H

#include "progress.h"
#include "restore.h"
#include "store.h"
#include "vault.h"

/* ERR_TAMPERED: not everything; ret_why says what, by ids and names; ERR_AGAIN: Ctrl-C
 * came. Fills in the counts. */
enum err restore_verify(struct store *store, struct vault *vault, struct progress *p,
                        struct restore_report *ret,
                        char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;

#endif
