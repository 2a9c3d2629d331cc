/* The supervisor's part in a change of the recovery key while the server runs. */
#ifndef SERVER_SERVE_RECOVERY_H
#define SERVER_SERVE_RECOVERY_H

#include "str.h"

/* recovery.pub.next, which the operator's command has written, becomes recovery.pub and the key
 * that the vault seals backups for; only when it is the key of that id, so that whoever has printed
 * a key knows that it is this one. On an error all is as it was. ERR_NOT_FOUND, ERR_CONFLICT: it is
 * another key; ERR_INVALID, ERR_IO. But for ERR_TIMEOUT: it may be in the file, and could not be
 * taken out of it so that it lasts, so it may come into use. */
enum err serve_recovery_change(const char *data, struct str id, int vault_control) MUST_USE;

#endif
