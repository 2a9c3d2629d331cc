/* The data directory: what lies where, and whether its owner and permissions are right.
 *
 *     DIR/             0700
 *     DIR/root.key     0600, 32 bytes; root.key.next while the root key is being rotated
 *     DIR/recovery.pub 0600, whom backups are encrypted for; recovery.pub.next while it is changed
 *     DIR/db/          the database
 *     DIR/spool/       render outputs on their way
 *     DIR/safelight.sock   operator commands
 *     DIR/safelight.conf   settings, if any
 */
#ifndef SERVER_DATADIR_H
#define SERVER_DATADIR_H

#include <stdbool.h>

#include "str.h"

enum {
    DATADIR_PATH_MAX_BYTES = 2048,
    DATADIR_WHY_BYTES = 2 * DATADIR_PATH_MAX_BYTES + 352, /* what is wrong and what mends it */
    DATADIR_ROOT_KEY_BYTES = 32
};

/* DIR/name into ret. ERR_TOO_LARGE. */
enum err datadir_path(const char *data, const char *name,
                      char ret[static DATADIR_PATH_MAX_BYTES]) MUST_USE;

/* Makes DIR (which must be absent or empty), its folders and a fresh root key. On an error ret_why
 * says what happened and what to do. */
enum err datadir_create(const char *data, char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;

/* Refuses a directory or key file that others can read or write, that belongs to someone else, or
 * that is a symbolic link; ret_why has the remedy. */
enum err datadir_check(const char *data, char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;
/* The same for the folders alone: enough for whoever only asks the server that runs on it. */
enum err datadir_check_folders(const char *data, char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;

/* Opens the root key: $CREDENTIALS_DIRECTORY/safelight-root-key if that is set and there, else
 * DIR/root.key. ret_next is DIR/root.key.next or -1. */
enum err datadir_open_root(const char *data, int *ret_root, int *ret_next,
                           char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;

/* recovery.pub, or its successor. -1: there is none, or it is no plain file (errno ENOENT or
 * ELOOP); any other errno: nobody knows. */
int datadir_open_recovery(const char *data, bool next);
/* Can this be what recovery.pub holds? False only if there is none, or if it was seen to be another
 * one: whoever cannot look must not say that a key is void. */
bool datadir_recovery_may_be(const char *data, struct str bytes);
/* Writes or removes it, durably. */
enum err datadir_put_recovery(const char *data, bool next, struct str bytes) MUST_USE;
enum err datadir_remove_recovery(const char *data, bool next) MUST_USE;

/* The folders, and a fresh root key, in an empty folder; or the folders alone. */
enum err datadir_fill(const char *data, char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;
enum err datadir_fill_folders(const char *data, char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;

/* Does a file, named without links, lie in this folder or below it? */
bool datadir_holds(const char *folder, const char *path);

/* Where an open file lies, without links. ERR_IO. */
enum err datadir_path_of(int fd, char ret[static DATADIR_PATH_MAX_BYTES]) MUST_USE;

/* Root rotation, in the supervisor: makes root.key.next (or finds it) and opens it; later puts it
 * in root.key's place. ERR_CONFLICT: the root key comes from a credential, which only its owner can
 * replace. */
enum err datadir_next_root(const char *data, int *ret_next) MUST_USE;
enum err datadir_commit_root(const char *data) MUST_USE;

#endif
