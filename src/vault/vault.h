/* The vault's client: typed requests to the process that holds the keys. No request returns a key.
 * One struct vault is one socket; calls are serialised by a lock inside it, so any thread may call.
 * Every call can fail with ERR_VAULT_DOWN; after a broken exchange every further one does. What
 * does not fit the bounds of vault_protocol.def, the table of requests, is ERR_INVALID. A returned
 * buf's contents are replaced. */
#ifndef VAULT_H
#define VAULT_H

#include "buf.h"
#include "secret.h"
#include "ulid.h"

struct vault;

/* Takes over the socket. */
struct vault *vault_connect(int socket);
void vault_free(struct vault **v);

/* --- keyring: wrapped blobs are opaque; the store keeps them --- */

/* A new keyring: master version 1, token-hash key, audit key. It is not in use before it is stored
 * and unlocked. ERR_CONFLICT when unlocked. */
enum err vault_keyring_create(struct vault *v, struct str instance_id,
                              struct buf *ret_keyring) MUST_USE;
/* Unlocks the process with the stored keyring. ERR_TAMPERED: wrong root key or edited blob. Until
 * then every other request but vault_status and the one above is refused with ERR_VAULT_DOWN. May
 * be called again: what is stored replaces what is held (when a rotated keyring could not be
 * stored). ERR_CONFLICT: unlocked for another instance. */
enum err vault_unlock(struct vault *v, struct str instance_id, struct str keyring) MUST_USE;
/* Adds a master key version; new wraps use it at once, so store the keyring before any of them.
 * ERR_LIMIT: too many versions were never retired. */
enum err vault_master_rotate(struct vault *v, struct buf *ret_keyring) MUST_USE;
/* Drops master versions below `least`. The caller has made sure no record needs them. ERR_CONFLICT:
 * `least` is not a version that is held. */
enum err vault_master_retire(struct vault *v, uint32_t least, struct buf *ret_keyring) MUST_USE;
/* Root rotation: wraps the keyring under both roots while a pending root is loaded (the supervisor
 * hands it over), else under the only one. */
enum err vault_keyring_rewrap(struct vault *v, struct buf *ret_keyring) MUST_USE;
/* The pending root becomes the root; the old one is wiped. ERR_CONFLICT without a pending one. */
enum err vault_root_commit(struct vault *v, struct buf *ret_keyring) MUST_USE;

struct vault_status {
    uint32_t master_version;  /* current */
    uint32_t master_versions; /* how many are held */
    bool unlocked, pending_root;
    bool memory_locked, sandboxed;
};
enum err vault_status(struct vault *v, struct vault_status *ret) MUST_USE;

/* --- team keys --- */

/* key_version counts from 1 within the team. */
enum err vault_team_key_create(struct vault *v, struct str team_id, uint32_t key_version,
                               struct buf *ret_team_key) MUST_USE;
/* The same key wrapped under the current master version. */
enum err vault_team_key_rewrap(struct vault *v, struct str team_id, struct str team_key,
                               struct buf *ret_team_key) MUST_USE;
/* Read from the clear header of a blob; no request. ERR_TAMPERED when it is not one. */
enum err vault_team_key_versions(struct str team_key, uint32_t *ret_key_version,
                                 uint32_t *ret_master_version) MUST_USE;

/* --- secrets --- */

/* What a sealed value is bound to. Built from the look-up, never from the record just read. */
struct seal_context {
    struct str team_id, secret_id, name; /* ids are ULID text */
    uint32_t version;                    /* counts from 1 */
    uint64_t epoch;                      /* state epoch of this version */
    int64_t created_at_ms;               /* of this version */
    struct str policy;                   /* canonical bytes; empty is the default policy */
};

/* A fresh data key for this version, wrapped under the team key. ret_sealed is opaque, about 300
 * bytes more than the value. ERR_INVALID, here and below: a policy that is not canonical. */
enum err vault_seal(struct vault *v, const struct seal_context *context, struct str team_key,
                    const struct secret *value, struct buf *ret_sealed) MUST_USE;

/* Why a value is wanted. ERR_INVALID without a job, for a delivery without a host, without a sink
 * for anything but a mask, and for a pick-up with another sink than text or script. */
