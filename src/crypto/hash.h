/* BLAKE2b (keyed and not), SHA-256 and HMAC-SHA-256 (for SigV4). Any thread. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "str.h"

enum { HASH_BYTES = 32 };

void hash_blake2b(struct str bytes, uint8_t ret[static HASH_BYTES]);
void hash_blake2b_keyed(const uint8_t key[static 32], struct str bytes,
                        uint8_t ret[static HASH_BYTES]);
void hash_sha256(struct str bytes, uint8_t ret[static HASH_BYTES]);
void hash_hmac_sha256(struct str key, struct str bytes, uint8_t ret[static HASH_BYTES]);

/* BLAKE2b-256 of what comes in pieces. */
struct hash_blake2b_state {
    unsigned char opaque[384];
};
void hash_blake2b_init(struct hash_blake2b_state *s);
void hash_blake2b_update(struct hash_blake2b_state *s, struct str bytes);
void hash_blake2b_final(struct hash_blake2b_state *s, uint8_t ret[static HASH_BYTES]);

/* Streaming SHA-256 for payload hashes. */
struct hash_sha256_state {
    _Alignas(16) unsigned char opaque[128];
};
void hash_sha256_init(struct hash_sha256_state *s);
void hash_sha256_update(struct hash_sha256_state *s, struct str bytes);
void hash_sha256_final(struct hash_sha256_state *s, uint8_t ret[static HASH_BYTES]);

#endif
