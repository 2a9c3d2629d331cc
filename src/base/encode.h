/* Text encodings of bytes: hex, base64, base62, percent, CRC-32. Any thread. */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "buf.h"

enum err encode_hex(struct buf *out, struct str bytes) MUST_USE; /* lower case */
enum err decode_hex(struct str text, struct buf *out) MUST_USE;  /* either case; ERR_INVALID */

int hex_digit(char c); /* 0 to 15; -1: it is none */

enum base64_kind { BASE64_STD, BASE64_URL }; /* with padding, without */
enum err encode_base64(struct buf *out, struct str bytes, enum base64_kind kind) MUST_USE;
enum err decode_base64(struct str text, enum base64_kind kind, struct buf *out) MUST_USE;

/* Everything but A-Z a-z 0-9 - . _ ~ (and '/' when keep_slash) becomes %XX, upper case. */
enum err encode_percent(struct buf *out, struct str bytes, bool keep_slash) MUST_USE;
/* %XX decoded; ERR_INVALID on a broken escape. '+' stays '+'. */
enum err decode_percent(struct str text, struct buf *out) MUST_USE;

/* Random base62 text of `digits` characters, without bias, plus a terminator. */
void random_base62(char *ret, size_t digits);
/* value as exactly `digits` base62 digits (0-9A-Za-z), most significant first; no terminator. */
void encode_base62(uint32_t value, char *ret, size_t digits);
bool base62_only(struct str s); /* 0-9A-Za-z */

uint32_t crc32_of(struct str bytes); /* IEEE 802.3, as zlib */

#endif
