/* A data directory whose server is stopped: its store, and a vault of its own, for commands that
 * work on it directly. One thread. */
#ifndef SERVER_OFFLINE_H
#define SERVER_OFFLINE_H

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
/* ERR_IN_USE: a server is running on it. Else ret_why says what is wrong. recovery: the vault gets
 * recovery.pub, or with `next` its successor. */
enum err offline_open(const char *data, bool next_recovery, struct offline *ret,
                      char *ret_why) MUST_USE;
void offline_auto(struct offline *o);

/* Ctrl-C and the like no longer end the process but are seen here, so that a command can take away
 * what it has half done. */
void offline_catch_signals(void);
bool offline_interrupted(void);

/* What such commands have in common: settings that keep the log quiet. */
void offline_config(const char *data, struct config *ret);

#endif
