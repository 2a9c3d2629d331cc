/* A stream of sealed pieces (libsodium's secretstream, XChaCha20-Poly1305): pieces cannot be
 * dropped, repeated, reordered or cut off at the end without notice. Owner thread. */
#ifndef CRYPTO_STREAM_H
#define CRYPTO_STREAM_H

#include "buf.h"

enum { STREAM_KEY_BYTES = 32, STREAM_HEADER_BYTES = 24, STREAM_OVERHEAD_BYTES = 17 };

struct stream {
    _Alignas(16) unsigned char opaque[64];
};
void stream_auto(struct stream *s); /* wipes */

void stream_seal_begin(struct stream *s, const uint8_t key[static STREAM_KEY_BYTES],
                       uint8_t ret_header[static STREAM_HEADER_BYTES]);
/* Appends one piece, STREAM_OVERHEAD_BYTES longer than `plain`. last: nothing comes after it. */
enum err stream_seal(struct stream *s, struct str plain, bool last, struct buf *out) MUST_USE;

/* ERR_TAMPERED, here and below: not what was sealed with this key at this place. */
enum err stream_open_begin(struct stream *s, const uint8_t key[static STREAM_KEY_BYTES],
                           const uint8_t header[static STREAM_HEADER_BYTES]) MUST_USE;
/* Appends what was sealed. */
enum err stream_open(struct stream *s, struct str piece, struct buf *out, bool *ret_last) MUST_USE;

#endif
