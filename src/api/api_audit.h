/* What the calls about audit logs share. */
#ifndef API_AUDIT_H
#define API_AUDIT_H

#include "api_team.h"

/* Whose log a request is about: the token's team, for the operator the one that the address names,
 * or without a name the instance. In the request's arena. ERR_NOT_FOUND. */
enum err api_audit_team(struct http_request *r, struct str *ret_team_id) MUST_USE;

/* One of the places for walks or searches, which hold a thread of those that may block: one of each
 * team, so that no team keeps the others from theirs. NULL: not now, ERR_BUSY. */
char *audit_place_take(struct api *api, char (*places)[ULID_LEN + 1], size_t count,
                       struct str team_id);
void audit_place_leave(struct api *api, char *place);

#endif
