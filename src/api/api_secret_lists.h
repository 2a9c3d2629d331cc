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
    /* Jobs use secrets all day: when each was last used may be told so much late. */
    SECRET_LISTS_STALE_MS = 1000,
};

struct secret_lists;
struct secret_lists *secret_lists_new(void);
void secret_lists_free(struct secret_lists **l);

/* What stands in the store now; read before the secrets are. */
struct secret_lists_now {
    uint64_t generation; /* another one: no list is good any more */
    uint64_t uses;       /* another one: lists are good for SECRET_LISTS_STALE_MS */
    int64_t at_ms;       /* monotonic */
};
/* Calls `use` with the list while it cannot change. False: there is none. */
bool secret_lists_use(struct secret_lists *l, struct secret_lists_now now, struct str team_id,
                      struct str pattern, void (*use)(void *ctx, struct str list), void *ctx);
/* Keeps a copy. */
void secret_lists_put(struct secret_lists *l, struct secret_lists_now now, struct str team_id,
                      struct str pattern, struct str list);

#endif
