/* The recovery key: a public key that the keyring can be sealed for, so that a backup opens with
 * its secret half alone, which is nowhere in the installation (docs/FORMAT-backup.md). The vault
 * hears of it from the supervisor only. Any thread. */
#ifndef VAULT_RECOVERY_H
#define VAULT_RECOVERY_H

#include "box.h"
#include "hash.h"
#include "keyring.h"

enum {
    RECOVERY_ID_BYTES = 8,    /* which key: begins BLAKE2b-256 of the public key */
    RECOVERY_FILE_BYTES = 40, /* DIR/recovery.pub: header, public key */
    RECOVERY_AT_ROOT = 40,    /* of an export: header, public key, a root for this once, keyring */
    RECOVERY_AT_KEYRING = RECOVERY_AT_ROOT + BOX_OVERHEAD_BYTES + AEAD_KEY_BYTES,
    RECOVERY_EXPORT_MAX_BYTES = RECOVERY_AT_KEYRING + KEYRING_BLOB_MAX_BYTES
};

void recovery_id(const uint8_t public_key[static BOX_PUBLIC_BYTES],
                 uint8_t ret[static RECOVERY_ID_BYTES]);

enum err recovery_file_encode(const uint8_t public_key[static BOX_PUBLIC_BYTES],
                              struct buf *out) MUST_USE;
/* ERR_INVALID: it is no such file, or its key cannot be sealed for. */
enum err recovery_file_decode(struct str bytes, uint8_t ret[static BOX_PUBLIC_BYTES]) MUST_USE;

/* The keyring under a root made for this export, and that root sealed for the key. Appends. */
enum err recovery_export(const struct keyring *k, struct str instance_id,
                         const uint8_t public_key[static BOX_PUBLIC_BYTES],
                         struct buf *out) MUST_USE;
/* The parts of an export; they borrow from it. ERR_TAMPERED. */
struct recovery_parts {
    uint8_t public_key[BOX_PUBLIC_BYTES];
    struct str root; /* sealed */
    struct str keyring;
};
enum err recovery_export_read(struct str bytes, struct recovery_parts *ret) MUST_USE;

#endif
