/* The steps of a rotation; key_rotation.c's thread calls them. `begin` makes the new key and must
 * happen once; `finish` moves what is left, can be repeated after any error, and is nothing when
 * nothing is left. */
#ifndef API_KEY_STEPS_H
#define API_KEY_STEPS_H

#include <stdatomic.h>

#include "api.h"

struct key_steps {
    struct api *api;
    const char *actor; /* "operator", "system" */
    pthread_rwlock_t *master_lock;
    _Atomic bool *stop;
    _Atomic uint64_t *done;
};

/* All: ERR_BUSY when stopped on the way. ERR_TAMPERED: a record does not open; the rest is moved
 * and the old key stays. */
enum err key_steps_team_begin(const struct key_steps *s, struct str team_id) MUST_USE;
enum err key_steps_team_finish(const struct key_steps *s, struct str team_id) MUST_USE;
enum err key_steps_master_begin(const struct key_steps *s) MUST_USE;
enum err key_steps_master_finish(const struct key_steps *s) MUST_USE;
enum err key_steps_root_begin(const struct key_steps *s) MUST_USE;
enum err key_steps_root_finish(const struct key_steps *s) MUST_USE;
enum err key_steps_all_teams(const struct key_steps *s) MUST_USE;

#endif
