#include "sign.h"

#include <sodium.h>

_Static_assert(SIGN_SEED_BYTES == crypto_sign_SEEDBYTES, "Ed25519");
_Static_assert(SIGN_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(SIGN_BYTES == crypto_sign_BYTES, "Ed25519");

static const unsigned char *bytes_of(struct str s)
{
    return (const unsigned char *)s.ptr;
}

void sign_public(const uint8_t seed[static SIGN_SEED_BYTES],
                 uint8_t ret_public[static SIGN_PUBLIC_BYTES])
{
    unsigned char whole[crypto_sign_SECRETKEYBYTES];
    ASSERT(crypto_sign_seed_keypair(ret_public, whole, seed) == 0);
    sodium_memzero(whole, sizeof whole);
}

void sign_detached(const uint8_t seed[static SIGN_SEED_BYTES], struct str message,
                   uint8_t ret_signature[static SIGN_BYTES])
{
    unsigned char whole[crypto_sign_SECRETKEYBYTES], unused[SIGN_PUBLIC_BYTES];
    ASSERT(crypto_sign_seed_keypair(unused, whole, seed) == 0);
    ASSERT(crypto_sign_detached(ret_signature, NULL, bytes_of(message), message.len, whole) == 0);
    sodium_memzero(whole, sizeof whole);
}

bool sign_holds(const uint8_t public_key[static SIGN_PUBLIC_BYTES], struct str message,
                const uint8_t signature[static SIGN_BYTES])
{
    return crypto_sign_verify_detached(signature, bytes_of(message), message.len, public_key) == 0;
}
