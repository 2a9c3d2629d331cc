#include "auth_alarm.h"

#include <pthread.h>
#include <stdlib.h>

#include "alloc.h"
#include "log.h"
#include "store_audit.h"

enum { TOKENS = 64, TOKEN_ID_SIZE = 17 };

struct auth_alarm {
    pthread_mutex_t lock;
    struct rung {
        char token_id[TOKEN_ID_SIZE];
        int64_t at_ms;
    } rung[TOKENS]; /* the oldest gives way */
};

struct auth_alarm *auth_alarm_new(void)
{
    struct auth_alarm *alarm = xcalloc(1, sizeof *alarm);
    ASSERT(pthread_mutex_init(&alarm->lock, NULL) == 0);
    return alarm;
}

void auth_alarm_free(struct auth_alarm **alarm)
{
    if (*alarm == NULL)
        return;
    pthread_mutex_destroy(&(*alarm)->lock);
    free(*alarm);
    *alarm = NULL;
}

static bool due(struct auth_alarm *alarm, struct str token_id, int64_t now_ms)
{
    struct rung *oldest = &alarm->rung[0];
    pthread_mutex_lock(&alarm->lock);
    bool is_due = true;
    for (size_t i = 0; i < TOKENS; i++) {
        struct rung *one = &alarm->rung[i];
        if (str_is(token_id, one->token_id)) {
            oldest = one;
            is_due = now_ms - one->at_ms >= AUTH_ALARM_EVERY_MS;
            break;
        }
        if (one->at_ms < oldest->at_ms)
            oldest = one;
    }
    if (is_due && str_to_text(token_id, oldest->token_id, TOKEN_ID_SIZE) == OK)
        oldest->at_ms = now_ms;
    pthread_mutex_unlock(&alarm->lock);
    return is_due;
}

/* The request does not wait, so the record has its own copies. */
struct denial {
    struct arena arena;
    struct actor actor;
};

static enum err deny_op(struct store_tx *tx, void *ctx)
{
    const struct denial *d = ctx;
    struct audit_record record = {.type = AUDIT_TOKEN_DENIED,
                                  .team_id = d->actor.team_id,
                                  .actor = d->actor.token_id,
                                  .address = d->actor.address,
                                  .request_id = d->actor.request_id,
                                  .subject = d->actor.token_id};
    return store_audit(tx, &record);
}

static void deny_done(enum err result, void *ctx)
{
    struct denial *d = ctx;
    (void)result; /* the log has it, too */
    arena_auto(&d->arena);
    free(d);
}

void auth_alarm_ring(struct auth_alarm *alarm, struct store *store, const struct actor *actor,
                     int64_t monotonic_ms)
{
    if (!due(alarm, actor->token_id, monotonic_ms))
        return;
    log_warn("worker_token_denied", kv("token", actor->token_id), kv("address", actor->address),
             kv("request", actor->request_id));
    struct denial *d = xcalloc(1, sizeof *d);
    d->arena = arena_make();
    d->actor = (struct actor){.team_id = arena_str(&d->arena, actor->team_id),
                              .token_id = arena_str(&d->arena, actor->token_id),
                              .address = arena_str(&d->arena, actor->address),
                              .request_id = arena_str(&d->arena, actor->request_id)};
    store_write(store, deny_op, deny_done, d);
}
