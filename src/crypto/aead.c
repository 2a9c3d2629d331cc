#include "aead.h"

#include <sodium.h>

#include "alloc.h"
#include "hash.h"
#include "random.h"

_Static_assert(AEAD_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(AEAD_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(AEAD_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");

/* What a sealing derives from its key: never stored, wiped after use. The order is the format's. */
struct derived {
    uint8_t key[AEAD_KEY_BYTES];
    uint8_t commitment[AEAD_COMMITMENT_BYTES];
};
_Static_assert(sizeof(struct derived) == crypto_generichash_BYTES_MAX, "one BLAKE2b-512");

static const char context[6] = {'s', 'l', 's', 'e', 'c', '1'};

enum err crypto_open(void)
{
    return sodium_init() < 0 ? ERR_INTERNAL : OK;
}

static void derived_auto(struct derived *d)
{
    wipe(d, sizeof *d);
}

static void derive(const uint8_t *key, const uint8_t *nonce, struct str aad, struct derived *ret)
{
    uint8_t message[sizeof context + AEAD_NONCE_BYTES + HASH_BYTES];
    uint8_t okm[sizeof *ret];
    memcpy(message, context, sizeof context);
    memcpy(message + sizeof context, nonce, AEAD_NONCE_BYTES);
    hash_blake2b(aad, message + sizeof context + AEAD_NONCE_BYTES);
    ASSERT(crypto_generichash(okm, sizeof okm, message, sizeof message, key, AEAD_KEY_BYTES) == 0);
    memcpy(ret, okm, sizeof *ret);
    wipe(okm, sizeof okm);
}

enum err aead_seal_with_nonce(const uint8_t key[static AEAD_KEY_BYTES],
                              const uint8_t nonce[static AEAD_NONCE_BYTES], struct str aad,
                              struct str plain, struct buf *out)
{
    size_t total;
    if (!CHECKED_ADD(plain.len, (size_t)AEAD_OVERHEAD_BYTES, &total))
        return ERR_TOO_LARGE;
    TRY(buf_reserve(out, total));
    AUTO(derived) struct derived d;
    derive(key, nonce, aad, &d);
    TRY(buf_put(out, str_bytes(nonce, AEAD_NONCE_BYTES)));
    TRY(buf_put(out, str_bytes(d.commitment, sizeof d.commitment)));
    unsigned long long written;
    ASSERT(crypto_aead_xchacha20poly1305_ietf_encrypt(
               (unsigned char *)out->ptr + out->len, &written, (const unsigned char *)plain.ptr,
               plain.len, (const unsigned char *)aad.ptr, aad.len, NULL, nonce, d.key) == 0);
    out->len += (size_t)written;
    return OK;
}

enum err aead_seal(const uint8_t key[static AEAD_KEY_BYTES], struct str aad, struct str plain,
                   struct buf *out)
{
    uint8_t nonce[AEAD_NONCE_BYTES];
    random_bytes(nonce, sizeof nonce);
    return aead_seal_with_nonce(key, nonce, aad, plain, out);
}

enum err aead_open(const uint8_t key[static AEAD_KEY_BYTES], struct str aad, struct str sealed,
                   struct secret **ret_plain)
{
    if (sealed.len < AEAD_OVERHEAD_BYTES)
        return ERR_TAMPERED;
    const unsigned char *nonce = (const unsigned char *)sealed.ptr;
    const unsigned char *commitment = nonce + AEAD_NONCE_BYTES;
    const unsigned char *cipher = commitment + AEAD_COMMITMENT_BYTES;
    size_t cipher_len = sealed.len - AEAD_NONCE_BYTES - AEAD_COMMITMENT_BYTES;
    AUTO(derived) struct derived d;
    derive(key, nonce, aad, &d);
    if (!equal_constant_time(commitment, d.commitment, sizeof d.commitment))
        return ERR_TAMPERED;
    AUTO(buf) struct buf plain = buf_make(cipher_len);
    TRY(buf_reserve(&plain, cipher_len));
    unsigned long long len;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)plain.ptr, &len, NULL, cipher,
                                                   cipher_len, (const unsigned char *)aad.ptr,
                                                   aad.len, nonce, d.key) != 0)
        return ERR_TAMPERED;
    plain.len = (size_t)len;
    return secret_new(buf_str(&plain), ret_plain);
}
