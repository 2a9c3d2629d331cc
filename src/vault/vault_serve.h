/* The vault process: one thread, one loop over its clients' sockets and the supervisor's. It reads
 * the root key from a descriptor it is handed, then has no network, no files and no other input.
 * Called in the child after fork; the sandbox (seccomp, Landlock) is applied by `confine` after the
 * root key was read and the arena locked, before the first request. */
#ifndef VAULT_SERVE_H
#define VAULT_SERVE_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>

enum { VAULT_ROOT_KEY_BYTES = 32 };

struct vault_serve {
    const int *clients; /* sockets that may ask for everything: the api's */
    size_t client_count;
    int supervisor;        /* 'R' + descriptor: a pending root key, answered with 'k' or 'e';
                            * 'P' + descriptor: the recovery key's public half, likewise;
                            * 'C' + descriptor: a courier, not answered; -1: none */
    int root_key;          /* descriptor of the root key file, read to the end and closed */
    int pending_root_key;  /* of an interrupted root rotation; -1: none */
    int recovery;          /* DIR/recovery.pub; -1: there is none */
    bool (*confine)(void); /* true when the sandbox holds; NULL in unit tests */
};

/* Returns when every client is gone. ERR_INVALID: the root key is not VAULT_ROOT_KEY_BYTES long. */
enum err vault_serve(const struct vault_serve *options) MUST_USE;

#endif
