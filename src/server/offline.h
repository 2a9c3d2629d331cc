/* A data directory whose server is stopped: its store, and a vault of its own, for commands that
 * work on it directly. One thread. */
#ifndef SERVER_OFFLINE_H
#define SERVER_OFFLINE_H

#include "datadir.h"
#include "serve_children.h"
#include "store.h"
#include "vault.h"

/* A vault process for the length of a command. */
struct offline_vault {
    struct vault *vault;
    int supervisor;
    pid_t pid; /* 0: none */
};
/* The descriptors stay the caller's. */
enum err offline_vault_start(const struct config *config, const struct serve_keys *keys,
                             struct offline_vault *ret) MUST_USE;
void offline_vault_auto(struct offline_vault *v);

struct offline {
    int lock; /* held: no server starts meanwhile; -1 */
    struct offline_vault vault;
    struct store *store;
};
/* ERR_IN_USE: a server is running on it, or a command like this one; the root key may then be where
 * the server alone sees it. Else ret_why says what is wrong. */
enum err offline_open(const char *data, struct offline *ret,
                      char ret_why[static DATADIR_WHY_BYTES]) MUST_USE;
void offline_auto(struct offline *o);

/* Does the root key open this database's keys? ERR_TAMPERED: no. Changes nothing; ERR_IN_USE while
 * a server runs, which knows it itself. */
enum err offline_try_root(const char *data) MUST_USE;

/* Ctrl-C and the like no longer end the process but are seen here, so that a command can take away
 * what it has half done. */
void offline_catch_signals(void);
bool offline_interrupted(void);
/* At the end of such a command: dies by the signal that broke it off, else returns its exit code.
 */
int offline_ended(int code);

/* When it is in use, but nobody answers on the operator's socket. */
#define OFFLINE_NO_ANSWER                                                                          \
    "the data directory is in use, and no server answers on its socket: another command is at "    \
    "work on it, or the server is starting or stopping; try again when that is over"

/* The words of such a command, which the caller has checked against its usage: value NULL: a flag
 * without one, noted in `given`. The word that is no flag goes to ret_file (NULL: none may be
 * there). False: there is one too many, or an empty one. */
struct offline_flag {
    const char *name;
    const char **value;
    bool *given;
};
bool offline_words(int argc, char **argv, const struct offline_flag *flags, size_t count,
                   const char **ret_file) MUST_USE;

/* What such commands have in common: settings that keep the log quiet. */
void offline_config(const char *data, struct config *ret);

#endif
