/* The answers to GET /secrets, kept encoded so that a list costs no query: one for each (team,
 * name pattern). Everything is dropped when any secret changes. Bounded; a list that does not fit
 * is made anew each time. Any thread. */
#ifndef API_SECRET_LISTS_H
#define API_SECRET_LISTS_H

#include "buf.h"
#include "ulid.h"

enum {
    SECRET_LISTS_MAX = 256,
    SECRET_LISTS_MAX_BYTES = 16 * 1024 * 1024, /* all together */
};

struct secret_lists;
struct secret_lists *secret_lists_new(void);
void secret_lists_free(struct secret_lists **l);

/* Calls `use` with the list while it cannot change. False: there is none. */
bool secret_lists_use(struct secret_lists *l, uint64_t generation, struct str team_id,
                      struct str pattern, void (*use)(void *ctx, struct str list), void *ctx);
/* Keeps a copy. `generation` was read before the secrets were. */
void secret_lists_put(struct secret_lists *l, uint64_t generation, struct str team_id,
                      struct str pattern, struct str list);

#endif