enum vault_purpose {
    VAULT_FOR_DELIVERY = 1, /* sent to the host, or used to sign for it */
    VAULT_FOR_PICKUP = 2,   /* handed to a worker */
    VAULT_FOR_MASKING = 3,  /* stays where it is: no policy forbids it */
    VAULT_FOR_ADDRESS = 4   /* finds out the host; then it is opened again, for that host */
};
struct vault_use {
    enum vault_purpose purpose;
    unsigned sinks; /* bits of enum policy_sink: every place the value goes to */
    struct str job_id;
    struct str field; /* JSON pointer of the reference */
    struct str host;  /* "host:port" that is connected to, IPv6 in brackets; deliveries only */
};
/* ERR_TAMPERED: not what it was sealed as, policy included. ERR_POLICY_EXPIRED, ERR_POLICY_SINK,
 * ERR_POLICY_HOST: its policy forbids this use. */
enum err vault_open_for_use(struct vault *v, const struct seal_context *context,
                            struct str team_key, struct str sealed, const struct vault_use *use,
                            struct secret **ret) MUST_USE;

/* How long the value is that these bytes seal; 0 when they are none. */
size_t vault_value_bytes(struct str sealed);

/* Re-wraps the data key under another team key version; the value's bytes stay. */
enum err vault_rewrap(struct vault *v, const struct seal_context *context, struct str old_team_key,
                      struct str new_team_key, struct str sealed, struct buf *ret_sealed) MUST_USE;
/* The same with a changed policy; context has the old one. Either way only the first
 * VAULT_SEALED_HEAD_BYTES differ from what they were. */
enum { VAULT_SEALED_HEAD_BYTES = 116 };
enum err vault_rewrap_policy(struct vault *v, const struct seal_context *context,
                             struct str new_policy, struct str old_team_key,
                             struct str new_team_key, struct str sealed,
                             struct buf *ret_sealed) MUST_USE;
enum err vault_sealed_key_version(struct str sealed,
                                  uint32_t *ret_key_version) MUST_USE; /* no request */

/* Seals the value of one version anew as a later one, under the current team key; the value stays
 * inside. The policy is the record's own and cannot be another. ERR_INVALID: not a later version.
 * ERR_POLICY_EXPIRED: it is not used any more, so not taken up again either. */
struct vault_reseal {
    uint32_t version;
    uint64_t epoch;
    int64_t created_at_ms; /* of the new version */
    struct str team_key;   /* that it is sealed under */
};
enum err vault_reseal(struct vault *v, const struct seal_context *context, struct str team_key,
                      struct str sealed, const struct vault_reseal *as,
                      struct buf *ret_sealed) MUST_USE;

/* --- tokens and audit --- */

/* BLAKE2b-256 of a token's secret part under the token-hash key. */
enum err vault_hash_token(struct vault *v, struct str token_secret,
                          uint8_t ret[static 32]) MUST_USE;

/* macs[i] = BLAKE2b-256(audit key, macs[i-1] || records[i]), starting from `previous`. Any number
 * of records; split over messages as needed. ERR_TOO_LARGE: a record that fills a message. After an
 * error ret_macs holds nothing of use. */
enum err vault_chain_audit(struct vault *v, const uint8_t previous[static 32],
                           const struct str *records, size_t count,
                           uint8_t (*ret_macs)[32]) MUST_USE;

/* A signed statement of how long a team's log is, what its tree's root and its last MAC are
 * (audit_note.h), and the public key to check it with; both as text. */
enum err vault_sign_checkpoint(struct vault *v, struct str team_id, uint64_t size,
                               const uint8_t root[static 32], const uint8_t head[static 32],
                               struct buf *ret_note) MUST_USE;
enum err vault_checkpoint_key(struct vault *v, struct str team_id, struct buf *ret_key) MUST_USE;

/* --- backups --- */

/* The keyring, sealed for the installation's recovery key (recovery.h). ERR_NO_RECOVERY_KEY. */
enum err vault_recovery_export(struct vault *v, struct buf *ret_export) MUST_USE;
/* BLAKE2b-256(stamp key, digest): says that a backup was made by whoever may ask this vault. */
enum err vault_backup_stamp(struct vault *v, const uint8_t digest[static 32],
                            uint8_t ret[static 32]) MUST_USE;
/* Does a sealed value open as what it is said to be? ERR_TAMPERED. No value is returned. */
enum err vault_verify(struct vault *v, const struct seal_context *context, struct str team_key,
                      struct str sealed) MUST_USE;

/* --- addresses that need no token --- */

/* macs[i] = BLAKE2b-256(address key, records[i]). Otherwise as vault_chain_audit. */
enum err vault_sign_addresses(struct vault *v, const struct str *records, size_t count,
                              uint8_t (*ret_macs)[32]) MUST_USE;

#endif
