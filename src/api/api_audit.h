/* What the calls about audit logs share. */
#ifndef API_AUDIT_H
#define API_AUDIT_H

#include "api_team.h"

/* Whose log a request is about: the token's team, for the operator the one that the address names,
 * or without a name the instance. In the request's arena. ERR_NOT_FOUND. */
enum err api_audit_team(struct http_request *r, struct str *ret_team_id) MUST_USE;

#endif
