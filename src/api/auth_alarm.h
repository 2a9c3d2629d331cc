/* Worker tokens that are used for what no worker does: whoever has taken one over looks around.
 * Each token is recorded once in a while, in the audit log and in ours, so that nobody fills
 * either. In memory only. Any thread. */
#ifndef API_AUTH_ALARM_H
#define API_AUTH_ALARM_H

#include "jobs.h"

enum { AUTH_ALARM_EVERY_MS = 60 * 1000 };

struct auth_alarm;
struct auth_alarm *auth_alarm_new(void);
void auth_alarm_free(struct auth_alarm **alarm);

/* The actor's token was refused for its role. Nobody waits for the record. */
void auth_alarm_ring(struct auth_alarm *alarm, struct store *store, const struct actor *actor,
                     int64_t monotonic_ms);

#endif
