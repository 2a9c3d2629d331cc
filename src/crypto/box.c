#include "box.h"

#include <sodium.h>

#include "alloc.h"

_Static_assert(BOX_SEED_BYTES == crypto_box_SEEDBYTES, "seed");
_Static_assert(BOX_PUBLIC_BYTES == crypto_box_PUBLICKEYBYTES, "public key");
_Static_assert(BOX_OVERHEAD_BYTES == crypto_box_SEALBYTES, "overhead");

struct pair {
    uint8_t public_key[crypto_box_PUBLICKEYBYTES], secret_key[crypto_box_SECRETKEYBYTES];
};

static void pair_auto(struct pair *p)
{
    wipe(p, sizeof *p);
}

static void pair_init(const uint8_t *seed, struct pair *ret)
{
    ASSERT(crypto_box_seed_keypair(ret->public_key, ret->secret_key, seed) == 0);
}

void box_public(const uint8_t seed[static BOX_SEED_BYTES], uint8_t ret[static BOX_PUBLIC_BYTES])
{
    AUTO(pair) struct pair p;
    pair_init(seed, &p);
    memcpy(ret, p.public_key, sizeof p.public_key);
}

enum err box_seal(const uint8_t public_key[static BOX_PUBLIC_BYTES], struct str plain,
                  struct buf *out)
{
    size_t total;
    if (!CHECKED_ADD(plain.len, (size_t)BOX_OVERHEAD_BYTES, &total))
        return ERR_TOO_LARGE;
    TRY(buf_reserve(out, total));
    /* It fails for a public key that is no point of the curve, or one of the few weak ones. */
    if (crypto_box_seal((unsigned char *)out->ptr + out->len, (const unsigned char *)plain.ptr,
                        plain.len, public_key) != 0)
        return ERR_INVALID;
    out->len += total;
    return OK;
}

enum err box_open(const uint8_t seed[static BOX_SEED_BYTES], struct str sealed, struct secret **ret)
{
    if (sealed.len < BOX_OVERHEAD_BYTES)
        return ERR_TAMPERED;
    AUTO(pair) struct pair p;
    pair_init(seed, &p);
    AUTO(buf) struct buf plain = buf_make(sealed.len);
    TRY(buf_reserve(&plain, sealed.len));
    if (crypto_box_seal_open((unsigned char *)plain.ptr, (const unsigned char *)sealed.ptr,
                             sealed.len, p.public_key, p.secret_key) != 0)
        return ERR_TAMPERED;
    plain.len = sealed.len - BOX_OVERHEAD_BYTES;
    return secret_new(buf_str(&plain), ret);
}
