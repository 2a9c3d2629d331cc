/* Which team a request is about: the token's own, or for the operator the one the address names. */
#ifndef API_TEAM_H
#define API_TEAM_H

#include "api_request.h"
#include "store_team.h"

/* ERR_NOT_FOUND. */
enum err api_team_find(struct store_tx *tx, struct http_request *r, struct team *ret) MUST_USE;
/* The same in a transaction of its own. */
enum err api_team_read(struct http_request *r, struct team *ret) MUST_USE;

void api_team_write(struct json_out *o, const struct team *team); /* without braces */

#endif
