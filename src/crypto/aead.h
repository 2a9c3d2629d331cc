/* XChaCha20-Poly1305-IETF with key commitment (docs/FORMAT-envelope.md, crypto.md 4.3):
 *     okm(64) = BLAKE2b-512(key = key, "slsec1" || nonce || BLAKE2b-256(aad))
 *     okm[0..32) is the one-time AEAD key, okm[32..64) the commitment.
 * The commitment is compared in constant time before anything is decrypted. Any thread. */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "buf.h"
#include "secret.h"

enum {
    AEAD_KEY_BYTES = 32,
    AEAD_NONCE_BYTES = 24,
    AEAD_COMMITMENT_BYTES = 32,
    AEAD_TAG_BYTES = 16
};
enum { AEAD_OVERHEAD_BYTES = AEAD_NONCE_BYTES + AEAD_COMMITMENT_BYTES + AEAD_TAG_BYTES };

enum err crypto_open(void) MUST_USE; /* once per process, before anything else here */

/* Appends nonce || commitment || ciphertext || tag. */
enum err aead_seal(const uint8_t key[static AEAD_KEY_BYTES], struct str aad, struct str plain,
                   struct buf *out) MUST_USE;
/* ERR_TAMPERED unless it is whole and sealed under this key and aad. */
enum err aead_open(const uint8_t key[static AEAD_KEY_BYTES], struct str aad, struct str sealed,
                   struct secret **ret_plain) MUST_USE;
/* For test vectors: the nonce is given. */
enum err aead_seal_with_nonce(const uint8_t key[static AEAD_KEY_BYTES],
                              const uint8_t nonce[static AEAD_NONCE_BYTES], struct str aad,
                              struct str plain, struct buf *out) MUST_USE;

#endif
