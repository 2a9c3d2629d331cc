#include "key_rotation.h"

#include <stdlib.h>
#include <time.h>

#include "alloc.h"
#include "key_steps.h"
#include "log.h"

enum { RETRY_MS = 1000 };

struct key_rotation {
    struct api *api;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_rwlock_t master_lock;
    bool asked;
    struct key_rotation_status status;
    _Atomic bool stop;
    _Atomic uint64_t done;
};

/* What comes back by itself. */
static bool passes(enum err e)
{
    return e == ERR_UNAVAILABLE || e == ERR_STORE_FULL || e == ERR_VAULT_DOWN || e == ERR_LIMIT ||
           e == ERR_AGAIN || e == ERR_KEY_IN_USE;
}

static enum err begin(const struct key_steps *s, const struct key_rotation_status *task)
{
    switch (task->level) {
    case KEY_LEVEL_TEAM:
        return key_steps_team_begin(s, ulid_str(&task->team_id));
    case KEY_LEVEL_MASTER:
        return key_steps_master_begin(s);
    case KEY_LEVEL_ROOT:
        return key_steps_root_begin(s);
    case KEY_LEVEL_RESUME:
        break;
    }
    return OK;
}

static enum err finish(const struct key_steps *s, const struct key_rotation_status *task)
{
    switch (task->level) {
    case KEY_LEVEL_TEAM:
        return key_steps_team_finish(s, ulid_str(&task->team_id));
    case KEY_LEVEL_MASTER:
        return key_steps_master_finish(s);
    case KEY_LEVEL_ROOT:
        return key_steps_root_finish(s);
    case KEY_LEVEL_RESUME:
        break;
    }
    TRY(key_steps_root_finish(s));
    TRY(key_steps_master_finish(s));
    return key_steps_all_teams(s);
}

/* With the lock held. False: it is time to stop. */
static bool pause_for_retry(struct key_rotation *k)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RETRY_MS / 1000;
    while (!k->stop && pthread_cond_timedwait(&k->wake, &k->lock, &until) == 0)
        continue;
    return !k->stop;
}

/* With the lock held, which is let go while it works. */
static void run(struct key_rotation *k)
{
    struct key_rotation_status task = k->status;
    const struct key_steps steps = {.api = k->api,
                                    .actor = task.level == KEY_LEVEL_RESUME ? "system" : "operator",
                                    .master_lock = &k->master_lock,
                                    .stop = &k->stop,
                                    .done = &k->done};
    bool begun = false;
    for (;;) {
        pthread_mutex_unlock(&k->lock);
        enum err e = begun ? OK : begin(&steps, &task);
        begun = e == OK;
        if (begun)
            e = finish(&steps, &task);
        pthread_mutex_lock(&k->lock);
        k->status.err = e;
        if (e == OK || k->stop || !passes(e)) {
            k->status.state = e == OK ? KEY_DONE : KEY_FAILED;
            break;
        }
        if (!pause_for_retry(k))
            break;
    }
    if (k->status.err != OK && !k->stop)
        log_error("key_rotation_failed", kv("code", err_code(k->status.err)));
    if (task.level == KEY_LEVEL_RESUME && k->status.err == OK)
        k->status.state = k->done ? KEY_DONE : KEY_IDLE;
}

static void *thread_main(void *ctx)
{
    struct key_rotation *k = ctx;
    pthread_mutex_lock(&k->lock);
    while (!k->stop) {
        if (k->asked) {
            k->asked = false;
            run(k);
        } else {
            pthread_cond_wait(&k->wake, &k->lock);
        }
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

static void destroy(struct key_rotation **k)
{
    pthread_rwlock_destroy(&(*k)->master_lock);
    pthread_cond_destroy(&(*k)->wake);
    pthread_mutex_destroy(&(*k)->lock);
    free(*k);
    *k = NULL;
}

enum err key_rotation_start(struct api *api, struct key_rotation **ret)
{
    struct key_rotation *k = xcalloc(1, sizeof *k);
    k->api = api;
    k->asked = true;
    k->status = (struct key_rotation_status){.level = KEY_LEVEL_RESUME, .state = KEY_RUNNING};
    ASSERT(pthread_mutex_init(&k->lock, NULL) == 0);
    ASSERT(pthread_cond_init(&k->wake, NULL) == 0);
    ASSERT(pthread_rwlock_init(&k->master_lock, NULL) == 0);
    if (pthread_create(&k->thread, NULL, thread_main, k) != 0) {
        destroy(&k);
        return ERR_LIMIT;
    }
    *ret = k;
    return OK;
}

void key_rotation_stop(struct key_rotation **k)
{
    if (*k == NULL)
        return;
    pthread_mutex_lock(&(*k)->lock);
    (*k)->stop = true;
    pthread_cond_signal(&(*k)->wake);
    pthread_mutex_unlock(&(*k)->lock);
    pthread_join((*k)->thread, NULL);
    destroy(k);
}

enum err key_rotation_begin(struct key_rotation *k, enum key_level level, struct str team_id)
{
    if (level == KEY_LEVEL_ROOT && (!k->api->offer_root || !k->api->commit_root))
        return ERR_NOT_IMPLEMENTED;
    struct key_rotation_status task = {.level = level, .state = KEY_RUNNING};
    if (level == KEY_LEVEL_TEAM)
        TRY(ulid_from(team_id, &task.team_id));
    enum err e = OK;
    pthread_mutex_lock(&k->lock);
    if (k->status.state == KEY_RUNNING) {
        e = ERR_CONFLICT;
    } else {
        k->status = task;
        k->done = 0;
        k->asked = true;
        pthread_cond_signal(&k->wake);
    }
    pthread_mutex_unlock(&k->lock);
    return e;
}

struct key_rotation_status key_rotation_status(struct key_rotation *k)
{
    pthread_mutex_lock(&k->lock);
    struct key_rotation_status status = k->status;
    pthread_mutex_unlock(&k->lock);
    status.done = k->done;
    return status;
}

bool key_rotation_hold(struct key_rotation *k)
{
    return pthread_rwlock_tryrdlock(&k->master_lock) == 0;
}

void key_rotation_release(struct key_rotation *k)
{
    pthread_rwlock_unlock(&k->master_lock);
}
