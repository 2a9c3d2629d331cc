/* Who is asking and what they may: tokens checked against the store, scopes of the roles, name
 * patterns. Every refusal looks the same from outside, whatever its reason. Any thread. */
#ifndef API_AUTH_H
#define API_AUTH_H

#include "session.h"

enum scope {
    SCOPE_NONE, /* no token */
    SCOPE_ANY,  /* any valid token */
    SCOPE_SECRETS_LIST,
    SCOPE_SECRETS_MANAGE,
    SCOPE_JOBS_SUBMIT, /* and bring templates and fonts */
    SCOPE_LIBRARY,     /* rename and remove templates and fonts */
    SCOPE_JOBS_READ,   /* and templates and fonts */
    SCOPE_WORKER,
    SCOPE_FARM, /* see states of jobs in protocol v1; a worker those it holds */
    SCOPE_AUDIT,
    SCOPE_ADMIN,
    SCOPE_CONSOLE,  /* sign in at the web console, and see to its sessions */
    SCOPE_OPERATOR, /* the UNIX socket in the data directory only; no role has it */
    SCOPE_COUNT
};
bool auth_role_allows(enum token_role role, enum scope scope);

/* Patterns as job_names.h reads them: a name, or a prefix followed by '*'; "*" is all names. */
bool auth_pattern_valid(struct str pattern);
bool auth_pattern_within(struct str inner, struct str outer); /* inner allows nothing more */

struct http_request;
/* The result of a check, in the request's arena; a handler's deferred part is found here too. */
struct auth_user {
    struct actor actor;
    enum token_role role;  /* ROLE_COUNT: the operator */
    int64_t expires_at_ms; /* of the token; 0: never */
    struct str addresses;  /* where it may be used from; empty: anywhere */
    struct str session_id; /* of a console session; empty: the token itself was shown */
    int64_t session_ends_at_ms;
    void *work; /* api_work() */
    void (*run)(struct http_request *r);
};

struct auth;
struct auth *auth_new(struct store *store, struct vault *vault);
void auth_free(struct auth **a); /* after the store is closed: late uses may still be written */

/* How long console sessions last. Set before the first request. */
void auth_set_session_limits(struct auth *a, struct session_limits limits);
struct session_limits auth_session_limits(const struct auth *a);

/* What a request shows: the Authorization header as it came, or one of these instead, which then
 * counts alone: a bare token (the header nexrender-secret of protocol v1), or a console session's
 * cookie, whose request was found to come from the console. */
struct auth_given {
    struct str header, token, session;
    bool background; /* the page asks by itself: this is no use of the session */
};
/* Counts failures of `peer`. ERR_UNAUTHORIZED,
 * ERR_RATE (too many failures; only instead of ERR_UNAUTHORIZED), ERR_UNAVAILABLE, ERR_VAULT_DOWN.
 * actor.address and actor.request_id are left to the caller. */
enum err auth_check(struct auth *a, struct auth_given given, struct str peer, struct arena *arena,
                    struct auth_user **ret) MUST_USE;

/* The same for a token at the console's sign-in, where an address with too many failures is locked:
 * ERR_RATE then for what is no valid token, and *ret_wait_ms says for how long. A valid one gets
 * in: behind a proxy all people share one address, and nobody may lock the others out. */
enum err auth_sign_in(struct auth *a, struct str token, struct str peer, struct arena *arena,
                      struct auth_user **ret, int64_t *ret_wait_ms) MUST_USE;
/* Like everything here that asks what time it is: setting the clock back revives nothing. */
int64_t auth_now_ms(const struct auth *a);

/* A good token was refused for its role: a worker's is worth an alarm. */
void auth_denied(struct auth *a, const struct auth_user *user);

#endif
