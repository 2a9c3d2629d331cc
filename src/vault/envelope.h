/* The records at rest (docs/FORMAT-envelope.md): a team key wrapped under a master key, and a value
 * sealed under a data key of its own that is wrapped under a team key. Everything that opens
 * answers ERR_TAMPERED unless the bytes are whole and were made for exactly this place. Only the
 * vault process has the keys. Any thread. */
#ifndef VAULT_ENVELOPE_H
#define VAULT_ENVELOPE_H

#include "aad.h"
#include "aead.h"
#include "limit.h"
#include "vault.h"

enum { ENVELOPE_WRAPPED_KEY_BYTES = AEAD_OVERHEAD_BYTES + AEAD_KEY_BYTES };

/* A wrapped team key. */
enum {
    TEAM_KEY_AT_VERSION = 8,
    TEAM_KEY_AT_MASTER = 12,
    TEAM_KEY_AT_WRAPPED = 16,
    TEAM_KEY_BYTES = TEAM_KEY_AT_WRAPPED + ENVELOPE_WRAPPED_KEY_BYTES
};

/* A sealed value. */
enum {
    SEALED_AT_KEY_VERSION = 8,
    SEALED_AT_DATA_KEY = 12,
    SEALED_AT_VALUE = SEALED_AT_DATA_KEY + ENVELOPE_WRAPPED_KEY_BYTES,
    SEALED_OVERHEAD_BYTES = SEALED_AT_VALUE + AEAD_OVERHEAD_BYTES,
    SEALED_MAX_BYTES = SEALED_OVERHEAD_BYTES + SECRET_VALUE_MAX_BYTES
};

/* A key that wraps keys, and the version its wraps name. */
struct envelope_kek {
    const struct secret *key;
    uint32_t version;
};

/* A fresh random key. */
enum err envelope_key_new(struct secret **ret) MUST_USE;
/* Valid as long as the secret; ERR_TAMPERED unless it is AEAD_KEY_BYTES long. */
enum err envelope_key_bytes(const struct secret *key, const uint8_t **ret) MUST_USE;

/* Eight bytes: magic, format, algorithm, one byte of the record's own, zero. */
enum err envelope_put_header(struct buf *out, const char magic[static 4], uint8_t own) MUST_USE;
enum err envelope_take_header(struct reader *r, const char magic[static 4],
                              uint8_t *ret_own) MUST_USE;

struct envelope_team_key {
    uint32_t key_version, master_version;
};
enum err envelope_team_key_read(struct str wrapped, struct envelope_team_key *ret) MUST_USE;
/* Appends. */
enum err envelope_team_key_wrap(const struct envelope_kek *master, struct str instance_id,
                                struct str team_id, const struct envelope_kek *team_key,
                                struct buf *out) MUST_USE;
enum err envelope_team_key_unwrap(const struct envelope_kek *master, struct str instance_id,
                                  struct str team_id, struct str wrapped,
                                  struct secret **ret) MUST_USE;

/* The associated data of a record's two sealings; public for the test vectors. */
enum err envelope_value_aad(struct str instance_id, const struct seal_context *context,
                            struct buf *out) MUST_USE;
enum err envelope_data_key_aad(struct str instance_id, const struct seal_context *context,
                               uint32_t team_key_version, struct buf *out) MUST_USE;

enum err envelope_sealed_key_version(struct str sealed, uint32_t *ret) MUST_USE;
enum err envelope_seal(struct str instance_id, const struct seal_context *context,
                       const struct envelope_kek *team_key, struct str value,
                       struct buf *out) MUST_USE; /* appends; ERR_TOO_LARGE */
enum err envelope_open(struct str instance_id, const struct seal_context *context,
                       const struct envelope_kek *team_key, struct str sealed,
                       struct secret **ret) MUST_USE;
/* Wraps the data key anew, under new_key and with the new policy; the value's bytes are copied as
 * they are, unread. */
enum err envelope_rewrap(struct str instance_id, const struct seal_context *context,
                         const struct envelope_kek *old_key, struct str new_policy,
                         const struct envelope_kek *new_key, struct str sealed,
                         struct buf *out) MUST_USE;

#endif
