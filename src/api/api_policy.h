/* A secret's policy as clients write and read it:
 * {"sinks": [...]?, "hosts": [...]?, "expiresAt": "..."?}; what is absent restricts nothing. */
#ifndef API_POLICY_H
#define API_POLICY_H

#include "json_encode.h"
#include "policy.h"
#include "problems.h"

/* From the raw value of a member `policy`: an object, or null (and empty bytes) for none. ERR_JSON,
 * ERR_INVALID: every problem, with pointers from "/policy" on. Hosts are in the arena. */
enum err api_policy_read(struct str raw, struct arena *a, struct problems *problems,
                         struct policy *ret) MUST_USE;
/* Its canonical bytes, in the arena. A team that is strict has its sinks written in where the
 * policy names none, so that they are sealed with the secret. */
struct str api_policy_bytes(const struct policy *p, bool strict, struct arena *a);

/* The member `policy`; nothing for one that restricts nothing. ERR_TAMPERED. */
enum err api_policy_write(struct json_out *o, struct str bytes) MUST_USE;

#endif
