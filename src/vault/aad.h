/* The associated data of every sealing: eleven fields, each with its length in front, always all
 * and always in this order, so that no two contexts give the same bytes. A field that a purpose
 * does not use is empty. Built from the look-up, never from the record that is opened. Any thread.
 */
#ifndef VAULT_AAD_H
#define VAULT_AAD_H

#include "buf.h"

enum { ENVELOPE_FORMAT = 1, ENVELOPE_ALGORITHM = 1 }; /* XChaCha20-Poly1305, committing */

/* Longest that a record's context can make it; the bounds are vault_protocol.def's. */
enum { AAD_MAX_BYTES = 1024 };

struct aad {
    struct str purpose, instance_id, team_id, secret_id, name;
    const uint32_t *version; /* NULL: not used */
    const int64_t *created_at_ms;
    const uint64_t *epoch;
    const struct str *policy; /* its BLAKE2b-256 goes in */
    struct str kek_id;
};

enum err aad_build(const struct aad *fields, struct buf *out) MUST_USE; /* appends */

#endif
