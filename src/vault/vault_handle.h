/* What the vault process knows, and what it answers to one message. Knows no sockets: the loop is
 * vault_serve.c. Owner thread. */
#ifndef VAULT_HANDLE_H
#define VAULT_HANDLE_H

#include "box.h"
#include "vault_protocol.h"

enum { VAULT_ROOT = 0, VAULT_PENDING_ROOT = 1 };

struct vault_state {
    struct keyring_root roots[KEYRING_ROOTS_MAX];
    struct keyring keyring; /* empty: locked */
    char instance_id[VAULT_INSTANCE_ID_MAX_BYTES];
    size_t instance_id_len;
    bool memory_locked, sandboxed;
    bool has_recovery;
    uint8_t recovery[BOX_PUBLIC_BYTES]; /* who may be given the keyring, sealed */
};

void vault_state_auto(struct vault_state *s);

/* A pending root takes the place of an earlier one. ERR_INVALID: not VAULT_ROOT_KEY_BYTES long.
 * ERR_CONFLICT: it is the root. */
enum err vault_state_set_root(struct vault_state *s, struct str root) MUST_USE;
enum err vault_state_set_pending_root(struct vault_state *s, struct str root) MUST_USE;
/* The bytes of DIR/recovery.pub. ERR_INVALID. */
enum err vault_state_set_recovery(struct vault_state *s, struct str file) MUST_USE;

/* Always leaves one whole answer in `answer`, whose maximum is IPC_MESSAGE_MAX_BYTES or more. */
void vault_handle(struct vault_state *s, struct str message, struct buf *answer);

#endif
