/* SIGTERM and SIGINT to a worker: the first asks it to stop after the present job, the second to
 * stop now. Owner thread. */
#ifndef WORKER_STOP_H
#define WORKER_STOP_H

#include "str.h"

struct worker_stop {
    int fd, asked;
};

/* From here on the two signals are read, not obeyed. ERR_LIMIT: no descriptor. */
enum err worker_stop_open(struct worker_stop *ret) MUST_USE;
void worker_stop_auto(struct worker_stop *s);

/* How often we were asked until now. */
int worker_stop_asked(struct worker_stop *s);
/* Waits for the time, or until we were asked `times` times; false: the time is over. */
bool worker_stop_wait(struct worker_stop *s, int64_t ms, int times);

#endif
