#include "stream.h"

#include <sodium.h>

#include "alloc.h"

_Static_assert(STREAM_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES, "key");
_Static_assert(STREAM_HEADER_BYTES == crypto_secretstream_xchacha20poly1305_HEADERBYTES, "header");
_Static_assert(STREAM_OVERHEAD_BYTES == crypto_secretstream_xchacha20poly1305_ABYTES, "overhead");
_Static_assert(sizeof(crypto_secretstream_xchacha20poly1305_state) <= sizeof(struct stream),
               "state fits");

static crypto_secretstream_xchacha20poly1305_state *state_of(struct stream *s)
{
    return (crypto_secretstream_xchacha20poly1305_state *)(void *)s->opaque;
}

void stream_auto(struct stream *s)
{
    wipe(s, sizeof *s);
}

void stream_seal_begin(struct stream *s, const uint8_t key[static STREAM_KEY_BYTES],
                       uint8_t ret_header[static STREAM_HEADER_BYTES])
{
    ASSERT(crypto_secretstream_xchacha20poly1305_init_push(state_of(s), ret_header, key) == 0);
}

enum err stream_seal(struct stream *s, struct str plain, bool last, struct buf *out)
{
    size_t total;
    if (!CHECKED_ADD(plain.len, (size_t)STREAM_OVERHEAD_BYTES, &total))
        return ERR_TOO_LARGE;
    TRY(buf_reserve(out, total));
    ASSERT(crypto_secretstream_xchacha20poly1305_push(
               state_of(s), (unsigned char *)out->ptr + out->len, NULL,
               (const unsigned char *)plain.ptr, plain.len, NULL, 0,
               last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                    : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE) == 0);
    out->len += total;
    return OK;
}

enum err stream_open_begin(struct stream *s, const uint8_t key[static STREAM_KEY_BYTES],
                           const uint8_t header[static STREAM_HEADER_BYTES])
{
    return crypto_secretstream_xchacha20poly1305_init_pull(state_of(s), header, key) == 0
               ? OK
               : ERR_TAMPERED;
}

enum err stream_open(struct stream *s, struct str piece, struct buf *out, bool *ret_last)
{
    unsigned char tag;
    unsigned long long len;
    if (piece.len < STREAM_OVERHEAD_BYTES)
        return ERR_TAMPERED;
    TRY(buf_reserve(out, piece.len));
    if (crypto_secretstream_xchacha20poly1305_pull(
            state_of(s), (unsigned char *)out->ptr + out->len, &len, &tag,
            (const unsigned char *)piece.ptr, piece.len, NULL, 0) != 0)
        return ERR_TAMPERED;
    bool last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    if (!last && tag != crypto_secretstream_xchacha20poly1305_TAG_MESSAGE)
        return ERR_TAMPERED;
    out->len += (size_t)len;
    *ret_last = last;
    return OK;
}
