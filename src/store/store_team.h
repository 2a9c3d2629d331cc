/* Teams, the keyring and the instance. */
#ifndef STORE_TEAM_H
#define STORE_TEAM_H

#include "store.h"

struct team {
    struct ulid id;
    struct str name;
    struct str team_key; /* wrapped; opaque */
    uint32_t key_version;
    bool put_rotates;           /* put_existing = rotate */
    bool strict;                /* secrets without a policy: neither painted, run, nor in bodies */
    struct str webhook_signing; /* name of the secret that signs webhooks; empty: none */
    int64_t created_at_ms;
};

/* Names: 1 to TEAM_NAME_MAX_BYTES of a-z 0-9 - _, beginning with a letter or digit; `root` and
 * `operator` are reserved. */
bool team_name_valid(struct str name);

enum err store_team_insert(struct store_tx *tx,
                           const struct team *team) MUST_USE; /* ERR_TEAM_EXISTS */
enum err store_team_get(struct store_tx *tx, struct str id, struct arena *a,
                        struct team *ret) MUST_USE;
enum err store_team_by_name(struct store_tx *tx, struct str name, struct arena *a,
                            struct team *ret) MUST_USE;
enum err store_team_list(struct store_tx *tx, struct arena *a, struct team **ret,
                         size_t *ret_count) MUST_USE;
enum err store_team_set_put_rotates(struct store_tx *tx, struct str id, bool rotates) MUST_USE;
enum err store_team_set_strict(struct store_tx *tx, struct str id, bool strict) MUST_USE;
enum err store_team_set_webhook_signing(struct store_tx *tx, struct str id,
                                        struct str secret_name) MUST_USE;
/* The team's key, tokens, secrets, jobs, logs, tickets, deliveries and leases. Its audit stays. */
enum err store_team_delete(struct store_tx *tx, struct str id) MUST_USE;

/* Old team key versions stay until no sealed record needs them. */
enum err store_team_key_put(struct store_tx *tx, struct str team_id, uint32_t key_version,
                            struct str team_key) MUST_USE; /* insert or replace that version */
enum err store_team_key_get(struct store_tx *tx, struct str team_id, uint32_t key_version,
                            struct arena *a, struct str *ret_team_key) MUST_USE;
enum err store_team_key_set_current(struct store_tx *tx, struct str team_id,
                                    uint32_t key_version) MUST_USE;
/* Deletes versions below the current one. ERR_KEY_IN_USE while a sealed record needs one. */
enum err store_team_key_retire(struct store_tx *tx, struct str team_id) MUST_USE;
struct team_key_row {
    struct ulid team_id;
    uint32_t key_version;
    struct str team_key;
};
/* Up to `limit` keys after (team_id, key_version), all teams, in key order; for rewraps. */
enum err store_team_keys_after(struct store_tx *tx, struct str team_id, uint32_t key_version,
                               size_t limit, struct arena *a, struct team_key_row **ret,
                               size_t *ret_count) MUST_USE;

/* The keyring blob, and the instance's id made by init. */
enum err store_keyring_put(struct store_tx *tx, struct str keyring) MUST_USE;
enum err store_keyring_get(struct store_tx *tx, struct arena *a, struct str *ret) MUST_USE;
enum err store_instance_put(struct store_tx *tx, struct str instance_id) MUST_USE;
enum err store_instance_get(struct store_tx *tx, struct arena *a, struct str *ret) MUST_USE;

#endif
