#include "hash.h"

#include <sodium.h>

_Static_assert(HASH_BYTES == crypto_generichash_BYTES, "BLAKE2b-256");
_Static_assert(HASH_BYTES == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(HASH_BYTES == crypto_auth_hmacsha256_BYTES, "HMAC-SHA-256");
_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct hash_sha256_state), "state fits");
_Static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(struct hash_sha256_state),
               "state is aligned");
_Static_assert(sizeof(crypto_generichash_state) <= sizeof(struct hash_blake2b_state), "state fits");

/* libsodium's hashes fail on wrong lengths only, and ours are fixed. */
static void must(int result)
{
    ASSERT(result == 0);
}

static const unsigned char *bytes_of(struct str s)
{
    return (const unsigned char *)s.ptr;
}

void hash_blake2b(struct str bytes, uint8_t ret[static HASH_BYTES])
{
    must(crypto_generichash(ret, HASH_BYTES, bytes_of(bytes), bytes.len, NULL, 0));
}

void hash_blake2b_keyed(const uint8_t key[static 32], struct str bytes,
                        uint8_t ret[static HASH_BYTES])
{
    must(crypto_generichash(ret, HASH_BYTES, bytes_of(bytes), bytes.len, key, 32));
}

/* libsodium wants its state aligned to 64 bytes, which memory from malloc is not. */
static void load(const struct hash_blake2b_state *s, crypto_generichash_state *ret)
{
    memcpy(ret, s->opaque, sizeof *ret);
}

static void keep(struct hash_blake2b_state *s, crypto_generichash_state *state)
{
    memcpy(s->opaque, state, sizeof *state);
    sodium_memzero(state, sizeof *state);
}

void hash_blake2b_init(struct hash_blake2b_state *s)
{
    crypto_generichash_state state;
    must(crypto_generichash_init(&state, NULL, 0, HASH_BYTES));
    keep(s, &state);
}

void hash_blake2b_update(struct hash_blake2b_state *s, struct str bytes)
{
    crypto_generichash_state state;
    load(s, &state);
    must(crypto_generichash_update(&state, bytes_of(bytes), bytes.len));
    keep(s, &state);
}

void hash_blake2b_final(struct hash_blake2b_state *s, uint8_t ret[static HASH_BYTES])
{
    crypto_generichash_state state;
    load(s, &state);
    must(crypto_generichash_final(&state, ret, HASH_BYTES));
    keep(s, &state);
}

void hash_sha256(struct str bytes, uint8_t ret[static HASH_BYTES])
{
    must(crypto_hash_sha256(ret, bytes_of(bytes), bytes.len));
}

void hash_hmac_sha256(struct str key, struct str bytes, uint8_t ret[static HASH_BYTES])
{
    crypto_auth_hmacsha256_state state;
    must(crypto_auth_hmacsha256_init(&state, bytes_of(key), key.len));
    must(crypto_auth_hmacsha256_update(&state, bytes_of(bytes), bytes.len));
    must(crypto_auth_hmacsha256_final(&state, ret));
    sodium_memzero(&state, sizeof state);
}

static crypto_hash_sha256_state *state_of(struct hash_sha256_state *s)
{
    return (crypto_hash_sha256_state *)(void *)s->opaque;
}

void hash_sha256_init(struct hash_sha256_state *s)
{
    must(crypto_hash_sha256_init(state_of(s)));
}

void hash_sha256_update(struct hash_sha256_state *s, struct str bytes)
{
    must(crypto_hash_sha256_update(state_of(s), bytes_of(bytes), bytes.len));
}

void hash_sha256_final(struct hash_sha256_state *s, uint8_t ret[static HASH_BYTES])
{
    must(crypto_hash_sha256_final(state_of(s), ret));
}
