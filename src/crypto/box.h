/* Sealed boxes (X25519, XSalsa20-Poly1305): anybody with the public key can seal, only the seed
 * opens. The seed is 32 random bytes; the key pair is made from it. Any thread. */
#ifndef CRYPTO_BOX_H
#define CRYPTO_BOX_H

#include "buf.h"
#include "secret.h"

enum { BOX_SEED_BYTES = 32, BOX_PUBLIC_BYTES = 32, BOX_OVERHEAD_BYTES = 48 };

void box_public(const uint8_t seed[static BOX_SEED_BYTES], uint8_t ret[static BOX_PUBLIC_BYTES]);

/* Appends. */
enum err box_seal(const uint8_t public_key[static BOX_PUBLIC_BYTES], struct str plain,
                  struct buf *out) MUST_USE;
/* ERR_TAMPERED: sealed for another key, or changed since. */
enum err box_open(const uint8_t seed[static BOX_SEED_BYTES], struct str sealed,
                  struct secret **ret) MUST_USE;

#endif
