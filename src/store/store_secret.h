/* Secrets and their sealed versions. Values are opaque sealed bytes here. */
#ifndef STORE_SECRET_H
#define STORE_SECRET_H

#include "store.h"

struct secret_row {
    struct ulid id, team_id;
    struct str name;
    uint32_t version; /* the current one */
    uint64_t epoch;   /* of the current version */
    int64_t created_at_ms, updated_at_ms,
        last_used_at_ms; /* of the secret; of the current version; 0 never */
    struct str policy;   /* canonical bytes; empty: default */
};
struct sealed_row { /* one version, with all that its AAD needs */
    struct ulid id, team_id;
    struct str name;
    uint32_t version;
    uint64_t epoch;
    int64_t created_at_ms; /* of this version */
    struct str policy;
    uint32_t key_version; /* of the team key that wraps it */
    struct str sealed;
};

/* ERR_SECRET_EXISTS, ERR_NAME_CASE (differs in ASCII case only), ERR_LIMIT (SECRETS_PER_TEAM_MAX).
 */
enum err store_secret_insert(struct store_tx *tx, const struct sealed_row *row) MUST_USE;
/* row->version must be the current one plus 1, row->id the stored id, row->policy the stored policy
 * (a change of it goes through all versions); else ERR_AGAIN. */
enum err store_secret_rotate(struct store_tx *tx, const struct sealed_row *row) MUST_USE;
/* ERR_NOT_FOUND. All versions go; the freed bytes are overwritten and the WAL is truncated soon. */
enum err store_secret_delete(struct store_tx *tx, struct str team_id, struct str id,
                             struct arena *a, struct str *ret_name) MUST_USE;
/* By name order (bytes). */
enum err store_secret_list(struct store_tx *tx, struct str team_id, struct arena *a,
                           struct secret_row **ret, size_t *ret_count) MUST_USE;
enum err store_secret_by_name(struct store_tx *tx, struct str team_id, struct str name,
                              struct arena *a, struct secret_row *ret) MUST_USE;
enum err store_secret_get(struct store_tx *tx, struct str team_id, struct str id, struct arena *a,
                          struct secret_row *ret) MUST_USE;
/* version 0: the current one. */
enum err store_secret_sealed(struct store_tx *tx, struct str team_id, struct str name,
                             uint32_t version, struct arena *a, struct sealed_row *ret) MUST_USE;
/* Does not bump the secrets generation, only that of the uses. */
enum err store_secret_used(struct store_tx *tx, struct str id, int64_t now_ms) MUST_USE;

struct secret_version {
    uint32_t version;
    int64_t created_at_ms;
};
/* Up to `limit` versions of a secret below `before` (0: all), newest first. */
enum err store_secret_versions(struct store_tx *tx, struct str team_id, struct str id,
                               uint32_t before, size_t limit, struct arena *a,
                               struct secret_version **ret, size_t *ret_count) MUST_USE;

/* A secret's policy, as shown and as a rotation takes it over. ERR_NOT_FOUND. Its versions are each
 * given it by store_sealed_replace() in the same transaction. */
enum err store_secret_set_policy(struct store_tx *tx, struct str team_id, struct str id,
                                 struct str policy) MUST_USE;
/* Up to `limit` versions of a secret after `version`, in order. */
enum err store_sealed_after(struct store_tx *tx, struct str team_id, struct str id,
                            uint32_t version, size_t limit, struct arena *a,
                            struct sealed_row **ret, size_t *ret_count) MUST_USE;

/* For team key rotation: up to `limit` versions of the team still under an older team key than
 * key_version; the oldest key first, then in (id, version) order. */
enum err store_sealed_below(struct store_tx *tx, struct str team_id, uint32_t key_version,
                            size_t limit, struct arena *a, struct sealed_row **ret,
                            size_t *ret_count) MUST_USE;
/* Gives one version other sealed bytes, with the key version and policy they are under, if it is
 * still as `old` says; else ERR_AGAIN. */
struct sealed_change {
    uint32_t key_version;
    struct str policy, sealed;
};
enum err store_sealed_replace(struct store_tx *tx, const struct sealed_row *old,
                              const struct sealed_change *change) MUST_USE;

#endif
