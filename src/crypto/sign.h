/* Ed25519 signatures, for what others verify without a key of ours. Any thread. */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include <stdbool.h>

#include "str.h"

enum { SIGN_SEED_BYTES = 32, SIGN_PUBLIC_BYTES = 32, SIGN_BYTES = 64 };

/* The public key that belongs to a seed. */
void sign_public(const uint8_t seed[static SIGN_SEED_BYTES],
                 uint8_t ret_public[static SIGN_PUBLIC_BYTES]);
void sign_detached(const uint8_t seed[static SIGN_SEED_BYTES], struct str message,
                   uint8_t ret_signature[static SIGN_BYTES]);
bool sign_holds(const uint8_t public_key[static SIGN_PUBLIC_BYTES], struct str message,
                const uint8_t signature[static SIGN_BYTES]);

#endif
