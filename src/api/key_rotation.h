/* Rotation of keys while everything runs: of a team's key, the master key, the root key. One thread
 * does one rotation at a time. What is left to do can be seen in the store and the vault (records
 * under an older key, a pending root), so a rotation that was killed is finished at the next start;
 * an old key goes only when no record needs it. Any thread. */
#ifndef API_KEY_ROTATION_H
#define API_KEY_ROTATION_H

#include "api.h"
#include "ulid.h"

/* The audit log of what concerns no team: it is kept under this id. */
#define KEY_ROTATION_INSTANCE "00000000000000000000000000"

enum key_level { KEY_LEVEL_RESUME, KEY_LEVEL_TEAM, KEY_LEVEL_MASTER, KEY_LEVEL_ROOT };
enum key_state { KEY_IDLE, KEY_RUNNING, KEY_DONE, KEY_FAILED };

struct key_rotation_status {
    enum key_level level; /* of the last one asked for */
    enum key_state state;
    struct ulid team_id; /* of KEY_LEVEL_TEAM */
    uint64_t done;       /* records and keys moved so far */
    enum err err;        /* why it failed, or waits for something to come back */
};

struct key_rotation;
/* Begins by finishing what an earlier process left. */
enum err key_rotation_start(struct api *api, struct key_rotation **ret) MUST_USE;
void key_rotation_stop(struct key_rotation **k); /* leaves a running one to the next start */

/* ERR_CONFLICT: one is running. ERR_NOT_IMPLEMENTED: the root key is not the supervisor's file. */
enum err key_rotation_begin(struct key_rotation *k, enum key_level level,
                            struct str team_id) MUST_USE;
struct key_rotation_status key_rotation_status(struct key_rotation *k);

/* Around making a team's key and storing it: the master key does not change meanwhile. False: it is
 * changing just now. */
bool key_rotation_hold(struct key_rotation *k);
void key_rotation_release(struct key_rotation *k);

#endif
